"""The study is de-identified and packed."""

import threading
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from pydicom import FileDataset, dcmread
from pydicom.errors import InvalidDicomError

from studypub.archive.study import ArchiveSummary, StudyArchive
from studypub.core.task import LeftOut, Task
from studypub.deid.encode import to_part10
from studypub.deid.instance import Deidentifier, Kept
from studypub.deid.reasons import Reason
from studypub.dicom.spool import SpooledInstance
from studypub.errors import NothingToPublish, PatientMismatch


@dataclass(frozen=True, slots=True)
class Prepared:
    """An archive that may be published, and what was left out of it."""

    path: Path
    summary: ArchiveSummary
    left_out: tuple[LeftOut, ...]


class Stopped(Exception):
    """The task is not ours any more."""


def prepare(
    task: Task,
    instances: Iterable[SpooledInstance],
    deidentifier: Deidentifier,
    folder: Path,
    stop: threading.Event,
) -> Prepared:
    """De-identify every instance and pack what may be published; blocks, one instance in memory at a time.

    Raises PatientMismatch where one belongs to another patient or study, NothingToPublish, DiskFull, Stopped.
    """
    reasons: Counter[Reason] = Counter()
    path = folder / "study.zip"
    kept = 0
    with StudyArchive(path) as archive:
        for instance in _in_order(instances):
            if stop.is_set():
                raise Stopped
            outcome = _outcome(task, instance, deidentifier)
            if isinstance(outcome, Reason):
                reasons[outcome] += 1
            else:
                archive.add(outcome, to_part10(outcome))
                kept += 1
        if not kept:
            raise NothingToPublish(left_out=reasons.total())
        return Prepared(path, archive.close(), _grouped(reasons))


def _outcome(task: Task, instance: SpooledInstance, deidentifier: Deidentifier) -> FileDataset | Reason:
    try:
        original = dcmread(instance.path)
    except InvalidDicomError:
        return Reason.BROKEN
    _require_same_patient(task, original)
    outcome = deidentifier.instance(original)
    return outcome.dataset if isinstance(outcome, Kept) else outcome.reason


def _require_same_patient(task: Task, original: FileDataset) -> None:
    """Hold the instance itself against the request: a PACS's index may say something else than its files."""
    patient_id = str(original.get("PatientID", "")).strip()
    if patient_id != task.patient_id or original.get("StudyInstanceUID") != task.study_instance_uid:
        raise PatientMismatch(
            "an instance says another patient or study than the PACS's index",
            accession_number=task.accession_number,
            patient_id=task.patient_id,
        )


def _in_order(instances: Iterable[SpooledInstance]) -> list[SpooledInstance]:
    """Sort by UID, so that the same study gives the same archive in whatever order it arrived."""
    return sorted(instances, key=lambda instance: [int(part) for part in instance.sop_instance_uid.split(".")])


def _grouped(reasons: Counter[Reason]) -> tuple[LeftOut, ...]:
    return tuple(
        LeftOut(reason.value, reason.sentence, count)
        for reason, count in sorted(reasons.items(), key=lambda item: item[0].value)
    )
