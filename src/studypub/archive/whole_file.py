"""A file in the making: others may read what of it is final, and it has its name only when it is whole."""

import contextlib
import errno
import hashlib
import io
import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from studypub.errors import DiskFull

_BLOCK_BYTES = 1 << 20


class Digest(NamedTuple):
    """What a file is known by: its size in bytes and its hash."""

    size: int
    sha256: bytes


class Abandoned(Exception):
    """The file that somebody follows will never be whole."""


class WholeFile:
    """A file in the making, beside its place as `<name>.part`, until `commit` moves it there.

    Nothing is forced to the disk: it is worth nothing after a loss of power.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._part = path.with_name(path.name + ".part")
        self.stream = self._part.open("w+b")
        self._sha256 = hashlib.sha256()
        self._changed = threading.Condition()
        self._final = 0
        self._is_released = self._is_abandoned = False

    def reserve(self, size: int) -> None:
        """Take so many bytes of the disk for what is written next. Raises OSError; nothing has changed then."""
        self.stream.flush()
        end, handle = self.stream.tell(), self.stream.fileno()
        try:
            os.posix_fallocate(handle, end, size)
        except OSError:
            os.ftruncate(handle, end)
            raise

    def settle(self) -> None:
        """Say that all that is written is final; it counts for the hash as it lies in the file."""
        self.stream.flush()
        end = self.stream.tell()
        for place in range(self._final, end, _BLOCK_BYTES):
            self._sha256.update(os.pread(self.stream.fileno(), min(_BLOCK_BYTES, end - place), place))
        with self._changed:
            self._final = end
            self._changed.notify_all()

    def follow(self) -> "Follower":
        """Return a stream of what is final, whose end comes with `release`."""
        return Follower(self, self._part)

    def wait_for(self, place: int) -> int:
        """Wait until so much is final, or all that comes; return where that ends. Raises Abandoned."""
        with self._changed:
            while self._final < place and not (self._is_released or self._is_abandoned):
                self._changed.wait()
            if self._is_abandoned:
                raise Abandoned
            return self._final

    def commit(self) -> Digest:
        """Give the file its name and return what it is known by."""
        self.settle()
        self.stream.close()
        self._part.replace(self._path)
        return Digest(self._final, self._sha256.digest())

    def release(self) -> None:
        """Let those who follow come to the end; the file is committed."""
        with self._changed:
            self._is_released = True
            self._changed.notify_all()

    def discard(self) -> None:
        """Remove the unfinished file, and tell those who follow, unless it was committed or released."""
        with self._changed:
            self._is_abandoned = not self._is_released
            self._changed.notify_all()
        with contextlib.suppress(OSError):  # what was buffered finds no room any more
            self.stream.close()
        self._part.unlink(missing_ok=True)


class Follower(io.RawIOBase):
    """Reads a file behind whoever writes it."""

    def __init__(self, file: WholeFile, path: Path) -> None:
        super().__init__()
        self._file = file
        self._source = path.open("rb", buffering=0)
        self._place = 0

    def read(self, size: int = -1) -> bytes:
        """Return so many bytes, fewer at the end alone; waits for them. Raises Abandoned."""
        if size < 0:
            raise ValueError("not all at once")
        wanted = self._place + size
        end = min(self._file.wait_for(wanted), wanted)
        content = os.pread(self._source.fileno(), end - self._place, self._place)
        self._place += len(content)
        return content

    def close(self) -> None:
        """Give the file back."""
        self._source.close()
        super().close()


@contextlib.contextmanager
def disk_errors() -> Iterator[None]:
    """Raise DiskFull where the system says that there is no room."""
    try:
        yield
    except OSError as error:
        if error.errno in {errno.ENOSPC, errno.EDQUOT}:
            raise DiskFull("no room for the archive") from error
        raise
