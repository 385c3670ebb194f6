"""An archive is downloaded, however often the connection breaks, and held against its hash."""

import fcntl
import hashlib
import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import IO

from studypub.fetch.errors import Again, AlreadyDownloading, DownloadDiffers, NoRoom
from studypub.fetch.link import Link, Offered

_MOST_TRIES = 8  # in a row that bring nothing
_FIRST_WAIT, _LONGEST_WAIT = 0.5, 30.0

Progress = Callable[[int, int], None]


def download(link: Link, folder: Path, progress: Progress) -> Path:
    """Return the file with the whole archive, which a later call finds where an earlier one was interrupted.

    `progress` is told how many bytes there are, and of how many. Raises Again, NoRoom, AlreadyDownloading,
    DownloadDiffers, whatever Link raises, and OSError.
    """
    patience = _Patience()
    while True:
        offered = patience.tried(link.ask)
        whole = folder / offered.file_name
        if whole.is_file() and _is(whole, offered):
            return whole
        # The name tells which archive is half there: a new version of the study begins anew.
        part = folder / f"{offered.file_name}.{offered.sha256.hex()[:16]}.part"
        with part.open("ab") as file:
            _lock(file)
            filled = _fill(file, link, offered, progress, patience)
        if filled and _is(part, offered):
            part.replace(whole)
            return whole
        part.unlink()
        if patience.tried(link.ask) == offered:
            raise DownloadDiffers


class _Patience:
    """How often in a row nothing has come."""

    def __init__(self) -> None:
        self._failed = 0

    def reward(self) -> None:
        """Something came."""
        self._failed = 0

    def lose(self, why: Again) -> None:
        """Wait before the next try, or raise it again where there were too many."""
        self._failed += 1
        if self._failed == _MOST_TRIES:
            raise why
        time.sleep(max(min(_FIRST_WAIT * 2 ** (self._failed - 1), _LONGEST_WAIT), why.wait or 0))

    def tried(self, ask: Callable[[], Offered]) -> Offered:
        """Return what is offered, as soon as somebody answers."""
        while True:
            try:
                return ask()
            except Again as error:
                self.lose(error)


def _fill(file: IO[bytes], link: Link, offered: Offered, progress: Progress, patience: _Patience) -> bool:
    """Write what is missing; False where another archive is offered meanwhile."""
    _require_room(file, offered)
    while (have := file.tell()) < offered.size:
        try:
            for chunk in link.bytes_from(have, offered):
                file.write(chunk)
                patience.reward()
                progress(file.tell(), offered.size)
        except Again as error:
            patience.lose(error)
        file.flush()
        os.fsync(file.fileno())
        if file.tell() < offered.size and patience.tried(link.ask) != offered:
            return False
    return True


def _require_room(file: IO[bytes], offered: Offered) -> None:
    missing = offered.size - file.tell() - shutil.disk_usage(file.name).free
    if missing > 0:
        raise NoRoom(megabytes=-(-missing // 10**6))


def _lock(file: IO[bytes]) -> None:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        raise AlreadyDownloading from error


def _is(path: Path, offered: Offered) -> bool:
    if path.stat().st_size != offered.size:
        return False
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").digest() == offered.sha256
