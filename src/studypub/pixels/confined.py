"""What holds for every process that decodes pixels: its limits, and requests on standard input, answers on output.

A decoder that is fed a hostile file may crash, eat all memory, or never end. Here it takes only this process with it.
"""

import ctypes
import os
import queue
import resource
import signal
import sys
import threading
from collections.abc import Callable, Iterable
from typing import BinaryIO, Final, Protocol, TypeVar

_MEMORY: Final = 3 << 30  # bytes
_FILE: Final = 8 << 30  # bytes
_FILES: Final = 128
_CPU_SECONDS: Final = 30  # a job's CPU time beyond the time that it is given by the clock
_PR_SET_PDEATHSIG: Final = 1


class Timed(Protocol):
    """A request that has so many seconds."""

    @property
    def seconds(self) -> float:
        """The time there is."""


_Request = TypeVar("_Request", bound=Timed)


def serve(read: Callable[[bytes], _Request], answers: Callable[[_Request], Iterable[bytes]]) -> None:
    """Answer requests, a line each, until standard input ends, or the parent does; an answer is a line or more."""
    _limit()
    output = _own_output()
    for request in iter(_requests(read).get, None):
        _allow_cpu(request.seconds)
        for line in answers(request):
            output.write(line)
            output.flush()


def _limit() -> None:
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, ctypes.c_ulong(signal.SIGKILL))
    os.umask(0o077)
    limits = {resource.RLIMIT_AS: _MEMORY, resource.RLIMIT_FSIZE: _FILE, resource.RLIMIT_NOFILE: _FILES}
    for limit, most in (limits | {resource.RLIMIT_CORE: 0}).items():
        resource.setrlimit(limit, (most, most))


def _own_output() -> BinaryIO:
    """Keep the pipe for answers; what a decoder prints goes nowhere."""
    output = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    return output


def _requests(read: Callable[[bytes], _Request]) -> "queue.Queue[_Request | None]":
    """Read requests in a thread of its own: it notices at once that the parent is gone, and ends everything."""
    requests: queue.Queue[_Request | None] = queue.Queue()

    def follow() -> None:
        for line in sys.stdin.buffer:
            requests.put(read(line))
        os.killpg(0, signal.SIGKILL)

    threading.Thread(target=follow, daemon=True).start()
    return requests


def _allow_cpu(seconds: float) -> None:
    used = resource.getrusage(resource.RUSAGE_SELF)
    allowed = int(used.ru_utime + used.ru_stime + seconds) + _CPU_SECONDS
    resource.setrlimit(resource.RLIMIT_CPU, (allowed, resource.getrlimit(resource.RLIMIT_CPU)[1]))
