"""One study on its way from the PACS: its instances are written as they come, and counted when they are whole."""

import io
import os
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from xxhash import xxh3_128

from studypub.dicom.kept import SpooledInstance, is_journal, recall, record
from studypub.dicom.peers import Senders


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
        self._arrived: list[SpooledInstance] = []
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

    def grow(self, octets: int, arriving: str = "") -> None:
        """Count bytes that have come, or have gone.

        The quiet period begins anew where they are of an instance, `arriving`, that is not here yet: a long one takes
        time.
        """
        with self._changed:
            self._size += octets
            if arriving and arriving not in self._instances:
                self._last_change = time.monotonic()

    def instances(self) -> list[SpooledInstance]:
        """Return what is here, in order of arrival."""
        with self._changed:
            return list(self._arrived)

    def arriving(self) -> Iterator[SpooledInstance]:
        """Yield what is here and what comes, in order of arrival, until nobody receives any more."""
        given = 0
        while True:
            with self._changed:
                while not self._closed and len(self._arrived) == given:
                    self._changed.wait()
                fresh = self._arrived[given:]
            if not fresh:
                return
            given += len(fresh)
            yield from fresh

    def uids(self) -> frozenset[str]:
        """Return the SOP Instance UIDs of what is here."""
        with self._changed:
            return frozenset(self._instances)

    def recall(self) -> None:
        """Take up what an earlier attempt left in the folder, once every byte has been verified; remove the rest."""
        taken = {one.path for one in recall(self._folder, self._study_instance_uid) if self.admit(one)}
        self.grow(sum(path.stat().st_size for path in taken))
        for path in self._left:
            if path not in taken and not is_journal(path):
                path.unlink(missing_ok=True)

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
            if known.digest != instance.digest:
                self.conflict = instance.sop_instance_uid
            if known is instance:
                self._arrived.append(instance)
                self._last_change = time.monotonic()
            self._changed.notify_all()
        return known is instance

    def note(self, instance: SpooledInstance) -> None:
        """Let a later attempt know of an instance's file, where it is to; without a record it is fetched again."""
        if self._lasting:
            with suppress(OSError):
                record(instance, self._study_instance_uid)

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

    def quiet_for(self) -> float:
        """Return for how many seconds nothing of a new instance has come."""
        with self._changed:
            return time.monotonic() - self._last_change


class Part:
    """An instance that is being written, and its checksum."""

    def __init__(
        self, reception: Reception, sop_instance_uid: str, sop_class_uid: str, path: Path, header: bytes
    ) -> None:
        """Open the file and write the header. Raises OSError; no file stays then."""
        self._reception = reception
        self._uids = (sop_instance_uid, sop_class_uid)
        self._path = path
        # A Path that is made of a name costs more than the call that it is for.
        self._part = f"{str(path).removesuffix(path.suffix)}.part"
        self._digest = xxh3_128()
        self._size = 0
        self._file = io.FileIO(self._part, "xb")
        self.write(header)

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Write the next bytes. Raises OSError; the file is gone then."""
        self._digest.update(data)
        try:
            _write_all(self._file, data)
        except OSError:
            self.discard()
            raise
        self._size += len(data)
        self._reception.grow(len(data), arriving=self._uids[0])

    def keep(self) -> None:
        """Give the whole instance to its study. Raises OSError, ReceptionEnded; the file is gone then."""
        needed = False
        try:
            self._file.close()
            os.rename(self._part, self._path)  # noqa: PTH104
            instance = SpooledInstance(*self._uids, self._path, self._digest.digest())
            needed = self._reception.admit(instance)
            if needed:
                self._reception.note(instance)
        finally:
            if not needed:
                self.discard()

    def discard(self) -> None:
        """Leave nothing of it."""
        self._reception.grow(-self._size)
        self._size = 0
        for path in (self._part, self._path):
            with suppress(OSError):
                os.unlink(path)  # noqa: PTH108
        with suppress(OSError):
            self._file.close()


def _write_all(file: io.FileIO, data: bytes | bytearray | memoryview) -> None:
    view = memoryview(data)
    while view:
        view = view[file.write(view) :]
