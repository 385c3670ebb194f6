"""Instances are de-identified and packed, and what is packed is searched for whatever names the patient."""

import logging
import threading
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, nullcontext
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from functools import partial
from pathlib import Path
from zoneinfo import ZoneInfo

from pydicom import FileDataset
from pydicom.errors import InvalidDicomError

from studypub.archive import start_page
from studypub.archive.companion import CompanionFile
from studypub.archive.metadata import Described, Describer
from studypub.archive.readme import readme
from studypub.archive.study import ArchiveSummary, StudyArchive
from studypub.archive.viewing import Viewing
from studypub.archive.whole_file import Digest, Follower
from studypub.config import Pixels, Preview
from studypub.core.archive_format import ArchiveFormat
from studypub.core.finding import FoundStudy
from studypub.core.preview import INDEX, encoded, name_of
from studypub.core.publication import Part
from studypub.core.review import Decision, Held
from studypub.core.task import Handled, LeftOut, Task
from studypub.deid import descriptors
from studypub.deid.instance import Deidentifier
from studypub.deid.reasons import Reason
from studypub.dicom.kept import SpooledInstance
from studypub.errors import DiskFull, NothingToPublish, PatientMismatch, PhiSuspected
from studypub.flows import instance_file
from studypub.flows.album import Album
from studypub.flows.judge import Judge, Ready
from studypub.flows.outputs import Outputs, Shared
from studypub.flows.turns import TURNS
from studypub.gate.clues import Permitted
from studypub.gate.elements import Bytes
from studypub.gate.gate import Gate
from studypub.gate.harvest import Harvest
from studypub.log import describe
from studypub.pixels.looker import Looker, Stopped

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Prepared:
    """An archive that may be published, and what was left out of it.

    `shown_date`: the study's date as the profile lets it be seen, None where it does not.
    """

    path: Path
    summary: ArchiveSummary
    companion_path: Path
    companion: Digest
    handled: Handled
    shown_date: date | None


class HeldBack(Exception):
    """A person has to decide about some of the instances before anything is published."""

    def __init__(self, held: Sequence[Held]) -> None:
        super().__init__(f"{len(held)} held")
        self.held = tuple(held)


@dataclass(frozen=True, slots=True)
class Case:
    """A study as it was found, how this clinic's are treated, and what a person has decided about its images."""

    task: Task
    study: FoundStudy
    deidentifier: Deidentifier
    pixels: Pixels
    decisions: Mapping[str, Decision] = field(default_factory=dict)
    preview: Preview = field(default_factory=lambda: Preview(enabled=False))
    archive_format: ArchiveFormat = ArchiveFormat.ZIP
    start_page: bool = False


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


class Packing:
    """One way through the instances of a study; whoever begins it ends it with `discard`."""

    def __init__(self, case: Case, folder: Path, stop: threading.Event) -> None:
        """Raise DiskFull."""
        self._case = case
        self._folder = folder
        self._stop = stop
        self._harvest = Harvest(_known(case))
        self._tally = _Tally(Counter())
        self._early: Gate | None = None
        self._describer, self._viewing = Describer(), Viewing()
        self._instances: dict[str, Path] = {}
        self._path = folder / f"study.{case.archive_format}"
        with ExitStack() as opened:
            self._outputs = opened.enter_context(Outputs(folder))
            self._archive = opened.enter_context(StudyArchive(self._path, case.archive_format))
            self._companion = opened.enter_context(CompanionFile(folder / "study.view"))
            self._looker = opened.enter_context(Looker(stop))
            self._album = opened.enter_context(Album(case.preview, folder, stop))
            self._judge = Judge(case.pixels, self._looker, folder, case.decisions)
            self._opened = opened.pop_all()

    def is_of(self, instances: Sequence[SpooledInstance]) -> bool:
        """Whether these, all of them and no other, were added."""
        return self._instances == {instance.sop_instance_uid: instance.path for instance in instances}

    def add(self, instance: SpooledInstance) -> None:
        """Gather what identifies in it, and pack what may be published of it."""
        _go_on(self._stop)
        self._instances[instance.sop_instance_uid] = instance.path
        with instance_file.shown(instance.path) as data:
            with _turn(data):
                known = self._followed(data)
            outcome = known or self._judged(instance.path, data)
            self._tally.count(outcome)
            if isinstance(outcome, Ready):
                with _turn(data):
                    self._pack(outcome, instance.path, data)
        # The first one tells most of what there is to look for; while others come there is time to prepare that.
        self._early = self._early or self._gate()

    def archive(self) -> Follower:
        """Return the archive as a stream that is read while it is made; it ends with `release`."""
        return self._archive.follow()

    def release(self) -> None:
        """Let whoever follows the archive come to its end; it is finished, and may be published."""
        self._archive.release()

    def rest(self) -> None:
        """Let another thread go on."""
        self._looker.close()

    def finish(self, part: Part | None) -> Prepared:
        """Search all that was packed, and close the archive. Raises as Preparation does."""
        if self._tally.held:
            raise HeldBack(tuple(self._tally.held.values()))
        left_out = _grouped(+self._tally.reasons)
        if self._tally.reasons.total() == len(self._instances):
            raise NothingToPublish(left_out=self._tally.reasons.total(), groups=left_out)
        gate, task = self._gate(), self._case.task
        self._outputs.flush()
        self._album.begin(left_out)
        for member, content in self._outputs.contents():
            _go_on(self._stop)
            _require_clean(gate, task, member, content)
        whole = part is None and not left_out
        clean = partial(_require_clean, gate, task)
        summary = self._archive.close(whole=whole, page=self._start_page(), inspect=clean)
        self._viewing.write(self._companion, partial(_require_clean, gate, task))
        self._add_pictures(gate)
        return Prepared(
            self._path,
            summary,
            self._companion.path,
            self._companion.close(),
            Handled(left_out, self._tally.covered, self._tally.faces),
            _shown_date(self._case.study, self._case.deidentifier.days),
        )

    def _start_page(self) -> Iterator[tuple[str, bytes]] | None:
        """Return the start page and its pictures, where there are to be any, and are."""
        pictures = self._album.finish() if self._case.start_page else None
        return start_page.members(pictures.preview, pictures.contents()) if pictures else None

    def _add_pictures(self, gate: Gate) -> None:
        """Add the preview; its words are searched, its pictures show what was searched already."""
        pictures = self._album.finish()
        if pictures is None:
            return
        index = encoded(pictures.preview)
        _require_clean(gate, self._case.task, INDEX, index)
        try:
            self._companion.reserve(len(index) + sum(pictures.sizes))
        except DiskFull:  # the study matters more
            log.warning("Предпросмотр не подготовлен: на диске нет места")
            return
        self._companion.add(INDEX, index)
        for part, content in enumerate(pictures.contents()):
            self._companion.add(name_of(part), content)

    def discard(self) -> None:
        """Leave nothing but an archive that is finished."""
        self._opened.close()

    def _gate(self) -> Gate:
        case = self._case
        page = start_page.TEXTS if case.start_page else ()
        texts = (readme(case.archive_format, whole=False, start_page=case.start_page), *page)
        permitted = Permitted(texts, descriptors.vocabulary(), case.deidentifier.days)
        with TURNS.mine():
            return Gate(self._harvest, permitted, self._early)

    def _followed(self, data: Bytes) -> Ready | Reason | None:
        """Gather what identifies in an instance, and say what becomes of one that is like another before."""
        if not self._harvest.add(data):
            return Reason.BROKEN  # what cannot be read cannot be vouched for
        return None if instance_file.is_long(data) else self._judge.follow(data)

    def _judged(self, path: Path, data: Bytes) -> Ready | Reason | Held:
        try:
            original = instance_file.read(path)
        except InvalidDicomError:
            return Reason.BROKEN
        _require_same_patient(self._case.task, original)
        outcome = self._judge.judge(self._case.deidentifier, original, path)
        if not instance_file.is_long(data):
            self._judge.remember(data, original, outcome, self._case.deidentifier)
        return outcome

    def _pack(self, ready: Ready, path: Path, data: Bytes) -> None:
        with instance_file.written(ready.dataset, self._folder / "instance.dcm", ready.header) as part10:
            shared = None
            if ready.pixels and isinstance(part10, bytes) and part10.endswith(data[slice(*ready.pixels)]):
                shared = Shared(path, *ready.pixels)
            described = self._described(part10)
            frames = described.frames if described else None
            cuts = frames.begins if frames else ()
            name, member = self._archive.add(ready.dataset, part10, cuts)
            if described:
                self._viewing.add(described, member)
            self._outputs.keep(name, part10, shared)
            self._album.note(ready.dataset, self._outputs.pieces())

    def _described(self, part10: bytes | Path) -> Described | None:
        """Say what a viewer needs of what was written; one of which it cannot be said is in the archive alone."""
        with instance_file.shown(part10) as content:
            try:
                return self._describer.describe(content)
            except ValueError as error:
                log.debug("Снимок не показать в браузере: %s", describe(error))
                return None


def _known(case: Case) -> dict[str, str]:
    """Return all that is known of the study besides its images."""
    task, study = case.task, case.study
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
    return {name: text for name, text in known.items() if text}


def _turn(data: Bytes) -> AbstractContextManager[None]:
    """Return a turn; what is long waits for the disk more than it computes, and keeps nobody waiting."""
    return nullcontext() if instance_file.is_long(data) else TURNS.mine()


def _require_clean(gate: Gate, task: Task, member: str, data: bytes | Path) -> None:
    with instance_file.shown(data) as content, _turn(content):
        findings = gate.search(member, content)
    if not findings:
        return
    found = sorted({f"{finding.source} ({finding.kind}, {finding.spelling})" for finding in findings})
    log.error(
        "В подготовленном архиве найдено то, что похоже на данные пациента",
        extra={"details": {"acsn": task.accession_number, "member": member, "found": found}},
    )
    raise PhiSuspected(member=member, found=found)


def _require_same_patient(task: Task, original: FileDataset) -> None:
    """Hold the instance itself against the request: a PACS's index may say something else than its files."""
    patient_id = str(original.get("PatientID", "")).strip()
    if patient_id != task.patient_id or original.get("StudyInstanceUID") != task.study_instance_uid:
        raise PatientMismatch(
            "an instance says another patient or study than the PACS's index",
            accession_number=task.accession_number,
            patient_id=task.patient_id,
        )


def _shown_date(study: FoundStudy, days: int) -> date | None:
    taken = study.taken_at(ZoneInfo("UTC"))
    return taken.date() - timedelta(days=days) if taken and days else None


def _go_on(stop: threading.Event) -> None:
    if stop.is_set():
        raise Stopped


def _grouped(reasons: Counter[Reason]) -> tuple[LeftOut, ...]:
    return tuple(
        LeftOut(reason.value, reason.sentence, count)
        for reason, count in sorted(reasons.items(), key=lambda item: item[0].value)
    )
