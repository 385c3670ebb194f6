"""Decides which study of those that the PACS lists is the one asked for."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from studypub.errors import (
    AmbiguousAccession,
    PacsAway,
    PacsFull,
    PatientMismatch,
    StudyNotFound,
    StudypubError,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundStudy:
    """A study as C-FIND describes it; empty where the PACS says nothing."""

    study_instance_uid: str
    accession_number: str
    patient_id: str
    patient_name: str = ""
    birth_date: str = ""  # DA
    study_date: str = ""  # DA
    study_time: str = ""  # TM
    modalities: tuple[str, ...] = ()
    description: str = ""
    instances: int | None = None

    @property
    def initials(self) -> str:
        """The patient's initials, the family name's first; empty where the PACS names nobody (PN, PS3.5 6.2.1)."""
        group = next((group for group in self.patient_name.split("=") if group.strip("^ ")), "")
        parts = group.split("^")[:3] if "^" in group else group.split()[:3]
        return " ".join(f"{part.strip()[0].upper()}." for part in parts if part.strip())

    @property
    def birth_year(self) -> str:
        """The year of the patient's birth; empty where the PACS does not say."""
        year = self.birth_date[:4]
        return year if len(year) == 4 and year.isascii() and year.isdigit() else ""

    def taken_at(self, zone: ZoneInfo) -> datetime | None:
        """Return when the study was made, in the clinic's time zone."""
        digits = self.study_time.replace(":", "").split(".")[0].ljust(6, "0")[:6]
        date = self.study_date.replace(".", "")
        for text in (date + digits, date + "000000"):
            try:
                return datetime.strptime(text, "%Y%m%d%H%M%S").replace(tzinfo=zone)
            except ValueError:
                continue
        return None


@dataclass(frozen=True, slots=True)
class ListedInstance:
    """An instance that the PACS says it has; its class is empty where it was not asked for, or is not told."""

    sop_instance_uid: str
    sop_class_uid: str
    series_instance_uid: str


def choose(
    studies: Iterable[FoundStudy], *, patient_id: str, accession_number: str, chosen: str | None = None
) -> FoundStudy:
    """Return the one study with exactly this accession number, if it is this patient's.

    `chosen` is the Study Instance UID that a person has picked among several: then only that one counts.
    Raises StudyNotFound, PatientMismatch where none is this patient's or one is another patient's too,
    AmbiguousAccession where there are several, one of them at least this patient's.
    A PACS may match by pattern, ignore the key or answer about others: only exact answers count.
    """
    exact = _exact(studies, accession_number)
    if chosen is not None:
        exact = [study for study in exact if study.study_instance_uid == chosen]
    if not exact:
        raise StudyNotFound(accession_number=accession_number)
    different = list({study.study_instance_uid: study for study in exact}.values())
    theirs = [study.patient_id != patient_id for study in exact]
    if all(theirs) or (len(different) == 1 and any(theirs)):
        raise PatientMismatch(accession_number=accession_number, patient_id=patient_id)
    if len(different) > 1:
        raise AmbiguousAccession(accession_number=accession_number, count=len(different), found=_described(different))
    return exact[0]


def choose_among(
    answers: Iterable[Sequence[FoundStudy] | StudypubError],
    *,
    patient_id: str,
    accession_number: str,
    chosen: str | None = None,
) -> tuple[int, FoundStudy]:
    """Return which of a clinic's PACS serves the study, and the study: the first, in their order, that has it.

    `answers` is what each has under the number, or why it says nothing; none is looked at after the one that serves.
    What one PACS has is judged by `choose`. Another patient's study does not hide this patient's in a PACS after it,
    unless it is the same study: whose it is would depend on whom we ask. Raises what `choose` does; where nobody serves
    and somebody has said nothing, why: that may pass before what stays, since the study may be there.
    """
    refusals: list[StudypubError] = []
    others: set[str] = set()
    for number, answer in enumerate(answers):
        if isinstance(answer, StudypubError):
            refusals.append(answer)
            continue
        try:
            study = choose(answer, patient_id=patient_id, accession_number=accession_number, chosen=chosen)
        except (StudyNotFound, PatientMismatch) as error:
            refusals.append(error)
            others |= {one.study_instance_uid for one in _exact(answer, accession_number)}
            continue
        if study.study_instance_uid in others:
            raise PatientMismatch(accession_number=accession_number, patient_id=patient_id)
        return number, study
    raise min(refusals, key=_lasting)


def _lasting(refusal: StudypubError) -> int:
    """Return how certain it is that the study is not to be had; the least certain outcome counts."""
    if isinstance(refusal, PacsAway | PacsFull):
        return 0
    if isinstance(refusal, StudyNotFound | PatientMismatch):
        return 4 if isinstance(refusal, StudyNotFound) else 3
    return 1 if refusal.retry else 2


def to_choose_from(studies: Iterable[FoundStudy], *, patient_id: str, accession_number: str) -> tuple[FoundStudy, ...]:
    """Return the patient's studies under exactly this accession number, each once; of others where none is theirs."""
    exact: dict[str, FoundStudy] = {}
    for study in _exact(studies, accession_number):
        exact.setdefault(study.study_instance_uid, study)
    theirs = tuple(study for study in exact.values() if study.patient_id == patient_id)
    return theirs or tuple(exact.values())


def _exact(studies: Iterable[FoundStudy], accession_number: str) -> list[FoundStudy]:
    return [study for study in studies if study.accession_number == accession_number]


def _described(studies: Sequence[FoundStudy]) -> str:
    """Name what was found by date and modality, never by patient."""
    return ", ".join(
        " ".join(filter(None, (study.study_date, "/".join(study.modalities)))) or "?" for study in studies[:5]
    )
