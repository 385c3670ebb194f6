"""What this process holds: threads, descriptors, memory."""

import os
import threading
import time
from collections.abc import Callable
from pathlib import Path

_PAGE = os.sysconf("SC_PAGE_SIZE")
_TICK = threading.Event()  # nobody sets it: waiting for it gives others the processor


def descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def memory() -> int:
    """Return the resident bytes."""
    return int(Path("/proc/self/statm").read_text("ascii").split()[1]) * _PAGE


def peak_memory(process: int | str = "self") -> int:
    """Return the most bytes that were ever resident, pages of mapped files included."""
    return _status(process, "VmHWM")


def own_memory(process: int | str = "self") -> int:
    """Return the resident bytes that are no file's."""
    return _status(process, "RssAnon")


def _status(process: int | str, name: str) -> int:
    status = Path(f"/proc/{process}/status").read_text("utf-8")
    return 1024 * int(status.partition(f"{name}:")[2].split()[0])


def threads() -> list[str]:
    """Return the names of those that live."""
    return sorted(thread.name for thread in threading.enumerate())


def becomes_true(condition: Callable[[], bool], seconds: float = 60.0) -> bool:
    """Look until the condition holds, for a bounded time."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            return False
        _TICK.wait(0.01)
    return True
