"""Who may connect, and who of them sends for which PACS."""

import ipaddress
import socket
import threading
import time
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass

from studypub.config import Pacs

_RESOLVE_SECONDS = 60.0
_PATIENCE_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Senders:
    """From which hosts, under which AE titles, one PACS sends."""

    hosts: frozenset[str]
    ae_titles: frozenset[str]

    @classmethod
    def of(cls, pacs: Pacs) -> "Senders":
        """Return those that the configuration names: the PACS itself and its further ones."""
        return cls(frozenset({pacs.host, *pacs.peers}), frozenset({pacs.ae_title, *pacs.peer_ae_titles}))


SentBy = Callable[[Senders], bool]
"""Whether whoever sends is one of these."""


class KnownPeers:
    """The addresses of the PACS in the configuration; names are looked up anew now and then."""

    def __init__(self, hosts: Iterable[str]) -> None:
        self._addresses: dict[str, frozenset[str]] = dict.fromkeys(hosts, frozenset())
        self._resolved = float("-inf")
        self._lock = threading.Lock()

    def include(self, address: str, hosts: Collection[str] | None = None) -> bool:
        """Whether this address is one of theirs, or of those of them that are named."""
        known = plain(address)
        if not self._know(known, hosts) and time.monotonic() - self._resolved > _RESOLVE_SECONDS:
            self._resolved = time.monotonic()
            # A name service that does not answer may not keep those waiting who come after a stranger.
            resolving = threading.Thread(target=self._resolve, name="dicom-peers", daemon=True)
            resolving.start()
            resolving.join(_PATIENCE_SECONDS)
        return self._know(known, hosts)

    def know(self, hosts: Iterable[str]) -> None:
        """Know these, too; none is forgotten: a study may be on its way from there."""
        with self._lock:
            new = set(hosts) - self._addresses.keys()
            if new:
                self._addresses = {**self._addresses, **dict.fromkeys(new, frozenset())}
                self._resolved = float("-inf")

    def _resolve(self) -> None:
        # A name that cannot be looked up now keeps the addresses that it had.
        found = {host: _addresses(host) or known for host, known in self._addresses.items()}
        with self._lock:
            self._addresses = {**self._addresses, **found}

    def _know(self, address: str, hosts: Collection[str] | None) -> bool:
        return any(address in known for host, known in self._addresses.items() if hosts is None or host in hosts)


def plain(address: str) -> str:
    """Return the one spelling of an address; a socket for both families has its own for those of IPv4."""
    parsed = ipaddress.ip_address(address)
    mapped = parsed.ipv4_mapped if isinstance(parsed, ipaddress.IPv6Address) else None
    return str(mapped or parsed)


def _addresses(host: str) -> frozenset[str]:
    try:
        return frozenset({plain(host)})
    except ValueError:
        pass
    try:
        return frozenset(plain(str(info[4][0])) for info in socket.getaddrinfo(host, None, type=socket.SOCK_STREAM))
    except OSError:
        return frozenset()
