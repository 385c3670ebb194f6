"""The embedded default: archives in a folder of this machine, streamed by the daemon."""

import contextlib
import errno
import hashlib
import os
import secrets
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

from studypub.errors import DiskFull, StorageRefused, StorageUnavailable, StoredObjectDiffers
from studypub.store.base import Sent, Stream, checked, is_key

_BLOCK_BYTES = 1 << 20
_OURS_ALONE = 0o700
_UNFINISHED = ".unfinished"  # no key begins with a dot


class LocalStore:
    """A Store in a folder that nobody but the daemon's user may enter."""

    def __init__(self, folder: Path) -> None:
        """Use the folder, which is made where it is missing. Raises StorageRefused where that is not allowed."""
        self._folder = folder
        with _translated():
            folder.mkdir(parents=True, exist_ok=True)
            folder.chmod(_OURS_ALONE)
            (folder / _UNFINISHED).mkdir(exist_ok=True)

    def put(self, key: str, stream: Stream) -> Sent:
        """Copy what comes, bring it to the disk, and only then give it its name."""
        target = self._file(key)
        unfinished = self._folder / _UNFINISHED / secrets.token_hex(16)
        with _translated():
            try:
                _copy(stream, unfinished)
                self._make_folders(target.parent)
                unfinished.replace(target)
                sync_folder(target.parent)
            finally:
                unfinished.unlink(missing_ok=True)
        return Sent()

    def verify(self, key: str, sent: Sent, size: int, sha256: bytes) -> None:  # noqa: ARG002 - read back, not inferred
        """Read the object back; raise StoredObjectDiffers unless it has that size and hash."""
        with _translated():
            try:
                stored, stored_hash = _measured(self._file(key))
            except FileNotFoundError:
                raise StoredObjectDiffers("nothing is stored") from None
        if stored != size or stored_hash != sha256:
            raise StoredObjectDiffers(f"{stored} bytes are stored, {size} were sent")

    def size(self, key: str) -> int | None:
        """Return the size of the object in bytes, or None where there is none."""
        with _translated(), contextlib.suppress(FileNotFoundError):
            return self._file(key).stat().st_size
        return None

    def stored_keys(self) -> Iterator[str]:
        """Yield the key of every archive that is stored."""
        with _translated():
            for path in self._folder.rglob("*"):
                key = path.relative_to(self._folder).as_posix()
                if is_key(key) and path.is_file():
                    yield key

    def delete(self, key: str) -> None:
        """Remove the object; a missing one is fine."""
        target = self._file(key)
        with _translated(), contextlib.suppress(FileNotFoundError):
            target.unlink()
            sync_folder(target.parent)

    def link(self, key: str, file_name: str, lifetime: timedelta) -> None:
        """Return None: the daemon streams it."""

    def path(self, key: str) -> Path | None:
        """Return the file that holds the object, or None where there is none."""
        target = self._file(key)
        return target if target.is_file() else None

    def read(self, key: str, offset: int, length: int) -> bytes:
        """Return these bytes of the object. Raises StorageUnavailable where they are not all there."""
        with _translated(), self._file(key).open("rb", buffering=0) as file:
            content = os.pread(file.fileno(), length, offset)
        if len(content) != length:
            raise StorageUnavailable("an object is shorter than it was")
        return content

    def sweep(self, age: timedelta) -> int:
        """Remove unfinished copies that were not written to for so long; return how many there were."""
        with _translated():
            before = time.time() - age.total_seconds()
            stale = [part for part in (self._folder / _UNFINISHED).iterdir() if part.stat().st_mtime <= before]
            for part in stale:
                part.unlink(missing_ok=True)
        return len(stale)

    def check(self) -> None:
        """Write, read and remove a small file."""
        probe = self._folder / _UNFINISHED / f"probe-{secrets.token_hex(16)}"
        content = secrets.token_bytes(1024)
        with _translated():
            try:
                probe.write_bytes(content)
                if probe.read_bytes() != content:
                    raise StorageUnavailable("the probe came back changed")
            finally:
                probe.unlink(missing_ok=True)

    def _file(self, key: str) -> Path:
        return self._folder / checked(key)

    def _make_folders(self, folder: Path) -> None:
        """Make the missing folders above an object, and make their names outlive a loss of power."""
        missing = [one for one in (folder, *folder.parents) if not one.exists()]
        folder.mkdir(parents=True, exist_ok=True)
        for one in missing:
            sync_folder(one.parent)


@contextlib.contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno in {errno.ENOSPC, errno.EDQUOT}:
            raise DiskFull("no room for archives") from error
        if error.errno in {errno.EACCES, errno.EPERM, errno.EROFS}:
            raise StorageRefused("the folder of archives", reason=error.strerror) from error
        raise StorageUnavailable(f"the folder of archives: {error.strerror}") from error


def _copy(source: Stream, target: Path) -> None:
    with target.open("xb") as write:
        while block := source.read(_BLOCK_BYTES):
            write.write(block)
        write.flush()
        os.fsync(write.fileno())


def _measured(path: Path) -> tuple[int, bytes]:
    with path.open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").digest()
        return stream.tell(), digest


def sync_folder(folder: Path) -> None:
    """Make the names in a folder outlive a loss of power."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
