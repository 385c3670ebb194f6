"""Answers queries over data sets in memory, as a PACS does (Study Root Query/Retrieve, PS3.4 C.2.2.2 and C.4)."""

import re
from collections.abc import Iterable, Sequence
from typing import TypeVar

from pydicom.datadict import dictionary_VR
from pydicom.dataelem import DataElement, empty_value_for_VR
from pydicom.dataset import Dataset

Instance = TypeVar("Instance", bound=Dataset)

UNIQUE_KEYS = {"STUDY": "StudyInstanceUID", "SERIES": "SeriesInstanceUID", "IMAGE": "SOPInstanceUID"}
"""The unique key of each level, highest first (PS3.4 C.6.2.1)."""

_STUDY_KEYS = frozenset(
    (
        "AccessionNumber",
        "AdditionalPatientHistory",
        "AdmittingDiagnosesDescription",
        "InstitutionName",
        "IssuerOfPatientID",
        "NameOfPhysiciansReadingStudy",
        "OtherPatientNames",
        "PatientAge",
        "PatientBirthDate",
        "PatientBirthTime",
        "PatientComments",
        "PatientID",
        "PatientName",
        "PatientSex",
        "PatientSize",
        "PatientWeight",
        "ReferringPhysicianName",
        "StudyDate",
        "StudyDescription",
        "StudyID",
        "StudyInstanceUID",
        "StudyTime",
        "TimezoneOffsetFromUTC",
    )
)
_SERIES_KEYS = frozenset(
    (
        "BodyPartExamined",
        "Laterality",
        "Manufacturer",
        "Modality",
        "OperatorsName",
        "PerformedProcedureStepStartDate",
        "PerformedProcedureStepStartTime",
        "PerformingPhysicianName",
        "ProtocolName",
        "SeriesDate",
        "SeriesDescription",
        "SeriesInstanceUID",
        "SeriesNumber",
        "SeriesTime",
        "StationName",
    )
)
_NO_KEYS = frozenset(("QueryRetrieveLevel", "SpecificCharacterSet"))
_RANGE_VRS = frozenset(("DA", "TM", "DT"))
_WILDCARD_VRS = frozenset(("AE", "CS", "LO", "LT", "PN", "SH", "ST", "UC", "UR", "UT"))


class BadIdentifier(ValueError):
    """The request's identifier lacks what its level needs: status 0xA900 (PS3.4 C.4.1.1.4)."""


def find(instances: Iterable[Dataset], identifier: Dataset, ae_title: str) -> list[Dataset]:
    """Return one answer a matching study, series or image; `ae_title` says where it can be retrieved.

    Raises BadIdentifier when the level is unknown or a unique key above it is missing.
    """
    level = _level(identifier)
    for keyword in _keys_above(level):
        _required(identifier, keyword)
    groups: dict[str, list[Dataset]] = {}
    for instance in _below(instances, identifier, _keys_above(level)):
        groups.setdefault(str(instance[UNIQUE_KEYS[level]].value), []).append(instance)
    keys = [element for element in identifier if element.keyword not in _NO_KEYS]
    answers = []
    for group in groups.values():
        record = _record(group, level, keys)
        if all(matches(key, record[key.tag]) for key in keys):
            answers.append(_completed(record, group[0], level, ae_title))
    return answers


def select(instances: Iterable[Instance], identifier: Dataset) -> list[Instance]:
    """Return the instances that a C-MOVE or C-GET identifier names by its unique keys.

    Raises BadIdentifier when the level is unknown or a unique key at it or above it is missing.
    """
    level = _level(identifier)
    keywords = [*_keys_above(level), UNIQUE_KEYS[level]]
    for keyword in keywords:
        _required(identifier, keyword)
    return _below(instances, identifier, keywords)


def matches(key: DataElement, value: DataElement) -> bool:
    """Say whether a record's value satisfies one key of a query: universal, list, range, wildcard or single value."""
    wanted = _texts(key)
    if not wanted or key.VR == "SQ":
        return True
    found = _texts(value)
    return any(_matches_one(key.VR, pattern, text) for pattern in wanted for text in found)


def _matches_one(vr: str, pattern: str, text: str) -> bool:
    if vr in _RANGE_VRS and "-" in pattern:
        first, _, last = pattern.partition("-")
        return (not first or text >= first) and (not last or text[: len(last)] <= last)
    if vr in _WILDCARD_VRS and ("*" in pattern or "?" in pattern or vr == "PN"):
        names = (text, *text.split("=")) if vr == "PN" else (text,)
        expression = re.compile(_as_expression(pattern), re.DOTALL | (re.IGNORECASE if vr == "PN" else 0))
        return any(expression.fullmatch(name) for name in names)
    return text == pattern


def _as_expression(pattern: str) -> str:
    return "".join({"*": ".*", "?": "."}.get(letter, re.escape(letter)) for letter in pattern)


def _texts(element: DataElement) -> list[str]:
    if element.is_empty:
        return []
    values = element.value if element.VM > 1 else [element.value]
    return [str(value).strip() for value in values]


def _level(identifier: Dataset) -> str:
    level = str(identifier.get("QueryRetrieveLevel", ""))
    if level not in UNIQUE_KEYS:
        raise BadIdentifier("QueryRetrieveLevel")
    return level


def _keys_above(level: str) -> list[str]:
    levels = list(UNIQUE_KEYS)
    return [UNIQUE_KEYS[upper] for upper in levels[: levels.index(level)]]


def _required(identifier: Dataset, keyword: str) -> None:
    if not identifier.get(keyword):
        raise BadIdentifier(keyword)


def _below(instances: Iterable[Instance], identifier: Dataset, keywords: Sequence[str]) -> list[Instance]:
    keys = [identifier[keyword] for keyword in keywords]
    return [instance for instance in instances if all(matches(key, instance[key.tag]) for key in keys)]


def _record(group: list[Dataset], level: str, keys: Iterable[DataElement]) -> Dataset:
    record = Dataset()
    counted = _counted(group, level)
    for key in keys:
        if key.keyword in counted:
            record.add_new(key.tag, dictionary_VR(key.tag), counted[key.keyword])
        elif _belongs(key.keyword, level) and key.tag in group[0]:
            record.add(group[0][key.tag])
        else:
            record.add_new(key.tag, key.VR, empty_value_for_VR(key.VR))
    return record


def _belongs(keyword: str, level: str) -> bool:
    if level == "IMAGE":
        return True
    return keyword in _STUDY_KEYS or (level == "SERIES" and keyword in _SERIES_KEYS)


def _counted(group: list[Dataset], level: str) -> dict[str, object]:
    if level == "STUDY":
        return {
            "ModalitiesInStudy": _distinct(group, "Modality"),
            "SOPClassesInStudy": _distinct(group, "SOPClassUID"),
            "NumberOfStudyRelatedSeries": len(_distinct(group, "SeriesInstanceUID")),
            "NumberOfStudyRelatedInstances": len(group),
        }
    return {"NumberOfSeriesRelatedInstances": len(group)} if level == "SERIES" else {}


def _distinct(group: list[Dataset], keyword: str) -> list[str]:
    return sorted({str(instance.get(keyword, "")) for instance in group})


def _completed(record: Dataset, instance: Dataset, level: str, ae_title: str) -> Dataset:
    for keyword in (*_keys_above(level), UNIQUE_KEYS[level]):
        record[keyword] = instance[keyword]
    # The names travel in the study's own character set, whatever the query was written in.
    if "SpecificCharacterSet" in instance:
        record.SpecificCharacterSet = instance.SpecificCharacterSet
    record.QueryRetrieveLevel = level
    record.RetrieveAETitle = ae_title
    record.InstanceAvailability = "ONLINE"
    return record
