"""The timers of an association go by a clock that nobody sets."""

import time

from pynetdicom.timer import Timer


class SteadyTimer(Timer):
    """The library's, which goes by the time of day: where that is set, it runs out at once, or not for a day."""

    @property
    def remaining(self) -> float:
        """How many seconds are left; 1 where it never runs out."""
        if self.timeout is None:
            return 1
        if self._start_time is None:
            return self.timeout
        now = time.monotonic() if self._end_time is None else self._end_time
        return self.timeout - (now - self._start_time)

    def start(self) -> None:
        """Begin anew."""
        self._start_time, self._end_time = time.monotonic(), None

    def stop(self) -> None:
        """Keep what is left."""
        self._end_time = time.monotonic()
