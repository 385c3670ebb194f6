"""The study is prepared: de-identified, packed and searched, as far as that goes while it still comes."""

import logging
import threading
from collections.abc import Iterable, Sequence
from pathlib import Path

from studypub.archive.whole_file import Follower
from studypub.core.publication import Part
from studypub.dicom.kept import SpooledInstance
from studypub.flows.packing import Case, Packing, Prepared
from studypub.log import describe

log = logging.getLogger(__name__)


class Preparation:
    """Prepares a study while it still comes; blocks, at most one instance in memory at a time.

    What goes wrong before all is here is met again, and told, when it is prepared anew out of what is here.
    """

    def __init__(self, case: Case, folder: Path, stop: threading.Event) -> None:
        """Leave the archive in the folder, and whatever else is needed only until `discard`."""
        self._case = case
        self._folder = folder
        self._stop = stop
        self._packing: Packing | None = None

    def begin(self) -> Follower:
        """Open the archive, and return what can be read of it while it is made. Raises DiskFull."""
        return self._begin().archive()

    def follow(self, arriving: Iterable[SpooledInstance]) -> None:
        """Prepare what comes, until nothing does or `stop` is set."""
        try:
            packing = self._packing or self._begin()
            for instance in arriving:
                packing.add(instance)
            packing.rest()
        except MemoryError:
            raise
        except Exception as error:  # noqa: BLE001 - whatever it is
            log.debug("Исследование будет подготовлено, когда придёт целиком: %s", describe(error))
            self.discard()

    def holds(self, instances: Sequence[SpooledInstance]) -> bool:
        """Whether these are prepared, all of them and no other."""
        return self._packing is not None and self._packing.is_of(instances)

    def finish(self, instances: Sequence[SpooledInstance], part: Part | None = None) -> Prepared:
        """Prepare what is missing yet of these instances, and search all that was packed; `part`: they are not all.

        Raises PatientMismatch where one belongs to another patient or study, PhiSuspected where anything in the
        archive looks like an identifier of the originals, HeldBack where a person has to look first, NothingToPublish,
        DiskFull, Stopped.
        """
        if not self.holds(instances):
            self.discard()
            packing = self._begin()
            for instance in instances:
                packing.add(instance)
        assert self._packing is not None  # noqa: S101 - it has begun
        return self._packing.finish(part)

    def release(self) -> None:
        """Let whoever follows the archive come to its end: it is finished, and may be published."""
        if self._packing is not None:
            self._packing.release()

    def discard(self) -> None:
        """Leave nothing of it but an archive that is finished."""
        if self._packing is not None:
            self._packing.discard()
            self._packing = None

    def _begin(self) -> Packing:
        self._packing = Packing(self._case, self._folder, self._stop)
        return self._packing
