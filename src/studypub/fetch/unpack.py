"""An archive becomes a folder that a viewer opens."""

import shutil
import tempfile
from pathlib import Path
from zipfile import BadZipFile, ZipFile

from studypub.fetch.errors import DownloadDiffers, NoRoom


def unpack(archive: Path) -> Path:
    """Return the folder beside it with what it holds, whole or not at all; one that is there stays as it is.

    Raises NoRoom, DownloadDiffers and OSError.
    """
    folder = archive.with_suffix("")
    if folder.is_dir():
        return folder
    try:
        with ZipFile(archive) as opened:
            _require_room(opened, archive.parent)
            with tempfile.TemporaryDirectory(prefix=f".{folder.name}-", dir=archive.parent) as name:
                content = Path(name) / folder.name
                opened.extractall(content)  # which lets no name lead out of the folder
                content.replace(folder)
    except BadZipFile as error:
        raise DownloadDiffers(str(error)) from error
    return folder


def _require_room(opened: ZipFile, folder: Path) -> None:
    missing = sum(member.file_size for member in opened.infolist()) - shutil.disk_usage(folder).free
    if missing > 0:
        raise NoRoom(megabytes=-(-missing // 10**6))
