"""Runs other people's programs beside the tests, and never leaves one behind."""

import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from random import SystemRandom

_READY_SECONDS = 30.0
_POLL_SECONDS = 0.05
_PORTS = range(10000, 20000)  # the kernel gives away those from 32768 on by itself, tests/peers/s3.py those from 20000
_taken: list[socket.socket] = []  # a name of the kernel's for each port, gone with the process that holds it


class NotReadyError(Exception):
    """The program ended, or did not answer in time; the text is the end of what it printed."""


@contextmanager
def running(
    command: Sequence[str | Path], log: Path, ready: Callable[[], bool], environment: Mapping[str, str] | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    """Start `command`, wait until `ready()`, and kill it with all its children at the end.

    The kernel kills it too when the tests' process dies first. What it prints goes to `log`.
    """
    with log.open("wb") as output:
        process = subprocess.Popen(
            ["setpriv", "--pdeathsig", "KILL", "--", *command],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            # Debian's dcmtk leaves Nagle's algorithm on: 45 ms an instance (Orthanc is built with dcmtk).
            env={**os.environ, "TCP_NODELAY": "1", **(environment or {})},
            start_new_session=True,
        )
    try:
        _wait(process, ready, log)
        yield process
    finally:
        _kill(process)


def free_port() -> int:
    """Return a loopback port that nobody listens on, and that no other test takes while this process lives.

    It is none of those that the system gives to whoever connects or listens without naming a port: between our
    looking and the program's listening, one of these may be given away.
    """
    for port in SystemRandom().sample(_PORTS, len(_PORTS)):
        taken = socket.socket(socket.AF_UNIX)
        try:
            taken.bind(f"\0studypub-tests-port-{port}")
            with socket.socket() as probe:
                probe.bind(("127.0.0.1", port))
        except OSError:
            taken.close()
            continue
        _taken.append(taken)
        return port
    raise AssertionError("no free port")


@contextmanager
def deaf_port() -> Iterator[int]:
    """Hold a loopback port that refuses every connection, and that nobody else can take meanwhile."""
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        yield holder.getsockname()[1]


def listens(port: int) -> bool:
    """Say whether somebody accepts connections at a loopback port."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _wait(process: subprocess.Popen[bytes], ready: Callable[[], bool], log: Path) -> None:
    deadline = time.monotonic() + _READY_SECONDS
    while not ready():
        if _ended(process) or time.monotonic() > deadline:
            raise NotReadyError(log.read_text(errors="replace")[-2000:])


def _ended(process: subprocess.Popen[bytes]) -> bool:
    try:
        process.wait(_POLL_SECONDS)
    except subprocess.TimeoutExpired:
        return False
    return True


def _kill(process: subprocess.Popen[bytes]) -> None:
    with suppress(ProcessLookupError):  # all of the group have ended already
        os.killpg(process.pid, signal.SIGKILL)
    process.wait(_READY_SECONDS)
