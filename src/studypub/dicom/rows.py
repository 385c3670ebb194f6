"""Queries and their answers as data sets (Study Root, PS3.4 C.6.2)."""

from pydicom.dataset import Dataset
from pydicom.multival import MultiValue

from studypub.core.finding import FoundStudy
from studypub.core.wanted import Wanted

_STUDY_KEYS = (
    "PatientID", "PatientName", "PatientBirthDate", "StudyInstanceUID", "StudyDate", "StudyTime", "StudyDescription",
    "ModalitiesInStudy", "NumberOfStudyRelatedInstances",
)  # fmt: skip


def studies_of(accession_number: str) -> Dataset:
    """Return the query for the studies of an accession number."""
    query = _query("STUDY")
    query.AccessionNumber = accession_number
    for keyword in _STUDY_KEYS:
        setattr(query, keyword, None)
    return query


def studies_between(first: str, last: str) -> Dataset:
    """Return the query for the studies of these days (DA) and how many images each has."""
    query = _query("STUDY")
    query.StudyDate = f"{first}-{last}"
    for keyword in ("AccessionNumber", "StudyInstanceUID", "NumberOfStudyRelatedInstances"):
        setattr(query, keyword, None)
    return query


def series_of(study_instance_uid: str) -> Dataset:
    """Return the query for the series of a study."""
    query = _query("SERIES")
    query.StudyInstanceUID, query.SeriesInstanceUID = study_instance_uid, ""
    return query


def instances_of(study_instance_uid: str, series_instance_uid: str, *, classes: bool) -> Dataset:
    """Return the query for the instances of a series; for `classes` too, some PACS open the file of each."""
    query = _query("IMAGE")
    query.StudyInstanceUID, query.SeriesInstanceUID = study_instance_uid, series_instance_uid
    query.SOPInstanceUID = ""
    if classes:
        query.SOPClassUID = ""
    return query


def identifier(wanted: Wanted) -> Dataset:
    """Return the identifier of a retrieval: the unique keys and nothing else (PS3.4 C.4.2.2.1)."""
    names = Dataset()
    names.QueryRetrieveLevel = wanted.level
    names.StudyInstanceUID = wanted.study_instance_uid
    if wanted.series_instance_uid:
        names.SeriesInstanceUID = wanted.series_instance_uid
    if wanted.sop_instance_uids:
        names.SOPInstanceUID = list(wanted.sop_instance_uids)
    return names


def study(row: Dataset) -> FoundStudy:
    """Return the study that a row describes."""
    count = text(row, "NumberOfStudyRelatedInstances")
    return FoundStudy(
        study_instance_uid=text(row, "StudyInstanceUID"),
        accession_number=text(row, "AccessionNumber"),
        patient_id=text(row, "PatientID"),
        patient_name=text(row, "PatientName"),
        birth_date=text(row, "PatientBirthDate"),
        study_date=text(row, "StudyDate"),
        study_time=text(row, "StudyTime"),
        modalities=tuple(filter(None, text(row, "ModalitiesInStudy").split("\\"))),
        description=text(row, "StudyDescription"),
        instances=int(count) if count.isdecimal() else None,
    )


def says_another(row: Dataset, **keys: str) -> bool:
    """Whether a row says by one of these keys that it is about something else than was asked for."""
    return any(text(row, keyword) not in ("", value) for keyword, value in keys.items())


def text(row: Dataset, keyword: str) -> str:
    """Return a value as text without its padding; several values are joined by backslashes."""
    value = row.get(keyword)
    if value is None:
        return ""
    # A person's name is no list, though pydicom lets one walk over its characters.
    parts = list(value) if isinstance(value, MultiValue) else [value]
    return "\\".join(str(part).strip(" \x00") for part in parts)


def _query(level: str) -> Dataset:
    query = Dataset()
    query.SpecificCharacterSet = "ISO_IR 192"
    query.QueryRetrieveLevel = level
    return query
