"""The process that decodes pixels: `python -m studypub.pixels.child`, requests on standard input, reports on output.

A decoder that is fed a hostile file may crash, eat all memory, or never end. Here it takes only this process with it.
"""

import ctypes
import os
import queue
import resource
import signal
import sys
import threading
from typing import BinaryIO, Final

from studypub.pixels.job import Outcome, Report
from studypub.pixels.look import look
from studypub.pixels.message import Request, report_line, request_of

_MEMORY: Final = 3 << 30  # bytes
_FILE: Final = 8 << 30  # bytes
_FILES: Final = 128
_CPU_SECONDS: Final = 30  # a job's CPU time beyond the time that it is given by the clock
_PR_SET_PDEATHSIG: Final = 1


def main() -> None:
    """Serve jobs until standard input ends, or the parent does."""
    _limit()
    reports = _own_output()
    for request in iter(_requests().get, None):
        _allow_cpu(request.seconds)
        reports.write(report_line(_report(request)))
        reports.flush()


def _limit() -> None:
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, ctypes.c_ulong(signal.SIGKILL))
    os.umask(0o077)
    limits = {resource.RLIMIT_AS: _MEMORY, resource.RLIMIT_FSIZE: _FILE, resource.RLIMIT_NOFILE: _FILES}
    for limit, most in (limits | {resource.RLIMIT_CORE: 0}).items():
        resource.setrlimit(limit, (most, most))


def _own_output() -> BinaryIO:
    """Keep the pipe for reports; what a decoder prints goes nowhere."""
    reports = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    return reports


def _requests() -> "queue.Queue[Request | None]":
    """Read requests in a thread of its own: it notices at once that the parent is gone, and ends everything."""
    requests: queue.Queue[Request | None] = queue.Queue()

    def read() -> None:
        for line in sys.stdin.buffer:
            requests.put(request_of(line))
        os.killpg(0, signal.SIGKILL)

    threading.Thread(target=read, daemon=True).start()
    return requests


def _allow_cpu(seconds: float) -> None:
    used = resource.getrusage(resource.RUSAGE_SELF)
    allowed = int(used.ru_utime + used.ru_stime + seconds) + _CPU_SECONDS
    resource.setrlimit(resource.RLIMIT_CPU, (allowed, resource.getrlimit(resource.RLIMIT_CPU)[1]))


def _report(request: Request) -> Report:
    try:
        return look(request.job, request.scratch, request.seconds)
    except MemoryError:
        return Report(outcome=Outcome.UNREADABLE, why="memory")
    except OSError:
        return Report(outcome=Outcome.UNREADABLE, why="io")


if __name__ == "__main__":
    main()
