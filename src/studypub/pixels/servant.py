"""A process of its own that decodes pixels, as whoever has started it sees it."""

import os
import selectors
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress
from typing import IO, Final

_PASSED_ON: Final = ("PATH", "TESSDATA_PREFIX")
_ONE_THREAD: Final = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "LC_ALL": "C.UTF-8"}
_GLANCE: Final = 0.2  # seconds between looks at `stop`
_CHUNK: Final = 1 << 16
_LONGEST: Final = 1 << 24  # bytes of an answer


class Stopped(Exception):
    """Nobody waits for the answer any more."""


class NoAnswer(Exception):
    """The process has crashed, or takes too long; its code says which."""


class Servant:
    """A child of the thread that makes it, with which it ends; it takes one request, a line, after the other."""

    def __init__(self, module: str, *, nice: int = 0) -> None:
        """Start it, `nice` to everything else. Raises OSError."""
        self._answered = bytearray()
        self._child = subprocess.Popen(
            (sys.executable, "-I", "-m", module),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,  # a traceback may quote what was read
            env={name: os.environ[name] for name in _PASSED_ON if name in os.environ} | _ONE_THREAD,
            cwd="/",
            process_group=0,
        )
        if nice:
            own = os.getpriority(os.PRIO_PROCESS, 0)
            os.setpriority(os.PRIO_PROCESS, self._child.pid, min(own + nice, 19))

    @property
    def pid(self) -> int:
        """Its process ID, which is its group's too."""
        return self._child.pid

    @property
    def is_alive(self) -> bool:
        """Whether it has not ended."""
        return self._child.poll() is None

    def ask(self, line: bytes) -> None:
        """Send a request. Raises NoAnswer."""
        try:
            _pipe(self._child.stdin).write(line)
            _pipe(self._child.stdin).flush()
        except BrokenPipeError:
            raise NoAnswer("crash") from None

    def answer(self, deadline: float, stop: threading.Event) -> bytes:
        """Return the next line of what it answers; `deadline` is of the monotonic clock. Raises NoAnswer, Stopped."""
        answers = _pipe(self._child.stdout)
        with selectors.DefaultSelector() as selector:
            selector.register(answers, selectors.EVENT_READ)
            while (end := self._answered.find(b"\n")) < 0:
                if stop.is_set():
                    raise Stopped
                if time.monotonic() > deadline:
                    raise NoAnswer("timeout")
                if selector.select(_GLANCE):
                    part = os.read(answers.fileno(), _CHUNK)
                    self._answered += part
                    if not part or len(self._answered) > _LONGEST:
                        raise NoAnswer("crash")
        line = bytes(self._answered[: end + 1])
        del self._answered[: end + 1]
        return line

    def end(self) -> None:
        """End it, and what it has started."""
        # Its group lives on while Tesseract does, even if the child itself is gone.
        with suppress(ProcessLookupError):
            os.killpg(self._child.pid, signal.SIGKILL)
        self._child.wait()
        for pipe in (self._child.stdin, self._child.stdout):
            with suppress(BrokenPipeError):  # half a request was still to be written
                _pipe(pipe).close()


def _pipe(pipe: IO[bytes] | None) -> IO[bytes]:
    if pipe is None:
        raise ValueError("the child was started without pipes")
    return pipe
