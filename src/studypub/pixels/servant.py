"""A process of its own that decodes pixels, as whoever has started it sees it."""

import os
import select
import selectors
import threading
import time
from contextlib import suppress
from typing import BinaryIO, Final

from studypub.pixels.nursery import NURSERY

_GLANCE: Final = 0.2  # seconds between looks at `stop`
_CHUNK: Final = 1 << 16
_LONGEST: Final = 1 << 24  # bytes of an answer


class Stopped(Exception):
    """Nobody waits for the answer any more."""


class NoAnswer(Exception):
    """The process has crashed, or takes too long; its code says which."""


class Servant:
    """A fresh child, for one use; it takes one request, a line, after the other."""

    def __init__(self, module: str, *, nice: int = 0) -> None:
        """Let it run that module's `main`, `nice` to everything else. Raises OSError."""
        self._answered = bytearray()
        its_input, self._requests = _pipe()
        self._answers, its_output = _pipe()
        with its_input, its_output:
            try:
                self.pid = NURSERY.bear(module, nice, (its_input.fileno(), its_output.fileno()))
            except OSError:
                self._close()
                raise

    @property
    def is_alive(self) -> bool:
        """Whether it has not ended."""
        watched = select.poll()
        watched.register(self._answers, 0)
        return not watched.poll(0)  # nobody else can write there

    def ask(self, line: bytes) -> None:
        """Send a request. Raises NoAnswer."""
        try:
            self._requests.write(line)
            self._requests.flush()
        except BrokenPipeError:
            raise NoAnswer("crash") from None

    def answer(self, deadline: float, stop: threading.Event) -> bytes:
        """Return the next line of what it answers; `deadline` is of the monotonic clock. Raises NoAnswer, Stopped."""
        with selectors.DefaultSelector() as selector:
            selector.register(self._answers, selectors.EVENT_READ)
            while (end := self._answered.find(b"\n")) < 0:
                if stop.is_set():
                    raise Stopped
                if time.monotonic() > deadline:
                    raise NoAnswer("timeout")
                if selector.select(_GLANCE):
                    part = os.read(self._answers.fileno(), _CHUNK)
                    self._answered += part
                    if not part or len(self._answered) > _LONGEST:
                        raise NoAnswer("crash")
        line = bytes(self._answered[: end + 1])
        del self._answered[: end + 1]
        return line

    def end(self) -> None:
        """End it, and what it has started."""
        NURSERY.end(self.pid)
        self._close()

    def _close(self) -> None:
        for pipe in (self._requests, self._answers):
            with suppress(BrokenPipeError):  # half a request was still to be written
                pipe.close()


def _pipe() -> tuple[BinaryIO, BinaryIO]:
    """Return the ends from which is read and to which is written."""
    reading, writing = os.pipe()
    return os.fdopen(reading, "rb"), os.fdopen(writing, "wb")
