"""Which process owns the embedded server of a data folder: the one that holds the lock on a file in it."""

import fcntl
import os
from pathlib import Path


class OwnerLock:
    """An exclusive lock that the kernel gives up when its holder ends, however it ends.

    A process that forks without exec hands it on: pools of processes in the daemon are to be spawned.
    """

    def __init__(self, data_dir: Path) -> None:
        self._data_dir = data_dir
        self._handle: int | None = None

    def take(self) -> bool:
        """Try to become the owner, without waiting; say whether it worked."""
        handle = os.open(self._data_dir / "postgres.lock", os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(handle)
            return False
        if os.geteuid() == 0:
            # Made by root in the folder of a daemon with a user of its own, that daemon must be able to take it.
            folder = self._data_dir.stat()
            os.fchown(handle, folder.st_uid, folder.st_gid)
        self._handle = handle
        return True

    def release(self) -> None:
        """Let another process be the owner."""
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None
