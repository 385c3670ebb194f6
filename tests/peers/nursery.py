"""Starts daemons quickly: a process that has imported everything forks one for each start.

`python -m tests.peers.nursery` reads commands from its standard input, one JSON object a line, and answers each with
one. It has a single thread, so that a fork of it is as good as a fresh process.
"""

import ctypes
import faulthandler
import json
import os
import resource
import select
import signal
import sys
import threading
from pathlib import Path
from typing import Any, NoReturn

from tests.peers import failpoints

from studypub import cli
from studypub.commands import service

__all__ = ["service"]  # imported here once, and not at each start

_PR_SET_PDEATHSIG = 1
_ENDED: dict[int, int] = {}


def main() -> None:
    print("{}", flush=True)  # noqa: T201 - how it says that it is ready
    for line in sys.stdin:
        command = json.loads(line)
        answer = _wait(**command["wait"]) if "wait" in command else _start(**command["start"])
        print(json.dumps(answer), flush=True)  # noqa: T201


def _start(arguments: list[str], environment: dict[str, str], output: str) -> dict[str, Any]:
    assert threading.active_count() == 1
    pid = os.fork()
    if pid == 0:
        _become(arguments, environment, output)
    _ENDED.pop(pid, None)  # a number that another one had
    return {"pid": pid}


def _become(arguments: list[str], environment: dict[str, str], output: str) -> NoReturn:
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    os.setsid()
    os.environ.update(environment)
    if most := environment.get("STUDYPUB_MOST_ADDRESSES"):
        resource.setrlimit(resource.RLIMIT_AS, (int(most), int(most)))
    if group := environment.get("STUDYPUB_CONTROL_GROUP"):
        Path(group, "cgroup.procs").write_text(str(os.getpid()))
    nothing = os.open(os.devnull, os.O_RDONLY)
    said = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    for source, target in ((nothing, 0), (said, 1), (said, 2)):
        os.dup2(source, target)
    faulthandler.register(signal.SIGUSR2)  # says where its threads stand
    status = 70
    try:
        failpoints.install(os.environ)
        cli.main(arguments)
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else 1
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


def _wait(pid: int, seconds: float) -> dict[str, Any]:
    if pid in _ENDED:
        return {"status": _ENDED[pid]}
    handle = os.pidfd_open(pid)
    try:
        poll = select.poll()
        poll.register(handle, select.POLLIN)
        if not poll.poll(seconds * 1000):
            return {"status": None}
        _ENDED[pid] = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        return {"status": _ENDED[pid]}
    finally:
        os.close(handle)


if __name__ == "__main__":
    main()
