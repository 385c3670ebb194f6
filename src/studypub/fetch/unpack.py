"""An archive becomes a folder that a viewer opens."""

import re
import shutil
import tarfile
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import IO, Final
from zipfile import BadZipFile, ZipFile

from zstandard import ZstdDecompressor, ZstdError

from studypub.core.archive_format import ArchiveFormat, format_of
from studypub.fetch.errors import DownloadDiffers, NoRoom

_NAME: Final = re.compile(r"[A-Za-z0-9_]+(\.[A-Za-z0-9_]+)*(/[A-Za-z0-9_]+(\.[A-Za-z0-9_]+)*)*", re.ASCII)


def unpack(archive: Path) -> Path:
    """Return the folder beside it with what it holds, whole or not at all; one that is there stays as it is.

    Its hash was checked before; the image of a disc is returned as it is. Raises NoRoom, DownloadDiffers and OSError.
    """
    form = format_of(archive.name)
    extract = _EXTRACT.get(form) if form else None
    if extract is None:
        return archive
    folder = archive.with_name(archive.name.removesuffix(f".{form}"))
    if folder.is_dir():
        return folder
    with tempfile.TemporaryDirectory(prefix=f".{folder.name}-", dir=archive.parent) as name:
        content = Path(name) / folder.name
        content.mkdir()
        extract(archive, content)
        content.replace(folder)
    return folder


def _unzip(archive: Path, folder: Path) -> None:
    try:
        with ZipFile(archive) as opened:
            _require_room(sum(member.file_size for member in opened.infolist()), folder)
            opened.extractall(folder)  # noqa: S202 - which lets no name lead out of the folder
    except BadZipFile as error:
        raise DownloadDiffers(str(error)) from error


def _untar(archive: Path, folder: Path) -> None:
    try:
        with (
            archive.open("rb") as packed,
            ZstdDecompressor().stream_reader(packed, read_across_frames=True) as stream,
            tarfile.open(fileobj=stream, mode="r|") as opened,
        ):
            for member in opened:
                _write(opened.extractfile(member), member, folder)
    except (tarfile.TarError, ZstdError, EOFError) as error:
        raise DownloadDiffers(str(error)) from error


def _write(content: IO[bytes] | None, member: tarfile.TarInfo, folder: Path) -> None:
    """Write a plain file below the folder; nothing else is in an archive of ours."""
    if content is None or not member.isreg() or not _NAME.fullmatch(member.name):
        raise DownloadDiffers("no member of ours")
    _require_room(member.size, folder)
    path = folder / member.name
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("xb") as target:
        shutil.copyfileobj(content, target)


def _require_room(size: int, folder: Path) -> None:
    missing = size - shutil.disk_usage(folder).free
    if missing > 0:
        raise NoRoom(megabytes=-(-missing // 10**6))


_EXTRACT: Final[dict[ArchiveFormat, Callable[[Path, Path], None]]] = {
    ArchiveFormat.ZIP: _unzip,
    ArchiveFormat.TAR_ZST: _untar,
}
