"""Where received instances lie until their study is whole."""

import hashlib
import io
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from uuid import UUID, uuid4

from studypub.dicom.kept import SpooledInstance, drop, recall, record
from studypub.dicom.peers import Senders
from studypub.errors import DiskFull

SentBy = Callable[[Senders], bool]
_TASK = "task-"


class StudyIsBusy(Exception):
    """Another task is receiving the same study; it can be asked for again when that one is done."""


class ReceptionEnded(Exception):
    """An instance came whole when its study was not received any more."""


class Reception:
    """One study on its way from the PACS into its folder. Safe to use from several threads."""

    def __init__(
        self, folder: Path, study_instance_uid: str = "", *, lasting: bool = False, senders: Senders | None = None
    ) -> None:
        """`lasting`: what arrives is to be of use to a later attempt, too. `senders`: who may send it, or anybody."""
        self.senders = senders
        self._folder = folder
        self._lasting = lasting
        self._study_instance_uid = study_instance_uid
        self._changed = threading.Condition()
        self._instances: dict[str, SpooledInstance] = {}
        self._left = [path for path in folder.iterdir() if path.is_file()]
        self._files = max((int(path.stem) for path in self._left if path.stem.isdecimal()), default=0)
        self._last_change = time.monotonic()
        self._size = 0
        self._closed = False
        self.conflict: str | None = None

    @property
    def count(self) -> int:
        """How many different instances are here."""
        return len(self._instances)

    @property
    def size(self) -> int:
        """How many bytes are here, those of instances that are still coming included."""
        return self._size

    def grow(self, octets: int) -> None:
        """Count bytes that have come, or have gone."""
        with self._changed:
            self._size += octets

    def instances(self) -> list[SpooledInstance]:
        """Return what is here, in order of arrival."""
        with self._changed:
            return list(self._instances.values())

    def uids(self) -> frozenset[str]:
        """Return the SOP Instance UIDs of what is here."""
        with self._changed:
            return frozenset(self._instances)

    def recall(self) -> None:
        """Take up what an earlier attempt left in the folder, once every byte has been verified; remove the rest."""
        whole = {path: recall(path, self._study_instance_uid) for path in sorted(self._left) if path.suffix == ".dcm"}
        taken = {path.stem for path, instance in whole.items() if instance and self.admit(instance)}
        self.grow(sum(instance.path.stat().st_size for instance in self.instances()))
        for path in self._left:
            if path.stem not in taken:
                drop(path)

    def begin(self, sop_instance_uid: str, sop_class_uid: str, header: bytes) -> "Part":
        """Open a file for an instance that arrives; its name is a number. Raises OSError; no file stays then."""
        with self._changed:
            self._files += 1
            path = self._folder / f"{self._files:08d}.dcm"
        return Part(self, sop_instance_uid, sop_class_uid, path, header)

    def add(self, sop_instance_uid: str, sop_class_uid: str, header: bytes, dataset: bytes) -> None:
        """Take an instance that is here already. Raises OSError, ReceptionEnded; no half-written file stays."""
        part = self.begin(sop_instance_uid, sop_class_uid, header)
        part.write(dataset)
        part.keep()

    def admit(self, instance: SpooledInstance) -> bool:
        """Count an instance; the same one again is ignored, another one of the same UID is a conflict.

        Return whether its file is needed. Raises ReceptionEnded.
        """
        with self._changed:
            if self._closed:
                raise ReceptionEnded
            known = self._instances.setdefault(instance.sop_instance_uid, instance)
            if known.sha256 != instance.sha256:
                self.conflict = instance.sop_instance_uid
            if known is instance:
                self._last_change = time.monotonic()
            self._changed.notify_all()
        return known is instance

    def note(self, instance: SpooledInstance, header: bytes) -> None:
        """Let a later attempt know of an instance's file, where it is to; without a record it is fetched again."""
        if self._lasting:
            with suppress(OSError):
                record(instance, self._study_instance_uid, header)

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

    def note_arriving(self, sop_instance_uid: str) -> None:
        """Begin the quiet period anew where more of an instance comes that is not here yet: a long one takes time."""
        with self._changed:
            if sop_instance_uid not in self._instances:
                self._last_change = time.monotonic()

    def quiet_from_now(self) -> None:
        """Begin the quiet period anew."""
        with self._changed:
            self._last_change = time.monotonic()

    def quiet_for(self) -> float:
        """Return for how many seconds nothing of a new instance has come."""
        with self._changed:
            return time.monotonic() - self._last_change


class Part:
    """An instance that is being written, and its checksum."""

    def __init__(
        self, reception: Reception, sop_instance_uid: str, sop_class_uid: str, path: Path, header: bytes
    ) -> None:
        """Open the file and write the header, which is ours and not the sender's: it does not count for the checksum.

        Raises OSError; no file stays then.
        """
        self._reception = reception
        self._header = header
        self._uids = (sop_instance_uid, sop_class_uid)
        self._path = path
        self._part = path.with_suffix(".part")
        self._sha256 = hashlib.sha256()
        self._size = 0
        self._file: io.FileIO = self._part.open("xb", buffering=0)
        self._write(header)

    def write(self, data: bytes) -> None:
        """Write the next bytes of the data set. Raises OSError; the file is gone then."""
        self._sha256.update(data)
        self._write(data)
        self._reception.note_arriving(self._uids[0])

    def _write(self, data: bytes) -> None:
        try:
            _write_all(self._file, data)
        except OSError:
            self.discard()
            raise
        self._count(len(data))

    def _count(self, octets: int) -> None:
        self._size += octets
        self._reception.grow(octets)

    def keep(self) -> None:
        """Give the whole instance to its study. Raises OSError, ReceptionEnded; the file is gone then."""
        needed = False
        try:
            self._file.close()
            self._part.rename(self._path)
            instance = SpooledInstance(*self._uids, self._path, self._sha256.digest())
            needed = self._reception.admit(instance)
            if needed:
                self._reception.note(instance, self._header)
        finally:
            if not needed:
                self.discard()

    def discard(self) -> None:
        """Leave nothing of it."""
        self._count(-self._size)
        for path in (self._part, self._path):
            with suppress(OSError):
                path.unlink(missing_ok=True)
        with suppress(OSError):
            self._file.close()


def _write_all(file: io.FileIO, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[file.write(view) :]


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
