"""Where lines of the log go: each is written whole, or not at all and OSError is raised."""

import errno
import io
import os
from pathlib import Path
from typing import TextIO

_MODE = 0o640  # less what the process's umask takes away


class StandardOutput:
    """The journal, where systemd has started us."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, line: bytes) -> None:
        """Write it; that takes as long as whoever reads it."""
        try:
            descriptor = self._stream.fileno()
        except io.UnsupportedOperation:  # not one of the system's
            self._stream.write(line.decode())
            return
        rest = memoryview(line)
        while rest:
            rest = rest[os.write(descriptor, rest) :]


class LogFile:
    """A file that may be renamed, removed or cut while it is written (logrotate(8): create, copytruncate)."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._descriptor: int | None = None

    def write(self, line: bytes) -> None:
        """Append it to the file that has the name now; what a full disk took of it is taken back."""
        descriptor = self._follow()
        before = os.fstat(descriptor).st_size
        written = os.write(descriptor, line)
        if written < len(line):
            if os.fstat(descriptor).st_size == before + written:  # nobody has cut it meanwhile
                os.ftruncate(descriptor, before)
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def open(self) -> None:
        """Open it, if it is not. Raises OSError."""
        self._follow()

    def close(self) -> None:
        """Give it back to the system."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def _follow(self) -> int:
        """Return what the file of this name is written by, opened anew where it is another one."""
        if self._descriptor is not None and not self._is_ours(self._descriptor):
            self.close()
        if self._descriptor is None:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._descriptor = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, _MODE)
        return self._descriptor

    def _is_ours(self, descriptor: int) -> bool:
        try:
            return os.path.samestat(self._path.stat(), os.fstat(descriptor))
        except OSError:
            return False
