"""The process from which those that decode pixels are forked: `python -m studypub.pixels.nurse DESCRIPTOR`.

It has one thread, and knows nothing of what its children see. One that has ended stays in the system's table until we
are asked to end it, so that nobody else gets its number meanwhile.
"""

import gc
import os
import signal
import socket
import sys
from contextlib import suppress
from importlib import import_module
from typing import Final, NoReturn

_LONGEST: Final = 256  # bytes of a question
_PIPES: Final = 2


def main(descriptor: int) -> None:
    """Do what we are asked over the socket, until its other end is closed."""
    children: set[int] = set()
    with socket.socket(fileno=descriptor) as control:
        while question := socket.recv_fds(control, _LONGEST, _PIPES):
            words, pipes = question[0].decode().split(), question[1]
            match words:
                case ["prepare", module]:
                    _prepare(module)
                case ["bear", module, nice]:
                    _prepare(module)
                    pid = os.fork() or _live(module, int(nice), control, pipes)
                    children.add(pid)
                    control.sendall(str(pid).encode())
                case ["end", pid]:
                    if int(pid) in children:
                        _end(int(pid))
                    children.discard(int(pid))
                    control.sendall(b"ended")
                case _:
                    return
            for pipe in pipes:
                os.close(pipe)


def _prepare(module: str) -> None:
    if module not in sys.modules:
        import_module(module)
        gc.freeze()  # what is never looked through stays shared with all children


def _live(module: str, nice: int, control: socket.socket, pipes: list[int]) -> NoReturn:
    """Be a child, to the end."""
    try:
        os.setpgid(0, 0)
        control.close()
        for number, pipe in enumerate(pipes):
            os.dup2(pipe, number)
            os.close(pipe)
        os.nice(nice)
        sys.modules[module].main()
    finally:
        os._exit(1)


def _end(pid: int) -> None:
    # Its group lives on while Tesseract does, even if the child itself is gone.
    with suppress(ProcessLookupError):
        os.killpg(pid, signal.SIGKILL)
    with suppress(ProcessLookupError):  # it has no group of its own yet
        os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)


if __name__ == "__main__":
    main(int(sys.argv[1]))
