"""The studies of the tests are valid, and really hold what is said to be planted in them."""

import re
from io import BytesIO
from pathlib import Path

import pytest
from pydicom.dataset import FileDataset
from pydicom.uid import UID, ExplicitVRLittleEndian, ImplicitVRLittleEndian, RLELossless
from tests.peers import dcmtk
from tests.peers.studies import make_study, planted, secondary_capture, spellings, structured_report, ultrasound


def whole_study(modality: str = "CT", transfer_syntax: UID = ExplicitVRLittleEndian) -> list[FileDataset]:
    images = make_study(
        patient_id="PID-8001", accession_number="ACC-8001", modality=modality, transfer_syntax=transfer_syntax
    )
    return [*images, structured_report(images), secondary_capture(images), ultrasound(images)]


def encoded(dataset: FileDataset) -> bytes:
    file = BytesIO()
    dataset.save_as(file, enforce_file_format=True)
    return file.getvalue()


@pytest.mark.parametrize("modality", ["CT", "MR", "CR"])
def test_every_instance_is_valid(modality: str, tmp_path: Path) -> None:
    for dataset in whole_study(modality)[4:]:
        file = tmp_path / f"{dataset.SOPInstanceUID}.dcm"
        file.write_bytes(encoded(dataset))
        report = dcmtk.call("dciodvfy", "-new", file).stdout
        assert not re.findall("^Error.*", report, re.MULTILINE), dataset.SOPClassUID.name


@pytest.mark.parametrize("transfer_syntax", [ImplicitVRLittleEndian, ExplicitVRLittleEndian, RLELossless])
def test_what_is_planted_is_in_the_bytes(transfer_syntax: UID) -> None:
    study = whole_study(transfer_syntax=transfer_syntax)
    content = b"".join(map(encoded, study))
    texts = planted(study)
    assert [text for text in texts if not any(spelling in content for spelling in spellings(text))] == []
    assert {"PID-8001", "ACC-8001", "Ковалевская", "19791123", "private-PID-8001"} <= set(texts)
    assert {str(dataset.SOPInstanceUID) for dataset in study} <= set(texts)


def test_a_misdeclared_name_is_spelled_in_cp1251() -> None:
    study = make_study(patient_id="PID-8001", accession_number="ACC-8001", misdeclared=True)
    assert study[0].SpecificCharacterSet == "ISO_IR 100"
    assert "Ковалевская" in planted(study)
    assert "Ковалевская".encode("cp1251") in encoded(study[0])


def test_the_same_seed_makes_the_same_study_and_another_seed_another() -> None:
    first, again, other = (make_study(patient_id="P", accession_number="A", seed=seed) for seed in (1, 1, 2))
    assert list(map(encoded, first)) == list(map(encoded, again))
    assert not {dataset.SOPInstanceUID for dataset in first} & {dataset.SOPInstanceUID for dataset in other}
