"""How many requests each API key may make: a steady rate, and a reserve for a burst."""

import time
from collections.abc import Callable
from datetime import timedelta

_BURST_SECONDS = 10.0  # so much of the rate may be used at once


class Allowance:
    """Counts in this process, which is the only one; a key that is revoked leaves a number behind and no more."""

    def __init__(self, per_minute: int, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._per_second = per_minute / 60
        self._reserve = max(1.0, self._per_second * _BURST_SECONDS)
        self._clock = clock
        self._left: dict[str, tuple[float, float]] = {}

    def spend(self, key_id: str) -> timedelta:
        """Count a request; return how long it has to wait, zero where it need not, and then it counts."""
        now = self._clock()
        left, since = self._left.get(key_id, (self._reserve, now))
        left = min(self._reserve, left + (now - since) * self._per_second)
        if left < 1:
            return timedelta(seconds=(1 - left) / self._per_second)
        self._left[key_id] = (left - 1, now)
        return timedelta(0)
