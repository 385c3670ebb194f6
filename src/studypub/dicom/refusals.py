"""Tells the log whom we refused, without letting those fill it, and counts."""

import logging
import threading
import time
from typing import Literal

from studypub.dicom import visitors
from studypub.dicom.visitors import Visit, Visitors
from studypub.metrics import Metrics

log = logging.getLogger(__name__)

_QUIET_SECONDS = 60.0
_MOST_KEPT = 1000
_OTHERS = "*"
What = Literal["association", "instance"]
# Why a connection was refused: what the log says, and how that is counted.
_COUNTED = {
    visitors.FOREIGN_ADDRESS: "unknown_address",
    visitors.TOO_MANY_FROM_THERE: "too_many_of_address",
    visitors.TOO_MANY: "too_many",
    visitors.FOREIGN_TITLE: "unknown_calling_ae",
    visitors.OTHER_TITLE_CALLED: "wrong_called_ae",
    visitors.NOT_BY_THE_STANDARD: "against_standard",
    visitors.NO_DICOM: "not_dicom",
    "слишком длинный PDU": "long_pdu",
    "PDU приходит слишком медленно": "slow_pdu",
}
_OTHER = "other"
_SAID: dict[What, str] = {"association": "Соединение отклонено", "instance": "Изображение отклонено"}


class Refusals:
    """One line a minute for each address and message, with how often it was. Safe to use from several threads."""

    def __init__(self, metrics: Metrics | None = None) -> None:
        self._lock = threading.Lock()
        self._told: dict[tuple[str, str], float] = {}
        self._untold: dict[tuple[str, str], int] = {}
        self._looked = time.monotonic()
        self._metrics = metrics or Metrics()
        self.visitors = Visitors()

    def note(self, address: str, what: What, reason: str, *, ae_title: str = "", called: str = "", **more: str) -> None:
        """Tell of a refusal at once, or with the others of this minute. The reason says no identifiers."""
        self.visitors.note(Visit(address, reason, ae_title, called, is_instance=what == "instance"))
        details: dict[str, object] = {**({"ae_title": ae_title} if ae_title else {}), **more}
        message = f"{_SAID[what]}: {reason}"
        self._metrics.refused.labels(what).inc()
        if what == "association":
            self._metrics.rejections.labels(_COUNTED.get(reason, _OTHER)).inc()
        with self._lock:
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
