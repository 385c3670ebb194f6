"""Writes a file that appears under its name only when it is whole and on the disk."""

import contextlib
import errno
import hashlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from studypub.errors import DiskFull

_BLOCK_BYTES = 1 << 20


class Digest(NamedTuple):
    """What a file is known by: its size in bytes and its hash."""

    size: int
    sha256: bytes


class WholeFile:
    """A file in the making, beside its place as `<name>.part`, until `commit` moves it there."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._part = path.with_name(path.name + ".part")
        self.stream = self._part.open("w+b")

    def commit(self) -> Digest:
        """Bring the bytes to the disk, give the file its name and return what it is known by."""
        self.stream.flush()
        os.fsync(self.stream.fileno())
        digest = _digest(self._part)
        self.stream.close()
        self._part.replace(self._path)
        _sync_folder(self._path.parent)
        return digest

    def discard(self) -> None:
        """Remove the unfinished file; nothing happens where it was committed."""
        with contextlib.suppress(OSError):  # what was buffered finds no room any more
            self.stream.close()
        self._part.unlink(missing_ok=True)


@contextlib.contextmanager
def disk_errors() -> Iterator[None]:
    """Raise DiskFull where the system says that there is no room."""
    try:
        yield
    except OSError as error:
        if error.errno in {errno.ENOSPC, errno.EDQUOT}:
            raise DiskFull("no room for the archive") from error
        raise


def _digest(path: Path) -> Digest:
    size, sha256 = 0, hashlib.sha256()
    with path.open("rb") as stream:
        while block := stream.read(_BLOCK_BYTES):
            size += len(block)
            sha256.update(block)
    return Digest(size, sha256.digest())


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
