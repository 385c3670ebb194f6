"""Turns: of the threads that prepare studies one at a time computes, in the order in which they asked."""

import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final


class Turns:
    """Lets one thread at a time go on, whoever has waited longest. Nobody who waits for something else should hold it.

    Python runs one thread at a time anyway: each that competes is one more that the others wait for, the one that
    answers browsers first of all. A lock alone would be taken again at once by whoever gave it back.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._is_taken = False
        self._waiting: deque[threading.Lock] = deque()

    @contextmanager
    def mine(self) -> Iterator[None]:
        """Wait for a turn, and give it on at the end."""
        self._take()
        try:
            yield
        finally:
            self._give_on()

    def _take(self) -> None:
        with self._lock:
            if not self._is_taken:
                self._is_taken = True
                return
            call = threading.Lock()
            call.acquire()
            self._waiting.append(call)
        call.acquire()  # until it is released: the turn is handed over, not given back

    def _give_on(self) -> None:
        with self._lock:
            if self._waiting:
                self._waiting.popleft().release()
            else:
                self._is_taken = False


TURNS: Final = Turns()  # there is one interpreter in a process
