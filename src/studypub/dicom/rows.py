"""Queries, and what the rows of their answers say (Study Root, PS3.4 C.6.2)."""

from pydicom.dataset import Dataset

from studypub.core.finding import FoundStudy
from studypub.core.wanted import Wanted
from studypub.dicom.row import Row

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


def study(row: Row) -> FoundStudy:
    """Return the study that a row describes."""
    count = row.text("NumberOfStudyRelatedInstances")
    return FoundStudy(
        study_instance_uid=row.text("StudyInstanceUID"),
        accession_number=row.text("AccessionNumber"),
        patient_id=row.text("PatientID"),
        patient_name=row.text("PatientName"),
        birth_date=row.text("PatientBirthDate"),
        study_date=row.text("StudyDate"),
        study_time=row.text("StudyTime"),
        modalities=tuple(filter(None, row.text("ModalitiesInStudy").split("\\"))),
        description=row.text("StudyDescription"),
        instances=int(count) if count.isdecimal() else None,
    )


def says_another(row: Row, **keys: str) -> bool:
    """Whether a row says by one of these keys that it is about something else than was asked for."""
    return any(row.text(keyword) not in ("", value) for keyword, value in keys.items())


def _query(level: str) -> Dataset:
    query = Dataset()
    query.SpecificCharacterSet = "ISO_IR 192"
    query.QueryRetrieveLevel = level
    return query
