"""Processes of a server that we did not start: finding them and waiting for their end."""

import os
import select
import signal
import time
from contextlib import ExitStack, suppress
from pathlib import Path


def of(data: Path) -> list[int]:
    """Return the process ids of PostgreSQL's processes in the folder.

    PostgreSQL's processes have their data folder as working folder; a number in `postmaster.pid` alone may by now
    belong to somebody else's process.
    """
    return [int(entry.name) for entry in Path("/proc").glob("[0-9]*") if _works_in(entry, data)]


def interrupt(data: Path, seconds: float) -> bool:
    """Shut down the server in the folder, if one runs; say whether all its processes ended within the time.

    Only the first process is told (SIGINT: fast shutdown, which rolls back and ends cleanly); the others follow.
    """
    found = of(data)
    with ExitStack() as handles:
        waiting = {}
        for pid in found:
            with suppress(ProcessLookupError):
                handle = os.pidfd_open(pid)
                handles.callback(os.close, handle)
                waiting[handle] = pid
        first = _first_pid(data)
        # The handles hold on to the processes: looked at once more, none can have become another.
        for handle, pid in waiting.items():
            if pid == first and _works_in(Path(f"/proc/{pid}"), data):
                with suppress(ProcessLookupError):
                    signal.pidfd_send_signal(handle, signal.SIGINT)
        return _ended(list(waiting), time.monotonic() + seconds)


def _first_pid(data: Path) -> int | None:
    try:
        return int((data / "postmaster.pid").read_text().split()[0])
    except (FileNotFoundError, ValueError, IndexError):
        return None


def _works_in(process: Path, data: Path) -> bool:
    try:
        return (process / "comm").read_text() == "postgres\n" and (process / "cwd").readlink() == data
    except OSError:  # gone meanwhile, or another user's
        return False


def _ended(handles: list[int], deadline: float) -> bool:
    poll = select.poll()
    for handle in handles:
        poll.register(handle, select.POLLIN)
    left = len(handles)
    while left and (milliseconds := (deadline - time.monotonic()) * 1000) > 0:
        for handle, _ in poll.poll(milliseconds):
            poll.unregister(handle)
            left -= 1
    return not left
