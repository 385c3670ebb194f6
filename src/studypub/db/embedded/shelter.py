"""A place of our own, for root only, for what the server's user could not reach where it lies."""

import stat
from pathlib import Path

from studypub.errors import Refused

FOLDER = Path("/var/lib/studypub-postgres")


def ready() -> Path:
    """Return the folder, root's own and open for passing through (0711), made if it is not there yet.

    Raises Refused where somebody else could put things into it.
    """
    try:
        FOLDER.mkdir(mode=0o711)
    except FileExistsError:
        _check()
    else:
        FOLDER.chmod(0o711)  # mkdir heeds the umask
    return FOLDER


def _check() -> None:
    found = FOLDER.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != 0 or found.st_mode & 0o022:
        raise Refused(
            f"{FOLDER}: owner {found.st_uid}, mode {stat.filemode(found.st_mode)}",
            reason_ru=f"Папка {FOLDER} должна принадлежать root и не быть доступной другим для записи.",
            reason_en=f"The folder {FOLDER} must belong to root and must not be writable for others.",
        )
