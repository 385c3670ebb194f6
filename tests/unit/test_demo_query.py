"""Matching as a PACS does it, PS3.4 C.2.2.2."""

import pytest
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from tests.peers.studies import make_study

from studypub.dicom.demo_query import BadIdentifier, find, matches, select


def element(vr: str, value: object) -> DataElement:
    return DataElement(0x00080050, vr, value)


@pytest.mark.parametrize(
    ("vr", "key", "value", "expected"),
    [
        ("SH", "", "A1", True),
        ("SH", "A1", "A1", True),
        ("SH", "A1", "A12", False),
        ("SH", "a1", "A1", False),
        ("SH", "A*", "A12", True),
        ("SH", "*2", "A12", True),
        ("SH", "A?2", "A12", True),
        ("SH", "A?", "A12", False),
        ("SH", "A[1]", "A1", False),
        ("SH", ["B1", "A1"], "A1", True),
        ("PN", "Иванов*", "Иванова^Мария", True),
        ("PN", "ИВАНОВА^МАРИЯ", "Иванова^Мария", True),
        ("PN", "Ivanova*", "Иванова^Мария=Ivanova^Maria", True),
        ("PN", "Иванова", "Иванова^Мария", False),
        ("DA", "20250201", "20250201", True),
        ("DA", "20250101-20250201", "20250201", True),
        ("DA", "20250202-", "20250201", False),
        ("DA", "-20250131", "20250201", False),
        ("TM", "-1618", "161802", True),
        ("UI", ["1.2.3", "1.2.4"], "1.2.4", True),
        ("UI", "1.2", "1.2.4", False),
        ("IS", "3", "3", True),
        ("CS", "MR", ["CT", "MR"], True),
        ("SH", "A1", "", False),
    ],
)
def test_a_key_matches(vr: str, key: object, value: object, expected: bool) -> None:
    assert matches(element(vr, key), element(vr, value)) is expected


def identifier(level: str, **keys: object) -> Dataset:
    dataset = Dataset()
    dataset.QueryRetrieveLevel = level
    for keyword, value in keys.items():
        setattr(dataset, keyword, value)
    return dataset


def test_a_study_is_answered_once_and_counted() -> None:
    study = make_study(patient_id="PID-1", accession_number="ACC-1", instances=3)
    keys = identifier("STUDY", AccessionNumber="ACC-1", NumberOfStudyRelatedInstances="", ModalitiesInStudy="")
    (answer,) = find(study, keys, "PACS")
    assert answer.NumberOfStudyRelatedInstances == 3
    assert answer.ModalitiesInStudy == "CT"
    assert answer.StudyInstanceUID == study[0].StudyInstanceUID
    assert answer.RetrieveAETitle == "PACS"


def test_a_study_answer_holds_nothing_of_its_images() -> None:
    study = make_study(patient_id="PID-1", accession_number="ACC-1", instances=2)
    (answer,) = find(study, identifier("STUDY", SOPInstanceUID="", InstanceNumber=""), "PACS")
    assert not answer.SOPInstanceUID
    assert answer["InstanceNumber"].is_empty


def test_series_are_told_apart() -> None:
    study = make_study(patient_id="PID-1", accession_number="ACC-1", instances=2)
    study[1].SeriesInstanceUID = "1.2.3"
    keys = identifier("SERIES", StudyInstanceUID=study[0].StudyInstanceUID, NumberOfSeriesRelatedInstances="")
    answers = find(study, keys, "PACS")
    assert {str(answer.SeriesInstanceUID) for answer in answers} == {str(study[0].SeriesInstanceUID), "1.2.3"}
    assert [answer.NumberOfSeriesRelatedInstances for answer in answers] == [1, 1]


@pytest.mark.parametrize(
    "keys", [identifier("PATIENT"), identifier("SERIES"), identifier("IMAGE", StudyInstanceUID="1.2"), Dataset()]
)
def test_a_query_without_the_keys_above_it_is_refused(keys: Dataset) -> None:
    with pytest.raises(BadIdentifier):
        find([], keys, "PACS")


def test_a_retrieval_names_what_it_wants() -> None:
    study = make_study(patient_id="PID-1", accession_number="ACC-1", instances=3)
    keys = identifier("IMAGE", StudyInstanceUID=study[0].StudyInstanceUID, SeriesInstanceUID=study[0].SeriesInstanceUID)
    with pytest.raises(BadIdentifier):
        select(study, keys)
    keys.SOPInstanceUID = [study[0].SOPInstanceUID, study[2].SOPInstanceUID]
    assert select(study, keys) == [study[0], study[2]]
