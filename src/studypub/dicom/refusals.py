"""Tells the log whom we refused, without letting those fill it, and counts."""

import logging
import threading
import time
from collections import Counter
from collections.abc import Mapping
from typing import Literal

log = logging.getLogger(__name__)

_QUIET_SECONDS = 60.0
_MOST_KEPT = 1000
_OTHERS = "*"
What = Literal["association", "instance"]
_SAID: dict[What, str] = {"association": "Соединение отклонено", "instance": "Изображение отклонено"}


class Refusals:
    """One line a minute for each address and message, with how often it was. Safe to use from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._told: dict[tuple[str, str], float] = {}
        self._untold: dict[tuple[str, str], int] = {}
        self._looked = time.monotonic()
        self._counts: Counter[str] = Counter(association=0, instance=0)

    @property
    def counts(self) -> Mapping[str, int]:
        """How much of each kind was refused."""
        return dict(self._counts)

    def note(self, address: str, what: What, reason: str, **details: object) -> None:
        """Tell of a refusal at once, or with the others of this minute. The reason says no identifiers."""
        message = f"{_SAID[what]}: {reason}"
        with self._lock:
            self._counts[what] += 1
            full = len(self._told) >= _MOST_KEPT and (address, message) not in self._told
            key = (_OTHERS if full else address, message)
            is_first = key not in self._told
            if is_first:
                self._told[key] = time.monotonic()
            else:
                self._untold[key] = self._untold.get(key, 0) + 1
        if is_first:
            _tell(key, 1, details)

    def tell(self) -> None:
        """Tell of what has gathered for a minute; call this now and then."""
        now = time.monotonic()
        if now - self._looked < 1:
            return
        self._looked = now
        with self._lock:
            due = [key for key, told in self._told.items() if now - told >= _QUIET_SECONDS]
            counts = {key: self._untold.pop(key) for key in due if key in self._untold}
            for key in due:
                del self._told[key]
            self._told |= dict.fromkeys(counts, now)
        for key, count in counts.items():
            _tell(key, count, {})


def _tell(key: tuple[str, str], count: int, details: dict[str, object]) -> None:
    address, message = key
    log.warning("%s", message, extra={"details": {"address": address, "count": count, **details}})
