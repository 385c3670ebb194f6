"""Has instances looked at by a process of its own, which may crash or hang without harm."""

import tempfile
import threading
import time
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import msgspec

from studypub.pixels.job import Job, Outcome, Report
from studypub.pixels.message import Request, report_of, request_line
from studypub.pixels.servant import NoAnswer, Servant, Stopped

__all__ = ["Looker", "Stopped"]

_MODULE: Final = "studypub.pixels.child"
_SECONDS: Final = 180.0
_OWN_SHARE: Final = 0.8  # of a job's time: then the child itself gives up, with a report


class Looker:
    """One child process for many jobs of one study, started with the first; to be closed by whoever made it."""

    def __init__(self, stop: threading.Event, seconds: float = _SECONDS) -> None:
        """Allow each job that many seconds; `stop` ends the one under way."""
        self._stop, self._seconds = stop, seconds
        self._child: Servant | None = None

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
            try:
                return self._asked(request_line(request))
            except (NoAnswer, Stopped) as error:
                self.close()
                if not existed:
                    job.target.unlink(missing_ok=True)
                if isinstance(error, Stopped):
                    raise
                return Report(outcome=Outcome.UNREADABLE, why=str(error))

    def _asked(self, line: bytes) -> Report:
        deadline = time.monotonic() + self._seconds
        child = self._running()
        child.ask(line)
        try:
            return report_of(child.answer(deadline, self._stop))
        except msgspec.DecodeError:
            raise NoAnswer("crash") from None

    def _running(self) -> Servant:
        if self._child and not self._child.is_alive:
            self.close()
        if not self._child:
            self._child = Servant(_MODULE)
        return self._child

    def close(self) -> None:
        """End the child, and what it has started."""
        child, self._child = self._child, None
        if child:
            child.end()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
