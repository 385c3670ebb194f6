import mmap
import tracemalloc
from collections.abc import Iterable
from pathlib import Path

import pytest
from tests.unit.gate.planting import (
    JPEG_LS,
    RLE,
    SECRET_ACCESSION,
    SECRET_ID,
    SECRET_NAME,
    element,
    gate,
    image,
    named,
    part10,
    sequence,
    sources,
)

from studypub.gate.gate import Finding, Gate
from studypub.gate.harvest import Harvest
from studypub.gate.kinds import Kind

PERSON = ((0x00100010, "PN", SECRET_NAME), (0x00100020, "LO", SECRET_ID), (0x00080050, "SH", SECRET_ACCESSION))
LEAK = "Ковалевская"


def test_a_finding_says_where_and_whose_and_never_what() -> None:
    data = image(b"", text=f"by {LEAK.lower()}")
    assert gate(*PERSON).search("DICOM/S0001/I0000001", data) == [
        Finding("DICOM/S0001/I0000001", data.index(LEAK.lower().encode()), "PatientName (0010,0010)", "name", "utf-8")
    ]


def test_what_the_request_says_is_named_as_the_request_names_it() -> None:
    searched = gate(known={"patient_id": SECRET_ID, "emk_record_id": "123456", "mother": "Полежаева Нина"})
    assert sources(searched, image(b"", text=f"{SECRET_ID} 123456")) == {"patient_id", "emk_record_id"}
    assert sources(searched, image(b"", text="полежаева")) == {"mother"}


def test_dicom_keywords_name_what_c_find_answered() -> None:
    searched = gate(known={"PatientName": SECRET_NAME, "StudyDate": "20250203", "ReferringPhysicianName": "Бехтерев"})
    assert sources(searched, image(b"", text="Бехтерева, 03.02.2025")) == {"ReferringPhysicianName", "StudyDate"}


def test_an_empty_harvest_finds_nothing() -> None:
    assert Gate(Harvest({"patient_name": ""})).search("a", image(b"", text=LEAK)) == []


def test_a_picture_is_searched_for_what_no_chance_writes_among_compressed_pixels() -> None:
    searched = gate(known={"patient_name": SECRET_NAME, "patient_id": "771234"})
    likeness, leak = b" 771234 ", f"by {LEAK} ".encode()
    assert searched.search("PREVIEW/S01I0001.JPG", b"\xff\xd8\xff" + likeness) == []
    assert searched.search("INDEX.HTM", likeness) != []
    assert [one.source for one in searched.search("PREVIEW/S01I0001.JPG", b"\xff\xd8\xff" + leak)] == ["patient_name"]


PLACES = {
    "preamble": LEAK.encode().ljust(128, b"\0") + image(b"")[128:],
    "file meta": part10(meta=element(0x00020016, "AE", LEAK)),
    "private": part10(element(0x00331001, "LO", LEAK)),
    "private creator": part10(element(0x00330010, "LO", LEAK)),
    "nested": part10(sequence(0x00081140, sequence(0x00082218, element(0x00080104, "LO", LEAK)))),
    "unknown element": part10(element(0x66660001, "UN", LEAK)),
    "small binary value": part10(element(0x00091002, "OB", b"\0\1\2" + LEAK.encode())),
    "long binary value": part10(element(0x00091002, "OB", bytes(3000) + LEAK.encode() + bytes(3000))),
    "overlay": part10(element(0x60003000, "OW", bytes(800) + LEAK.encode())),
    "padding": image(bytes(1000)) + element(0xFFFCFFFC, "OB", LEAK),
    "pixels": image(bytes(1000) + LEAK.encode() + bytes(1000)),
    "pixels of RLE": image(bytes(1000) + LEAK.encode() + bytes(1000), syntax=RLE),
    "comment of a code stream": image(b"\xff\xd8\xff\xfe\0\x19" + LEAK.encode() + bytes(1000), syntax=JPEG_LS),
    "code string": part10(element(0x00080008, "CS", "ORIGINAL\\PRIMARY\\KOVALEVSKAYA")),
    "UID": part10(element(0x00081155, "UI", "1.2." + SECRET_ID)),
    "long number": part10(element(0x00181411, "DS", SECRET_ID)),
    "application entity": part10(element(0x00080054, "AE", SECRET_ACCESSION)),
    "URL": part10(element(0x00081190, "UR", f"http://x/{SECRET_ID}?a=1")),
    "no DICOM": LEAK.encode(),
    "a member's name": f"DICOM/{LEAK}/I1".encode(),
}


@pytest.mark.parametrize("place", PLACES)
def test_an_identifier_is_found_wherever_it_is(place: str) -> None:
    assert gate(*PERSON).search("a", PLACES[place]) != []


@pytest.mark.parametrize("length", [0, 1, 8, 9])
def test_neighbouring_elements_are_no_neighbours(length: int) -> None:
    """The last byte of a value's length, or the first of the next tag, may be a letter: 0x4141 bytes, group 0x5400."""
    text = f"Зоя{'.' * length}"
    body = element(0x00204000, "LT", text) + element(0x54000100, "SQ", b"") + element(0x54000110, "LT", "Зоя " * 2000)
    searched = named("Боткина^Зоя")
    found = searched.search("a", part10(body))
    assert len(found) == 2001


def test_what_says_it_is_dicom_and_cannot_be_walked_is_a_finding() -> None:
    data = image(b"\0" * 100)
    broken = [
        data[:-1],
        data.replace(b"CS", b"??"),
        data[:200],
        data.replace(b"1.2.840.10008.1.2.1\0", b"1.2.840.10008.1.2.2\0"),
    ]
    assert [gate().search("a", each) for each in broken] == [[Finding("a", 0, "", "unreadable", "")]] * 4


def test_a_gate_remembers_only_what_is_harmless() -> None:
    searched = gate((0x00100020, "LO", "4711"))
    clean, dirty = image(b"", text="T2"), image(b"", text="4711")
    assert [bool(searched.search("a", each)) for each in (clean, dirty, clean, dirty)] == [False, True, False, True]


def kept(searched: Gate, members: Iterable[bytes]) -> int:
    """Return how many bytes a gate holds of these when it has searched them, and they are gone."""
    tracemalloc.start()
    try:
        assert not any(searched.search("a", member) for member in members)
        held, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    return held


def test_what_is_long_is_not_remembered() -> None:
    """Of a study of ten thousand images: what viewers are told, in blocks, and the directory."""
    searched = gate(*PERSON)
    assert kept(searched, (b'[{"00080060":{"vr":"CS"}},%0200000d]' % number for number in range(20))) < 1 << 20
    record = element(0x00041430, "CS", "IMAGE") + element(0x00200013, "IS", "1")
    assert kept(searched, (part10(sequence(0x00041220, *[record] * 50_000)) for _ in range(1))) < 1 << 20


def test_a_uid_is_noted_once() -> None:
    """Of a study of ten thousand images, each with references of its own."""
    harvest = Harvest({})
    for number in range(300):
        assert harvest.add(part10(element(0x00080018, "UI", f"1.2.3.{number:040}")))
    uids = {raw for (kind, raw, _), _ in harvest.values() if kind is Kind.UID}
    assert len(uids) == 300
    assert not any(uids & {raw.strip(b"\0") for _, raw in seen} for seen in harvest._seen.values())


def test_a_mapped_file_need_not_be_read(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(image(bytes(5000), text=LEAK))
    original = tmp_path / "original"
    original.write_bytes(part10(element(0x00100010, "PN", SECRET_NAME)))
    harvest = Harvest({})
    with original.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as mapped:
        assert harvest.add(mapped)
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as mapped:
        assert len(Gate(harvest).search("a", mapped)) == 1
        assert len(Gate(harvest).search("a", memoryview(mapped)[:])) == 1
