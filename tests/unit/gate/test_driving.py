"""The gate as it is driven: originals are harvested, what the rules made of them is searched."""

from collections.abc import Iterator
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from pydicom.dataelem import DataElement
from pydicom.dataset import FileDataset
from pydicom.uid import UID, ExplicitVRLittleEndian, ImplicitVRLittleEndian, RLELossless
from tests.peers.studies import make_study, planted, secondary_capture, spellings, structured_report, ultrasound
from tests.unit.gate.planting import SECRET_ACCESSION, SECRET_ID

from studypub.archive.readme import readme
from studypub.archive.study import StudyArchive
from studypub.deid import descriptors
from studypub.deid.encode import to_part10
from studypub.deid.instance import Deidentifier, Kept
from studypub.deid.profile import load, names
from studypub.gate.clues import Permitted
from studypub.gate.gate import Finding, Gate
from studypub.gate.harvest import Harvest

KNOWN = {
    "patient_id": SECRET_ID,
    "accession_number": SECRET_ACCESSION,
    "emk_record_id": "123456",
    "study_date": "2025-02-03",
}
STUDIES: dict[str, dict[str, Any]] = {
    "explicit": {},
    "implicit": {"transfer_syntax": ImplicitVRLittleEndian},
    "RLE": {"transfer_syntax": RLELossless},
    "MR": {"modality": "MR", "patient_name": "Ли^Ян"},
    "CR": {"modality": "CR", "patient_name": "Smith^John"},
    "misdeclared": {"misdeclared": True},
    "ISO_IR 144": {"character_set": "ISO_IR 144"},
}


def file_of(dataset: FileDataset) -> bytes:
    buffer = BytesIO()
    dataset.save_as(buffer, enforce_file_format=True)
    return buffer.getvalue()


@cache
def study(name: str) -> list[FileDataset]:
    made = make_study(patient_id=SECRET_ID, accession_number=SECRET_ACCESSION, instances=3, **STUDIES[name])
    return [*made, structured_report(made), secondary_capture(made), ultrasound(made)]


@cache
def rules(profile: str) -> Deidentifier:
    return Deidentifier(load(profile), b"key of a publication, 32 bytes..")


@cache
def gate(name: str, profile: str) -> Gate:
    harvest = Harvest(KNOWN)
    assert all(harvest.add(file_of(each)) for each in study(name))
    return Gate(harvest, Permitted((readme(whole=False),), descriptors.vocabulary(), rules(profile).days))


def published(name: str, profile: str, tmp_path: Path) -> Iterator[tuple[str, bytes]]:
    """Yield the members of the archive, and their names, as the gate is shown them."""
    members: list[tuple[str, bytes]] = []
    with StudyArchive(tmp_path / "study.zip") as archive:
        for original in study(name)[:3]:
            outcome = rules(profile).instance(original)
            assert isinstance(outcome, Kept)
            part10 = to_part10(outcome.dataset)
            members.append((archive.add(outcome.dataset, part10)[0], part10))
        archive.close(inspect=lambda member, data: members.append((member, data)))
    yield from members


@pytest.mark.parametrize("profile", names())
@pytest.mark.parametrize("name", STUDIES)
def test_what_the_rules_publish_is_clean(name: str, profile: str, tmp_path: Path) -> None:
    searched = gate(name, profile)
    members = list(published(name, profile, tmp_path))
    assert {member.partition("/")[0] for member, _ in members} >= {"DICOM", "DICOMDIR", "README.txt"}
    assert [finding for member, data in members for finding in searched.search(member, data)] == []


@pytest.mark.parametrize("name", STUDIES)
def test_every_original_is_stopped(name: str) -> None:
    searched = gate(name, "basic")
    assert all(searched.search("a", file_of(each)) for each in study(name))


@pytest.mark.parametrize("name", STUDIES)
def test_whatever_was_planted_is_found_in_every_spelling(name: str) -> None:
    searched = gate(name, "basic")
    leaks = [(text, spelled) for text in planted(study(name)) for spelled in spellings(text)]
    assert len(leaks) > 200
    assert [text for text, spelled in leaks if not searched.search("a", b"See (" + spelled + b").")] == []


def leaking(name: str) -> Iterator[tuple[str, FileDataset]]:
    """Yield the published instance with one of the original's elements let through, for each that identifies."""
    original = study(name)[0]
    outcome = rules("basic").instance(original)
    assert isinstance(outcome, Kept)
    identifying = set(planted([original]))
    for element in original:
        if element.VR != "SQ" and element.tag != 0x00020016 and {str(each) for each in _values(element)} & identifying:
            leaked = FileDataset(
                "", dict(outcome.dataset.items()), file_meta=outcome.dataset.file_meta, preamble=bytes(128)
            )
            leaked[element.tag] = element
            if element.tag.is_private:
                leaked[element.tag.group << 16 | 0x0010] = original[element.tag.group << 16 | 0x0010]
            yield f"{element.keyword or element.tag} {element.VR}", leaked


def _values(element: DataElement) -> list[object]:
    return list(element.value) if element.VM > 1 else [element.value]


def test_each_element_that_the_rules_might_let_through_is_stopped() -> None:
    """One rule after the other is switched off: its element comes out as it went in."""
    searched = gate("explicit", "basic")
    passed, count = [], 0
    for name, dataset in leaking("explicit"):
        dataset.set_original_encoding(is_implicit_vr=False, is_little_endian=True, character_encoding="utf8")
        count += 1
        if not searched.search("a", file_of(dataset)):
            passed.append(name)
    assert passed == []
    assert count > 50


def test_a_date_that_was_not_moved_is_stopped_beside_those_that_were() -> None:
    searched, moved = gate("explicit", "second-opinion"), rules("second-opinion").days
    outcome = rules("second-opinion").instance(study("explicit")[0])
    assert isinstance(outcome, Kept)
    assert moved > 0
    assert outcome.dataset.StudyDate != "20250203"
    outcome.dataset.StudyDate = "20250203"
    found = searched.search("a", to_part10(outcome.dataset))
    assert {finding.kind for finding in found} == {"date"}


@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, RLELossless])
def test_a_name_in_published_pixels_is_stopped(syntax: UID) -> None:
    name = "RLE" if syntax == RLELossless else "explicit"
    outcome = rules("basic").instance(study(name)[0])
    assert isinstance(outcome, Kept)
    data = to_part10(outcome.dataset)
    leak = "Ковалевская Софья".encode("cp1251")
    dirty = data[:-3000] + leak + data[len(leak) - 3000 :]
    found = gate(name, "basic").search("a", dirty)
    assert "PatientName (0010,0010)" in {finding.source for finding in found}
    assert {finding.offset >= len(data) - 3000 for finding in found} == {True}


def test_the_names_of_members_are_searched_too() -> None:
    listed = "DICOM/S0001/I0000001\nDICOM/kovalevskaya/I0000002\nDICOMDIR"
    found = gate("explicit", "basic").search("names", listed.encode())
    assert Finding("names", listed.index("koval"), "PatientName (0010,0010)", "name", "utf-8") in found
