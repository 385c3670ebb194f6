"""Lets a running daemon tell what of a request reached it: whoever asks sends a nonce by way of the public address."""

import secrets
import threading
from collections import OrderedDict
from dataclasses import dataclass
from typing import Final, Protocol

PARAMETER: Final = "probe"  # of /healthz
_MOST_WAITING: Final = 100


@dataclass(frozen=True, slots=True)
class Seen:
    """What a request was like where it arrived; a header that did not is None.

    `peer` is who connected to the daemon, `is_trusted` whether that is one of our proxies, `scheme` how it spoke to us.
    """

    peer: str
    is_trusted: bool
    scheme: str
    forwarded_for: str | None = None
    forwarded_proto: str | None = None
    range: str | None = None
    is_forwarded: bool = False


class Asked(Protocol):
    """A running daemon."""

    def new(self) -> str:
        """Return a nonce that it now waits for."""

    def seen(self, nonce: str) -> Seen | None:
        """Return what the request with that nonce was like when it arrived; None where none did."""


class Probes:
    """The nonces that are waited for. Safe to use from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: OrderedDict[str, Seen | None] = OrderedDict()

    def new(self) -> str:
        """Return a nonce that is now waited for; the oldest of too many is given up."""
        nonce = secrets.token_urlsafe(16)
        with self._lock:
            self._waiting[nonce] = None
            if len(self._waiting) > _MOST_WAITING:
                self._waiting.popitem(last=False)
        return nonce

    def note(self, nonce: str, seen: Seen) -> None:
        """Take note of a request, if it is one that is waited for; the first counts."""
        with self._lock:
            if nonce in self._waiting and self._waiting[nonce] is None:
                self._waiting[nonce] = seen

    def seen(self, nonce: str) -> Seen | None:
        """Return what the request with that nonce was like, once."""
        with self._lock:
            return self._waiting.pop(nonce, None)
