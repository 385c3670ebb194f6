"""Decides which study of those that the PACS lists is the one asked for."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from studypub.errors import AmbiguousAccession, PatientMismatch, StudyNotFound


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
    """An instance that the PACS says it has."""

    sop_instance_uid: str
    sop_class_uid: str
    series_instance_uid: str


def choose(studies: Iterable[FoundStudy], *, patient_id: str, accession_number: str) -> FoundStudy:
    """Return the one study with exactly this accession number, if it is this patient's.

    Raises StudyNotFound, PatientMismatch where none is this patient's or one is another patient's too,
    AmbiguousAccession where there are several, one of them at least this patient's.
    A PACS may match by pattern, ignore the key or answer about others: only exact answers count.
    """
    exact = [study for study in studies if study.accession_number == accession_number]
    if not exact:
        raise StudyNotFound(accession_number=accession_number)
    different = list({study.study_instance_uid: study for study in exact}.values())
    theirs = [study.patient_id != patient_id for study in exact]
    if all(theirs) or (len(different) == 1 and any(theirs)):
        raise PatientMismatch(accession_number=accession_number, patient_id=patient_id)
    if len(different) > 1:
        raise AmbiguousAccession(accession_number=accession_number, count=len(different), found=_described(different))
    return exact[0]


def _described(studies: Sequence[FoundStudy]) -> str:
    """Name what was found by date and modality, never by patient."""
    return ", ".join(
        " ".join(filter(None, (study.study_date, "/".join(study.modalities)))) or "?" for study in studies[:5]
    )
