"""The study is de-identified and packed, and what is packed is searched for whatever names the patient."""

import logging
import threading
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from pathlib import Path
from uuid import UUID
from zoneinfo import ZoneInfo

from pydicom import FileDataset
from pydicom.errors import InvalidDicomError

from studypub.archive.readme import readme
from studypub.archive.study import ArchiveSummary, StudyArchive
from studypub.config import Pixels
from studypub.core.finding import FoundStudy
from studypub.core.publication import Part
from studypub.core.review import Decision, Held
from studypub.core.task import Handled, LeftOut, Task
from studypub.deid import descriptors
from studypub.deid.instance import Deidentifier
from studypub.deid.reasons import Reason
from studypub.dicom.kept import SpooledInstance
from studypub.errors import NothingToPublish, PatientMismatch, PhiSuspected
from studypub.flows import instance_file
from studypub.flows.judge import Judge, Ready
from studypub.gate.clues import Permitted
from studypub.gate.gate import Gate
from studypub.gate.harvest import Harvest
from studypub.pixels.looker import Looker, Stopped

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Prepared:
    """An archive that may be published, and what was left out of it.

    `shown_date`: the study's date as the profile lets it be seen, None where it does not.
    """

    task_id: UUID
    path: Path
    summary: ArchiveSummary
    handled: Handled
    shown_date: date | None


class HeldBack(Exception):
    """A person has to decide about some of the instances before anything is published."""

    def __init__(self, held: Sequence[Held]) -> None:
        super().__init__(f"{len(held)} held")
        self.held = tuple(held)


@dataclass(frozen=True, slots=True)
class Originals:
    """The study as it was found and received, all or a part of it, and what a person has decided about its images."""

    task: Task
    study: FoundStudy
    instances: Sequence[SpooledInstance]
    part: Part | None = None
    decisions: Mapping[str, Decision] = field(default_factory=dict)


@dataclass
class _Tally:
    """What has become of the instances so far."""

    reasons: Counter[Reason]
    held: dict[str, Held] = field(default_factory=dict)
    covered: int = 0
    faces: int = 0

    def count(self, outcome: Ready | Reason | Held) -> None:
        """Count an instance; of those that are held the instances of one series are one row."""
        if isinstance(outcome, Reason):
            self.reasons[outcome] += 1
        elif isinstance(outcome, Held):
            known = self.held.get(outcome.uid)
            self.held[outcome.uid] = replace(known, instances=known.instances + 1) if known else outcome
        else:
            self.covered += outcome.covered
            self.faces += outcome.face


def prepare(
    originals: Originals, deidentifier: Deidentifier, pixels: Pixels, folder: Path, stop: threading.Event
) -> Prepared:
    """De-identify every instance and pack what may be published; blocks, at most one instance in memory at a time.

    Raises PatientMismatch where one belongs to another patient or study, PhiSuspected where anything in the archive
    looks like an identifier of the originals, HeldBack where a person has to look first, NothingToPublish, DiskFull,
    Stopped.
    """
    harvest, readable = _harvest(originals, stop)
    gate = Gate(harvest, Permitted((readme(whole=False),), descriptors.vocabulary(), deidentifier.days))
    tally = _Tally(Counter({Reason.BROKEN: len(originals.instances) - len(readable)}))
    path = folder / "study.zip"
    with (
        Looker(stop) as looker,
        StudyArchive(path, inspect=lambda member, data: _require_clean(gate, originals.task, member, data)) as archive,
    ):
        judge = Judge(pixels, looker, folder, originals.decisions)
        for instance in readable:
            _go_on(stop)
            outcome = _outcome(originals.task, instance, judge, deidentifier)
            tally.count(outcome)
            if isinstance(outcome, Ready):
                with instance_file.written(outcome.dataset, folder / "instance.dcm", outcome.header) as part10:
                    archive.add(outcome.dataset, part10)
        if tally.held:
            raise HeldBack(tuple(tally.held.values()))
        left_out = _grouped(+tally.reasons)
        if tally.reasons.total() == len(originals.instances):
            raise NothingToPublish(left_out=tally.reasons.total(), groups=left_out)
        shown_date = _shown_date(originals.study, deidentifier)
        handled = Handled(left_out, tally.covered, tally.faces)
        summary = archive.close(whole=originals.part is None and not left_out)
        return Prepared(originals.task.task_id, path, summary, handled, shown_date)


def _harvest(originals: Originals, stop: threading.Event) -> tuple[Harvest, list[SpooledInstance]]:
    """Gather what identifies from everything that is known of the study; what cannot be read cannot be vouched for."""
    task, study = originals.task, originals.study
    known = {
        "patient_id": task.patient_id,
        "accession_number": task.accession_number,
        "emk_record_id": task.emk_record_id or "",
        "service_title": task.service_title or "",
        "patient_name": study.patient_name,
        "birth_date": study.birth_date,
        "study_date": study.study_date,
        "study_description": study.description,
        "study_instance_uid": study.study_instance_uid,
    }
    harvest = Harvest({name: text for name, text in known.items() if text})
    readable = []
    for instance in _in_order(originals.instances):
        _go_on(stop)
        with instance_file.shown(instance.path) as content:
            if harvest.add(content):
                readable.append(instance)
    return harvest, readable


def _require_clean(gate: Gate, task: Task, member: str, data: bytes | Path) -> None:
    with instance_file.shown(data) as content:
        findings = gate.search(member, content)
    if not findings:
        return
    found = sorted({f"{finding.source} ({finding.kind}, {finding.spelling})" for finding in findings})
    log.error(
        "В подготовленном архиве найдено то, что похоже на данные пациента",
        extra={"details": {"acsn": task.accession_number, "member": member, "found": found}},
    )
    raise PhiSuspected(member=member, found=found)


def _outcome(task: Task, instance: SpooledInstance, judge: Judge, deidentifier: Deidentifier) -> Ready | Reason | Held:
    with instance_file.shown(instance.path) as data:
        known = None if instance_file.is_long(data) else judge.follow(data)
        if known is not None:
            return known
        try:
            original = instance_file.read(instance.path)
        except InvalidDicomError:
            return Reason.BROKEN
        _require_same_patient(task, original)
        outcome = judge.judge(deidentifier, original, instance.path)
        if not instance_file.is_long(data):
            judge.remember(data, original, outcome, deidentifier)
        return outcome


def _require_same_patient(task: Task, original: FileDataset) -> None:
    """Hold the instance itself against the request: a PACS's index may say something else than its files."""
    patient_id = str(original.get("PatientID", "")).strip()
    if patient_id != task.patient_id or original.get("StudyInstanceUID") != task.study_instance_uid:
        raise PatientMismatch(
            "an instance says another patient or study than the PACS's index",
            accession_number=task.accession_number,
            patient_id=task.patient_id,
        )


def _shown_date(study: FoundStudy, deidentifier: Deidentifier) -> date | None:
    taken = study.taken_at(ZoneInfo("UTC"))
    return taken.date() - timedelta(days=deidentifier.days) if taken and deidentifier.days else None


def _go_on(stop: threading.Event) -> None:
    if stop.is_set():
        raise Stopped


def _in_order(instances: Iterable[SpooledInstance]) -> list[SpooledInstance]:
    """Sort by UID, so that the same study gives the same archive in whatever order it arrived."""
    return sorted(instances, key=lambda instance: [int(part) for part in instance.sop_instance_uid.split(".")])


def _grouped(reasons: Counter[Reason]) -> tuple[LeftOut, ...]:
    return tuple(
        LeftOut(reason.value, reason.sentence, count)
        for reason, count in sorted(reasons.items(), key=lambda item: item[0].value)
    )
