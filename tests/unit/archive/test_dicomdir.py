"""The DICOMDIR, read by pydicom, DCMTK and dicom3tools."""

import io
import subprocess
import warnings
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from pydicom import Dataset, dcmread
from pydicom.dataelem import RawDataElement
from pydicom.tag import BaseTag
from pydicom.uid import (
    UID,
    BasicTextSRStorage,
    CTImageStorage,
    EncapsulatedPDFStorage,
    GrayscaleSoftcopyPresentationStateStorage,
    JPEG2000Lossless,
    KeyObjectSelectionDocumentStorage,
    MediaStorageDirectoryStorage,
    RTDoseStorage,
    RTPlanStorage,
    RTStructureSetStorage,
    SegmentationStorage,
    SpatialRegistrationStorage,
    TwelveLeadECGWaveformStorage,
)
from tests.unit.archive.instances import SERIES, STUDY, in_file_set, instance, part10

from studypub.archive.dicomdir import Directory
from studypub.archive.records import record_type


def directory(*instances: Dataset) -> bytes:
    made = Directory()
    for number, dataset in enumerate(instances, 1):
        made.add(dataset, ("DICOM", "S0001", f"I{number:07}"))
    return made.encode()


def records(encoded: bytes) -> list[Dataset]:
    return list(dcmread(io.BytesIO(encoded)).DirectoryRecordSequence)


def only(encoded: bytes, kind: str) -> Dataset:
    (record,) = (record for record in records(encoded) if record.DirectoryRecordType == kind)
    return record


def test_the_tree_is_patient_study_series_image(tmp_path: Path) -> None:
    instances = [
        instance(InstanceNumber=1),
        instance(InstanceNumber=2),
        instance(SeriesInstanceUID="2.25.2"),
        instance(StudyInstanceUID="2.25.3", SeriesInstanceUID="2.25.4"),
        instance(PatientID="P2", StudyInstanceUID="2.25.5", SeriesInstanceUID="2.25.6"),
    ]
    (tmp_path / "DICOMDIR").write_bytes(directory(*instances))
    (tmp_path / "DICOM" / "S0001").mkdir(parents=True)
    for number, dataset in enumerate(instances, 1):
        (tmp_path / "DICOM" / "S0001" / f"I{number:07}").write_bytes(part10(dataset))
    assert in_file_set(
        tmp_path / "DICOMDIR",
        lambda one: (
            one.PatientID,
            one.StudyInstanceUID,
            one.SeriesInstanceUID,
            Path(one.path).relative_to(tmp_path).as_posix(),
        ),
    ) == [
        ("P1", STUDY, SERIES, "DICOM/S0001/I0000001"),
        ("P1", STUDY, SERIES, "DICOM/S0001/I0000002"),
        ("P1", STUDY, "2.25.2", "DICOM/S0001/I0000003"),
        ("P1", "2.25.3", "2.25.4", "DICOM/S0001/I0000004"),
        ("P2", "2.25.5", "2.25.6", "DICOM/S0001/I0000005"),
    ]


def test_every_offset_points_at_the_item_of_its_record() -> None:
    encoded = directory(
        *(instance(InstanceNumber=number) for number in range(1, 4)),
        instance(SeriesInstanceUID="2.25.2"),
        instance(PatientID="P2", StudyInstanceUID="2.25.5"),
    )
    whole = dcmread(io.BytesIO(encoded))
    at = {record.seq_item_tell: record for record in whole.DirectoryRecordSequence}

    def level(offset: int) -> list[Dataset]:
        found = []
        while offset:
            found.append(at[offset])
            offset = at[offset].OffsetOfTheNextDirectoryRecord
        return found

    patients = level(whole.OffsetOfTheFirstDirectoryRecordOfTheRootDirectoryEntity)
    assert [patient.PatientID for patient in patients] == ["P1", "P2"]
    assert at[whole.OffsetOfTheLastDirectoryRecordOfTheRootDirectoryEntity] is patients[-1]
    (study,) = level(patients[0].OffsetOfReferencedLowerLevelDirectoryEntity)
    series = level(study.OffsetOfReferencedLowerLevelDirectoryEntity)
    assert [one.SeriesInstanceUID for one in series] == [SERIES, "2.25.2"]
    images = level(series[0].OffsetOfReferencedLowerLevelDirectoryEntity)
    assert [image.InstanceNumber for image in images] == [1, 2, 3]
    assert all(image.OffsetOfReferencedLowerLevelDirectoryEntity == 0 for image in images)


def test_the_file_meta_and_the_image_record_name_what_they_refer_to() -> None:
    dataset = instance(syntax=JPEG2000Lossless)
    encoded = directory(dataset)
    assert dcmread(io.BytesIO(encoded)).file_meta.MediaStorageSOPClassUID == MediaStorageDirectoryStorage
    image = only(encoded, "IMAGE")
    assert image.RecordInUseFlag == 0xFFFF
    assert image.ReferencedFileID == ["DICOM", "S0001", "I0000001"]
    assert image.ReferencedSOPClassUIDInFile == CTImageStorage
    assert image.ReferencedSOPInstanceUIDInFile == dataset.SOPInstanceUID
    assert image.ReferencedTransferSyntaxUIDInFile == JPEG2000Lossless


@pytest.mark.parametrize(
    ("kind", "keyword", "harmless"),
    [
        ("PATIENT", "PatientID", "ANONYMOUS"),
        ("STUDY", "StudyDate", "19000101"),
        ("STUDY", "StudyTime", "000000"),
        ("STUDY", "StudyID", "1"),
        ("SERIES", "Modality", "OT"),
        ("SERIES", "SeriesNumber", 1),
        ("IMAGE", "InstanceNumber", 1),
    ],
)
@pytest.mark.parametrize("gone", ["empty", "absent"])
def test_a_key_that_may_not_be_empty_gets_a_harmless_value(kind: str, keyword: str, harmless: Any, gone: str) -> None:
    dataset = instance(**{keyword: None})
    if gone == "absent":
        delattr(dataset, keyword)
    assert only(directory(dataset), kind)[keyword].value == harmless


def test_keys_that_may_be_empty_are_present() -> None:
    encoded = directory(instance(PatientName=None))
    assert only(encoded, "PATIENT")["PatientName"].is_empty
    assert only(encoded, "STUDY")["AccessionNumber"].is_empty
    assert only(encoded, "STUDY")["StudyDescription"].is_empty


def test_cyrillic_is_declared_and_comes_back() -> None:
    study = only(directory(instance(StudyDescription="МРТ суставов")), "STUDY")
    assert study.SpecificCharacterSet == "ISO_IR 192"
    assert study.StudyDescription == "МРТ суставов"


def test_plain_text_declares_no_character_set() -> None:
    assert all("SpecificCharacterSet" not in record for record in records(directory(instance())))


def test_no_element_comes_from_the_instance_but_the_keys() -> None:
    secret = "Иванов"
    encoded = directory(instance(PatientBirthName=secret, OperatorsName=secret, StudyComments=secret))
    assert secret.encode() not in encoded


@pytest.mark.parametrize(
    ("sop_class", "kind"),
    [
        (CTImageStorage, "IMAGE"),
        (SegmentationStorage, "IMAGE"),
        (RTDoseStorage, "RT DOSE"),
        (RTPlanStorage, "RT PLAN"),
        (RTStructureSetStorage, "RT STRUCTURE SET"),
        (GrayscaleSoftcopyPresentationStateStorage, "PRESENTATION"),
        (KeyObjectSelectionDocumentStorage, "KEY OBJECT DOC"),
        (BasicTextSRStorage, "SR DOCUMENT"),
        (SpatialRegistrationStorage, "REGISTRATION"),
        (TwelveLeadECGWaveformStorage, "WAVEFORM"),
        (EncapsulatedPDFStorage, "ENCAP DOC"),
        (UID("1.2.3.4"), "IMAGE"),
    ],
)
def test_the_record_type_follows_from_the_sop_class(sop_class: UID, kind: str) -> None:
    assert record_type(sop_class) == kind
    assert only(directory(instance(SOPClassUID=sop_class)), kind).ReferencedSOPClassUIDInFile == sop_class


def test_the_same_instances_give_the_same_bytes() -> None:
    dataset = instance()
    assert directory(dataset) == directory(dataset)
    assert directory(dataset) != directory(dataset, instance())


@pytest.mark.parametrize(
    "value", [b"7 ", b"12", b"0012", b" 7", b"-3", b"+4", b"", b"  ", b"1\\2 ", b"12345678901 ", b"1.5 "]
)
def test_a_number_is_written_as_the_library_would(value: bytes) -> None:
    def read() -> Dataset:
        dataset = dcmread(io.BytesIO(part10(instance(SOPInstanceUID="2.25.9"))))
        dataset[0x00200013] = RawDataElement(BaseTag(0x00200013), "IS", len(value), value, 0, False, True)
        return dataset

    decoded = read()
    with warnings.catch_warnings(action="ignore"):
        try:
            assert decoded["InstanceNumber"].tag == 0x00200013  # which decodes it
        except (TypeError, ValueError):
            with pytest.raises((TypeError, ValueError)):
                directory(read())
        else:
            assert directory(read()) == directory(decoded)


def test_other_peoples_readers_accept_it(tmp_path: Path) -> None:
    path = tmp_path / "DICOMDIR"
    kinds = [CTImageStorage, RTDoseStorage, RTStructureSetStorage, SpatialRegistrationStorage]
    bare = {"StudyDate": None, "StudyTime": None, "StudyID": None, "InstanceNumber": None}
    path.write_bytes(
        directory(
            instance(StudyDescription="Голова"),
            *(instance(SOPClassUID=kind, SeriesInstanceUID=f"2.25.{n}", **bare) for n, kind in enumerate(kinds, 1)),
        )
    )
    dump = subprocess.run(["dcmdump", "+U8", path], capture_output=True, text=True, check=True)
    assert not dump.stderr
    assert dump.stdout.count("Directory Record") > 4
    walk = subprocess.run(["dcdirdmp", "-v", path], capture_output=True, text=True, check=True)
    assert walk.stderr.count("-> DICOM\\S0001\\") == 5
    verdict = subprocess.run(["dciodvfy", path], capture_output=True, text=True, check=False)
    assert "BasicDirectory" in verdict.stderr
    assert "Error" not in verdict.stderr


def test_records_follow_each_other_without_gaps() -> None:
    encoded = directory(instance(), instance(), instance(SeriesInstanceUID="2.25.2"))
    starts = [record.seq_item_tell for record in records(encoded)]
    for start, after in pairwise([*starts, len(encoded)]):
        assert start + 8 + int.from_bytes(encoded[start + 4 : start + 8], "little") == after


@pytest.mark.parametrize("count", [1, 253, 254, 1000])
def test_its_pieces_are_whole_files_and_hold_every_byte_of_its_records(count: int) -> None:
    made = Directory()
    for number in range(count):
        made.add(instance(InstanceNumber=number, SOPInstanceUID=f"2.25.{number}"), ("DICOM", f"I{number:07}"))
    encoded, pieces = made.encode(), list(made.pieces())
    head = encoded.index(b"\x04\x00\x20\x12SQ")
    assert all(piece[:head] == encoded[:head] for piece in pieces)
    assert b"".join(piece[head + 12 :] for piece in pieces) == encoded[head + 12 :]
    assert sum(len(records(piece)) for piece in pieces) == count + 3
    assert max(len(records(piece)) for piece in pieces) <= 256
