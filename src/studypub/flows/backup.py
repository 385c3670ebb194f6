"""A backup: one file with the database and all that it refers to; what cannot be restored is no backup."""

import errno
import hashlib
import io
import os
import shutil
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Final

import msgspec

from studypub import __version__
from studypub.db import dump
from studypub.db.dump import Contents, Dumped, StoredObject
from studypub.errors import DiskFull, Refused
from studypub.store.base import Store
from studypub.store.local import sync_folder

MANIFEST: Final = "manifest.json"
DATABASE: Final = "database.dump"
OBJECTS: Final = "objects/"
FORMAT: Final = 1
_NAME: Final = "studypub-%Y%m%dT%H%M%SZ.tar"
_PATTERN: Final = "studypub-*.tar"
_BLOCK_BYTES: Final = 1 << 20
_UNFINISHED_SECONDS: Final = 24 * 3600


class Packed(msgspec.Struct, frozen=True):
    """An object of an open link; `here`: it is in the backup, and whole."""

    key: str
    size: int
    sha256: str
    here: bool


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """What a backup says of itself; it is written last, so that a file without it is no backup."""

    format: int
    studypub: str
    made_at: datetime
    rows: dict[str, int]
    audit_head: str
    database_sha256: str
    objects: list[Packed]


def back_up(
    url: str, store: Store, folder: Path, *, with_objects: bool = True, reserve: int = 0
) -> tuple[Path, Manifest]:
    """Write a backup into the folder, once it was restored for trial; return its path and what it says of itself.

    Objects of a store on another machine stay there, and so do all where `with_objects` is false: they are listed.
    `reserve`: how many bytes of the disk are left free.
    Raises Refused, DatabaseUnavailable, DiskFull.
    """
    made_at = datetime.now(UTC)
    target = folder / made_at.strftime(_NAME)
    with _disk_errors(folder):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    part = target.with_suffix(".part")
    _remove_unfinished(folder)
    try:
        with _disk_errors(folder), tempfile.TemporaryDirectory(dir=folder, prefix="making-") as scratch:
            database = Path(scratch) / DATABASE
            dumped = dump.dump(url, database)
            _try_out(url, database, dumped.contents)
            source = store if with_objects else None
            _require_room(folder, _size(dumped, database, source) + reserve)
            with _private(part) as file, tarfile.open(fileobj=file, mode="w", format=tarfile.PAX_FORMAT) as archive:
                digest = _add_file(archive, DATABASE, database)
                objects = [_add_object(archive, source, each) for each in dumped.objects]
                manifest = Manifest(
                    format=FORMAT,
                    studypub=__version__,
                    made_at=made_at,
                    rows=dumped.contents.rows,
                    audit_head=dumped.contents.audit_head.hex(),
                    database_sha256=digest,
                    objects=objects,
                )
                content = msgspec.json.format(msgspec.json.encode(manifest))
                archive.addfile(_entry(MANIFEST, len(content)), io.BytesIO(content))
        with _disk_errors(folder):
            part.replace(target)
            sync_folder(folder)
    finally:
        part.unlink(missing_ok=True)
    return target, manifest


def _remove_unfinished(folder: Path) -> None:
    """Remove what one left that was killed while it was made, a day ago or more."""
    old = datetime.now(UTC).timestamp() - _UNFINISHED_SECONDS
    for path in (*folder.glob("studypub-*.part"), *folder.glob("making-*")):
        with suppress(OSError):
            if path.stat().st_mtime > old:
                continue
            shutil.rmtree(path) if path.is_dir() else path.unlink()


def _size(dumped: Dumped, database: Path, store: Store | None) -> int:
    """Return how long the backup will be at most: what is not on this machine is not in it."""
    here = (each.size for each in dumped.objects if store is not None and store.path(each.key) is not None)
    return database.stat().st_size + sum(here)


def _require_room(folder: Path, size: int) -> None:
    if shutil.disk_usage(folder).free < size:
        raise DiskFull("no room for a backup")


def rotate(folder: Path, keep: int) -> None:
    """Remove all but so many of the newest backups, at least one."""
    for path in sorted(folder.glob(_PATTERN))[: -max(keep, 1)]:
        path.unlink(missing_ok=True)


def newest(folder: Path) -> datetime | None:
    """Return when the newest backup in this folder was made, or None where there is none."""
    with suppress(ValueError, OSError):
        found = sorted(folder.glob(_PATTERN))
        return datetime.strptime(found[-1].name, _NAME).replace(tzinfo=UTC) if found else None
    return None


def _try_out(url: str, database: Path, wanted: Contents) -> None:
    """Restore it into a database of its own, and hold that against what was copied. Raises Refused."""
    with dump.scratch(url) as trial:
        dump.restore(trial, database)
        if dump.contents(trial) != wanted:
            raise Refused(
                "the restored copy differs",
                reason_ru="Копия не сошлась с базой при пробном восстановлении. Повторите; проверьте диск.",
                reason_en="Restored for trial, the copy differs from the database. Try again; check the disk.",
            )


def _add_file(archive: tarfile.TarFile, name: str, path: Path) -> str:
    """Add a file; return the hash of what was added."""
    with path.open("rb") as file:
        hashed = _Hashed(file)
        archive.addfile(_entry(name, path.stat().st_size), hashed)
    return hashed.digest.hexdigest()


def _add_object(archive: tarfile.TarFile, store: Store | None, stored: StoredObject) -> Packed:
    path = store.path(stored.key) if store is not None else None
    here = False
    # It may have been deleted since: its link has been closed then.
    with suppress(FileNotFoundError):
        if path is not None and path.stat().st_size == stored.size:
            here = _add_file(archive, OBJECTS + stored.key, path) == stored.sha256.hex()
    return Packed(stored.key, stored.size, stored.sha256.hex(), here)


def _entry(name: str, size: int) -> tarfile.TarInfo:
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode = size, 0o600
    return entry


class _Hashed:
    """A file, and the hash of what was read of it."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self.digest = hashlib.sha256()

    def read(self, size: int = -1) -> bytes:
        content = self._file.read(size)
        self.digest.update(content)
        return content


@contextmanager
def _private(path: Path) -> Iterator[IO[bytes]]:
    """Open a new file that nobody else may read, and bring it to the disk at the end."""
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb", _BLOCK_BYTES) as file:
        yield file
        file.flush()
        os.fsync(file.fileno())


@contextmanager
def _disk_errors(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno in {errno.ENOSPC, errno.EDQUOT}:
            raise DiskFull("no room for a backup") from error
        raise Refused(
            f"the folder of backups: {error.strerror}",
            reason_ru=f"В папку резервных копий {folder} нельзя писать: {error.strerror}.",
            reason_en=f"The folder of backups {folder} cannot be written: {error.strerror}.",
        ) from error
