"""Where received instances lie until their study is whole."""

import hashlib
import shutil
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from studypub.errors import DiskFull


@dataclass(frozen=True, slots=True)
class SpooledInstance:
    """A received instance: a Part 10 file whose name is ours."""

    sop_instance_uid: str
    sop_class_uid: str
    path: Path
    sha256: bytes


class StudyIsBusy(Exception):
    """Another task is receiving the same study; it can be asked for again when that one is done."""


class Reception:
    """One study on its way from the PACS into its folder. Safe to use from several threads."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._changed = threading.Condition()
        self._instances: dict[str, SpooledInstance] = {}
        self._files = 0
        self._last_change = time.monotonic()
        self._closed = False
        self.conflict: str | None = None

    @property
    def count(self) -> int:
        """How many different instances have arrived."""
        return len(self._instances)

    def instances(self) -> list[SpooledInstance]:
        """Return what has arrived, in order of arrival."""
        with self._changed:
            return list(self._instances.values())

    def uids(self) -> frozenset[str]:
        """Return the SOP Instance UIDs that have arrived."""
        with self._changed:
            return frozenset(self._instances)

    def add(self, sop_instance_uid: str, sop_class_uid: str, header: bytes, dataset: bytes) -> None:
        """Write an instance to its file; the same one again is ignored, another one of the same UID is a conflict.

        Raises OSError; no half-written file stays.
        """
        sha256 = hashlib.sha256(dataset).digest()
        with self._changed:
            known = self._instances.get(sop_instance_uid)
            self._files += 1
            path = self._folder / f"{self._files:08d}.dcm"
        if known is None:
            _write(path, header, dataset)
        with self._changed:
            known = self._instances.setdefault(
                sop_instance_uid, SpooledInstance(sop_instance_uid, sop_class_uid, path, sha256)
            )
            if known.sha256 != sha256:
                self.conflict = sop_instance_uid
            if known.path != path:
                path.unlink(missing_ok=True)
            self._last_change = time.monotonic()
            self._changed.notify_all()

    def wait_for(self, uids: frozenset[str], count: int, *, quiet: float) -> None:
        """Wait until these instances, and at least this many, are here, or `quiet` seconds pass without a new one.

        Returns at once when nobody receives any more.
        """
        with self._changed:
            while not self._closed and not (uids <= self._instances.keys() and len(self._instances) >= count):
                left = self._last_change + quiet - time.monotonic()
                if left <= 0:
                    return
                self._changed.wait(left)

    def close(self) -> None:
        """Let those who wait go on: whoever received has gone."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def quiet_from_now(self) -> None:
        """Begin the quiet period anew."""
        with self._changed:
            self._last_change = time.monotonic()


def _write(path: Path, header: bytes, dataset: bytes) -> None:
    part = path.with_suffix(".part")
    try:
        with part.open("xb") as file:
            file.write(header)
            file.write(dataset)
        part.rename(path)
    except OSError:
        part.unlink(missing_ok=True)
        raise


class Spool:
    """The folder of all receptions, one per study at a time."""

    def __init__(self, folder: Path, *, reserve: int = 256 * 2**20) -> None:
        """`reserve` is how many bytes of disk are left free for everything else."""
        self._folder = folder
        self._reserve = reserve
        self._lock = threading.Lock()
        self._receptions: dict[str, Reception] = {}
        self._promised = 0

    def open(self) -> None:
        """Make the folder and forget what an earlier process left in it; its tasks begin again."""
        shutil.rmtree(self._folder, ignore_errors=True)
        self._folder.mkdir(mode=0o700, parents=True)

    def has_room(self, size: int = 0) -> bool:
        """Whether this many bytes more leave the reserve untouched. Raises OSError where the folder is gone."""
        return shutil.disk_usage(self._folder).free - size > self._reserve

    @contextmanager
    def room_for(self, size: int) -> Iterator[None]:
        """Promise this many bytes to a study that is about to come. Raises DiskFull where they are not there.

        What arrives is counted twice, as promised and as taken: rather a study waits than two run out of room.
        """
        with self._lock:
            if not self.has_room(self._promised + size):
                raise DiskFull("no room for the study")
            self._promised += size
        try:
            yield
        finally:
            with self._lock:
                self._promised -= size

    @contextmanager
    def work_folder(self, name: str) -> Iterator[Path]:
        """Give a task a folder of its own, and remove it with all that is in it. Raises DiskFull."""
        folder = self._folder / name
        try:
            if not self.has_room():
                raise DiskFull("below the reserve")
            folder.mkdir(mode=0o700)
        except OSError as error:
            raise DiskFull("the spool cannot be written") from error
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    @contextmanager
    def reception(self, study_instance_uid: str, folder: Path) -> Iterator[Reception]:
        """Let instances of this study in while the block runs. Raises StudyIsBusy."""
        reception = Reception(folder)
        with self._lock:
            if study_instance_uid in self._receptions:
                raise StudyIsBusy
            self._receptions[study_instance_uid] = reception
        try:
            yield reception
        finally:
            with self._lock:
                del self._receptions[study_instance_uid]
            reception.close()

    def expecting(self, study_instance_uid: str) -> Reception | None:
        """Return the reception that waits for instances of this study."""
        with self._lock:
            return self._receptions.get(study_instance_uid)
