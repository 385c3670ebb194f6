"""What becomes of one instance: it is published as it is, or with its text covered; held for a person; or left out."""

import warnings
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from pydicom import FileDataset
from pydicom.dataset import Dataset

from studypub.config import Pixels
from studypub.core.review import Decision, Held
from studypub.deid import elements, faces, regions, tables
from studypub.deid.alike import Alike
from studypub.deid.instance import Deidentifier, Kept, objection
from studypub.deid.reasons import Reason
from studypub.deid.walk import Bytes
from studypub.flows import instance_file
from studypub.pixels.job import Job, Outcome, Report
from studypub.pixels.looker import Looker

_SOP_CLASS_UID: Final = 0x00080016
_SOP_INSTANCE_UID: Final = 0x00080018
_SERIES_INSTANCE_UID: Final = 0x0020000E
# What devices print into images of what they know.
_PRINTED: Final = (
    "PatientName", "PatientID", "OtherPatientIDs", "AccessionNumber", "PatientBirthDate", "InstitutionName",
    "ReferringPhysicianName", "PerformingPhysicianName", "OperatorsName", "StudyDate",
)  # fmt: skip

# Kinds of images that usually show text.
_FULL_OF_TEXT: Final = frozenset({"ultrasound", "captures", "photographs"})


@dataclass(frozen=True, slots=True)
class Ready:
    """A de-identified instance; `covered` where text of its pixels was, `face` where one can be rebuilt from it.

    `by_header`: nothing but its header was looked at or asked about. `header`: the bytes of its file up to the pixels,
    where they are known already; `pixels`: where in the original lies what comes behind them.
    """

    dataset: FileDataset
    covered: bool = False
    face: bool = False
    by_header: bool = False
    header: bytes = b""
    pixels: tuple[int, int] | None = None


class Judge:
    """Decides instance by instance for one publication, by the clinic's choices and what a person has decided."""

    def __init__(self, pixels: Pixels, looker: Looker, folder: Path, decisions: Mapping[str, Decision]) -> None:
        """`folder` takes instances in the making; `decisions` are by SOP or Series Instance UID."""
        self._pixels = pixels
        self._looker = looker
        self._folder = folder
        self._decisions = decisions
        self._pictured: set[str] = set()
        self._alike = Alike()

    def follow(self, data: Bytes) -> Ready | None:
        """Return what becomes of an instance that is like one before, None where it has to be judged."""
        found = self._alike.follow(data)
        return found and Ready(found.dataset, face=found.face, header=found.header, pixels=found.pixels)

    def remember(self, data: Bytes, original: FileDataset, outcome: object, deidentifier: Deidentifier) -> None:
        """Let others follow an instance, if its header alone was judged; `original` is not the caller's any more."""
        if isinstance(outcome, Ready) and outcome.by_header:
            self._alike.learn(data, original, outcome.dataset, deidentifier, face=outcome.face)

    def judge(self, deidentifier: Deidentifier, original: FileDataset, file: Path) -> Ready | Reason | Held:
        """Say what becomes of the instance in this file; what covers it stays in the folder until the next one."""
        try:
            reason = objection(original)
            if reason is None:
                return self._unless_face(deidentifier, original, file)
            return self._doubtful(deidentifier, original, file, reason)
        except elements.BROKEN:
            return Reason.BROKEN

    def _unless_face(self, deidentifier: Deidentifier, original: FileDataset, file: Path) -> Ready | Reason | Held:
        iod = tables.sop_classes()[elements.string(original, _SOP_CLASS_UID)].iod
        face = faces.shows_a_face(original, iod)
        if not face or self._pixels.faces == "publish":
            ready = _ready(deidentifier, original, face=face)
            return replace(ready, by_header=True) if isinstance(ready, Ready) else ready
        series = elements.string(original, _SERIES_INSTANCE_UID)
        decision = self._decisions.get(series)
        if decision is None and self._pixels.faces == "review":
            return Held(
                series, Reason.FACE.value, Reason.FACE.sentence, self._picture_of_series(series, original, file)
            )
        if decision is Decision.RELEASE:
            return _ready(deidentifier, original, face=True)
        return Reason.FACE

    def _picture_of_series(self, series: str, original: FileDataset, file: Path) -> bytes | None:
        """Return a picture of the first instance that is met of a series."""
        if series in self._pictured:
            return None
        self._pictured.add(series)
        return self._looker.look(self._job(original, file, only_picture=True)).thumbnail

    def _doubtful(
        self, deidentifier: Deidentifier, original: FileDataset, file: Path, reason: Reason
    ) -> Ready | Reason | Held:
        """Decide about an instance whose pixels may show text or a person."""
        decision = self._decisions.get(elements.string(original, _SOP_INSTANCE_UID))
        policy = getattr(self._pixels, reason.policy) if reason.policy else "leave_out"
        if reason.policy is None or decision is Decision.LEAVE_OUT:
            return reason
        if decision is Decision.RELEASE:
            return _ready(deidentifier, original)
        if decision is None and policy == "leave_out":
            return reason
        only_picture = decision is None and (policy == "review" or reason is Reason.RECOGNIZABLE_FEATURES)
        job = self._job(original, file, cover_doubtful=decision is Decision.MASK, only_picture=only_picture)
        job.target.unlink(missing_ok=True)
        report = self._looker.look(job)
        if decision is Decision.MASK or self._is_certain(job, report, reason):
            return _searched(deidentifier, original, job, report)
        if policy == "review" or self._pixels.unsure == "review":
            return Held(elements.string(original, _SOP_INSTANCE_UID), reason.value, reason.sentence, report.thumbnail)
        return _why_left_out(reason, report)

    def _is_certain(self, job: Job, report: Report, reason: Reason) -> bool:
        """Whether nothing can have been overlooked: reading misses short words, so it needs a second witness.

        That is where the device or the header tells the place of text, or, in kinds of images that seldom show any,
        that none was found.
        """
        told = bool(job.hide or job.show) or self._pixels.trust_reading
        return report.outcome in {Outcome.CLEAN, Outcome.MASKED} and (
            told or (report.outcome is Outcome.CLEAN and reason.policy not in _FULL_OF_TEXT)
        )

    def _job(self, original: FileDataset, file: Path, *, cover_doubtful: bool = False, only_picture: bool) -> Job:
        return Job(
            source=file,
            target=self._folder / "covered.dcm",
            hide=regions.known_text(original),
            show=regions.ultrasound(original),
            identifiers=identifiers(original),
            cover_doubtful=cover_doubtful,
            only_picture=only_picture,
        )


def identifiers(original: Dataset) -> tuple[str, ...]:
    """Return what a device may have printed of the patient, as the header has it."""
    with warnings.catch_warnings(action="ignore"):
        values = (original.get(keyword) for keyword in _PRINTED)
        return tuple(text for text in (str(value).strip() for value in values if value) if text)


def _searched(deidentifier: Deidentifier, original: FileDataset, job: Job, report: Report) -> Ready | Reason:
    if report.outcome not in {Outcome.CLEAN, Outcome.MASKED}:
        return Reason.TEXT_MAY_REMAIN
    masked = report.outcome is Outcome.MASKED
    return _ready(deidentifier, instance_file.read(job.target) if masked else original, covered=masked, searched=True)


def _ready(
    deidentifier: Deidentifier,
    original: FileDataset,
    *,
    covered: bool = False,
    searched: bool = False,
    face: bool = False,
) -> Ready | Reason:
    outcome = deidentifier.header(original, searched=searched)
    return Ready(outcome.dataset, covered, face) if isinstance(outcome, Kept) else outcome.reason


def _why_left_out(reason: Reason, report: Report) -> Reason:
    if report.why == "no_ocr":
        return Reason.TEXT_NOT_READ
    if report.why == "only_picture":
        return reason
    return reason if report.outcome is Outcome.UNREADABLE else Reason.TEXT_MAY_REMAIN
