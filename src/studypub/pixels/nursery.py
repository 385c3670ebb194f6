"""Has processes that decode pixels forked, one for each use, from one that has imported everything before."""

import atexit
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Sequence
from contextlib import suppress
from typing import Final, NamedTuple

_MODULE: Final = "studypub.pixels.nurse"
_PASSED_ON: Final = ("PATH", "TESSDATA_PREFIX")
_ONE_THREAD: Final = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "LC_ALL": "C.UTF-8"}
_PATIENCE: Final = 60.0  # seconds; whoever asks first waits for the imports
_ANSWER: Final = 16  # bytes


class _Nurse(NamedTuple):
    """The process that forks, and our end of the socket over which it is asked to."""

    process: subprocess.Popen[bytes]
    control: socket.socket


class Nursery:
    """Looks after the process that forks: it sees no image itself, so each child begins without a trace of others.

    It starts when it is first needed, and anew where it has died. It ends with this process, however that ends, since
    it waits for the other end of its socket; its children end with it. For many threads.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._nurse: _Nurse | None = None

    def prepare(self, module: str) -> None:
        """Have imported now what the children of a module need, and do not wait for it. Raises OSError."""
        with self._lock:
            self._running().control.sendall(f"prepare {module}".encode())

    def bear(self, module: str, nice: int, pipes: Sequence[int]) -> int:
        """Fork a child that runs the `main` of a module, in a group of its own; return its process ID. Raises OSError.

        `pipes`: our descriptors of what are its standard input and output. `nice`: how much nicer than we are.
        """
        asked = f"bear {module} {nice}"
        with self._lock:
            try:
                return int(self._asked(asked, pipes))
            except OSError:  # it has died, or hangs
                return int(self._asked(asked, pipes))

    def end(self, pid: int) -> None:
        """End a child, and what it has started; until then its number is given to nobody else."""
        with self._lock, suppress(OSError):  # without a nurse there is no child any more
            self._asked(f"end {pid}")

    def close(self) -> None:
        """End the process that forks, and its children."""
        with self._lock:
            self._give_up()

    def _asked(self, question: str, pipes: Sequence[int] = ()) -> bytes:
        control = self._running().control
        try:
            socket.send_fds(control, [question.encode()], pipes)
            answer = control.recv(_ANSWER)
            if not answer:
                raise ConnectionResetError("the process that forks has ended")
        except OSError:
            self._give_up()  # its next answer would be that to another question
            raise
        return answer

    def _running(self) -> _Nurse:
        if self._nurse and self._nurse.process.poll() is not None:
            self._give_up()
        self._nurse = self._nurse or _started()
        return self._nurse

    def _give_up(self) -> None:
        nurse, self._nurse = self._nurse, None
        if nurse:
            nurse.control.close()
            nurse.process.kill()
            nurse.process.wait()


def _started() -> _Nurse:
    ours, its = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    ours.settimeout(_PATIENCE)
    with its:
        process = subprocess.Popen(
            (sys.executable, "-I", "-m", _MODULE, str(its.fileno())),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,  # a traceback may quote what was read
            env={name: os.environ[name] for name in _PASSED_ON if name in os.environ} | _ONE_THREAD,
            cwd="/",
            process_group=0,
            pass_fds=(its.fileno(),),
        )
    return _Nurse(process, ours)


NURSERY: Final = Nursery()  # a process needs one
atexit.register(NURSERY.close)
