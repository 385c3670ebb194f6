"""Where received instances lie until their study is whole."""

import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import UUID, uuid4

from studypub.dicom.peers import Senders, SentBy
from studypub.dicom.reception import Reception
from studypub.errors import DiskFull

_TASK = "task-"


class StudyIsBusy(Exception):
    """Another task is receiving the same study; it can be asked for again when that one is done."""


class Spool:
    """The folder of all receptions, one per study at a time."""

    def __init__(self, folder: Path, *, reserve: int = 256 * 2**20) -> None:
        """`reserve` is how many bytes of disk are left free for everything else."""
        self._folder = folder
        self._reserve = reserve
        self._lock = threading.Lock()
        self._receptions: dict[str, Reception] = {}
        self._in_use: list[Path] = []
        self._unexpected = 0
        self._promised = 0

    def open(self) -> None:
        """Make the folder; of what an earlier process left in it only what tasks received stays."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        kept = {self._folder_of(task_id) for task_id in self.task_ids()}
        for path in self._folder.iterdir():
            if path in kept:
                continue
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path, ignore_errors=True)
            else:
                path.unlink(missing_ok=True)

    def has_room(self, size: int = 0) -> bool:
        """Whether this many bytes more leave the reserve untouched. Raises OSError where the folder is gone."""
        return shutil.disk_usage(self._folder).free - size > self._reserve

    @contextmanager
    def room_for(self, size: int) -> Iterator[Callable[[int], None]]:
        """Promise this many bytes to a study that is about to come. Raises DiskFull where they are not there.

        What arrives is counted twice, as promised and as taken: rather a study waits than two run out of room. What is
        given promises another size instead, once that is known; it raises DiskFull too, and the promise stays.
        """
        promised = 0

        def promise(size: int) -> None:
            nonlocal promised
            with self._lock:
                if not self.has_room(self._promised - promised + size):
                    raise DiskFull("no room for the study")
                self._promised += size - promised
                promised = size

        promise(size)
        try:
            yield promise
        finally:
            with self._lock:
                self._promised -= promised

    @contextmanager
    def work_folder(self, name: str) -> Iterator[Path]:
        """Give a task a folder of its own, and remove it with all that is in it. Raises DiskFull."""
        folder = self._make(self._folder / name)
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    @contextmanager
    def task_folder(self, task_id: UUID) -> Iterator[Path]:
        """Give a task the folder of what it receives; it stays until it is forgotten. Raises DiskFull."""
        with self._lock:
            folder = self._make(self._folder_of(task_id), exist_ok=True)
            self._in_use.append(folder)
        try:
            yield folder
        finally:
            with self._lock:
                self._in_use.remove(folder)

    def task_ids(self) -> list[UUID]:
        """Return the tasks that have a folder here. Raises OSError."""
        found = []
        for path in self._folder.glob(f"{_TASK}*"):
            try:
                task_id = UUID(path.name.removeprefix(_TASK))
            except ValueError:
                continue
            found += [task_id] if path == self._folder_of(task_id) and path.is_dir() else []
        return found

    def forget(self, task_id: UUID) -> bool:
        """Remove a task's folder; False where an attempt still works in it."""
        folder = self._folder_of(task_id)
        gone = self._folder / f"{uuid4()}.gone"
        with self._lock:
            if folder in self._in_use:
                return False
            try:
                folder.rename(gone)
            except FileNotFoundError:
                return True
        shutil.rmtree(gone, ignore_errors=True)
        return True

    def _folder_of(self, task_id: UUID) -> Path:
        return self._folder / f"{_TASK}{task_id}"

    def _make(self, folder: Path, *, exist_ok: bool = False) -> Path:
        try:
            if not self.has_room():
                raise DiskFull("below the reserve")
            folder.mkdir(mode=0o700, exist_ok=exist_ok)
        except OSError as error:
            raise DiskFull("the spool cannot be written") from error
        return folder

    @contextmanager
    def reception(
        self, study_instance_uid: str, folder: Path, *, lasting: bool = False, senders: Senders | None = None
    ) -> Iterator[Reception]:
        """Let instances of this study in while the block runs; the rest is as for Reception. Raises StudyIsBusy."""
        reception = Reception(folder, study_instance_uid, lasting=lasting, senders=senders)
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

    def expecting(self, study_instance_uid: str, sent_by: SentBy = lambda _: True) -> Reception | None:
        """Return the reception that waits for instances of this study from this sender; that there is none is counted.

        `sent_by` says whether the sender is one of these.
        """
        with self._lock:
            reception = self._receptions.get(study_instance_uid)
        if reception is None or not (reception.senders is None or sent_by(reception.senders)):
            with self._lock:
                self._unexpected += 1
            return None
        return reception

    def unexpected(self) -> int:
        """Return how many instances came that nobody waits for, since the last time this was asked."""
        with self._lock:
            number, self._unexpected = self._unexpected, 0
            return number
