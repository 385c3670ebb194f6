"""Has instances looked at by a process of its own, which may crash or hang without harm."""

import os
import selectors
import signal
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import IO, Final, Self

import msgspec

from studypub.pixels.job import Job, Outcome, Report
from studypub.pixels.message import Request, report_of, request_line

_COMMAND: Final = (sys.executable, "-I", "-m", "studypub.pixels.child")
_PASSED_ON: Final = ("PATH", "TESSDATA_PREFIX")
_ONE_THREAD: Final = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "LC_ALL": "C.UTF-8"}
_SECONDS: Final = 180.0
_OWN_SHARE: Final = 0.8  # of a job's time: then the child itself gives up, with a report
_GLANCE: Final = 0.2  # seconds between looks at `stop`
_CHUNK: Final = 1 << 16
_LONGEST: Final = 1 << 24  # bytes of a report


class Stopped(Exception):
    """Nobody waits for the report any more."""


class Looker:
    """One child process for many jobs; to be used, and closed, by the thread that made it.

    The child starts with the first job. It ends with this object, and with the thread or the process that started it.
    """

    def __init__(self, stop: threading.Event, seconds: float = _SECONDS) -> None:
        """Allow each job that many seconds; `stop` ends the one under way."""
        self._stop, self._seconds = stop, seconds
        self._child: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int | None:
        """The child's process ID, which is its group's too; None while there is none."""
        return self._child.pid if self._child else None

    def look(self, job: Job) -> Report:
        """Have the instance looked at; a child that crashes or takes too long leaves no target behind.

        Raises Stopped, OSError where no child can be started or there is no room for temporary files.
        """
        with tempfile.TemporaryDirectory(dir=job.target.parent, prefix="look-") as scratch:
            request = Request(job=job, scratch=Path(scratch), seconds=self._seconds * _OWN_SHARE)
            existed = job.target.exists()
            report = self._asked(request_line(request))
            if isinstance(report, Report):
                return report
            self.close()
            if not existed:
                job.target.unlink(missing_ok=True)
        if report == "stopped":
            raise Stopped
        return Report(outcome=Outcome.UNREADABLE, why=report)

    def _asked(self, line: bytes) -> Report | str:
        """Return the report, or why there is none."""
        deadline = time.monotonic() + self._seconds
        child = self._running()
        try:
            _pipe(child.stdin).write(line)
            _pipe(child.stdin).flush()
            answer = self._answer(_pipe(child.stdout), deadline)
            return answer if isinstance(answer, str) else report_of(answer)
        except (BrokenPipeError, msgspec.DecodeError):
            return "crash"

    def _answer(self, reports: IO[bytes], deadline: float) -> bytes | str:
        answer = bytearray()
        with selectors.DefaultSelector() as selector:
            selector.register(reports, selectors.EVENT_READ)
            while not answer.endswith(b"\n"):
                if self._stop.is_set():
                    return "stopped"
                if time.monotonic() > deadline:
                    return "timeout"
                if selector.select(_GLANCE):
                    part = os.read(reports.fileno(), _CHUNK)
                    answer += part
                    if not part or len(answer) > _LONGEST:
                        return "crash"
        return bytes(answer)

    def _running(self) -> subprocess.Popen[bytes]:
        if self._child and self._child.poll() is not None:
            self.close()
        if not self._child:
            self._child = subprocess.Popen(
                _COMMAND,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,  # a traceback may quote what was read
                env={name: os.environ[name] for name in _PASSED_ON if name in os.environ} | _ONE_THREAD,
                cwd="/",
                process_group=0,
            )
        return self._child

    def close(self) -> None:
        """End the child, and what it has started."""
        child, self._child = self._child, None
        if child:
            # Its group lives on while Tesseract does, even if the child itself is gone.
            with suppress(ProcessLookupError):
                os.killpg(child.pid, signal.SIGKILL)
            child.wait()
            for pipe in (child.stdin, child.stdout):
                with suppress(BrokenPipeError):  # half a request was still to be written
                    _pipe(pipe).close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _pipe(pipe: IO[bytes] | None) -> IO[bytes]:
    if pipe is None:
        raise ValueError("the child was started without pipes")
    return pipe
