from io import BytesIO

import pydicom
import pytest
from pydicom.dataset import FileDataset
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    RLELossless,
)
from tests.peers.studies import make_study, planted, structured_report
from tests.unit.gate.planting import SECRET_ACCESSION, SECRET_ID, element, fragments, gate, part10, sequence

from studypub.gate import slow_path
from studypub.gate.elements import NotWalkable, walk
from studypub.gate.harvest import Harvest
from studypub.gate.kinds import BY_VR

STUDY = make_study(patient_id=SECRET_ID, accession_number=SECRET_ACCESSION, instances=1)


def file_of(dataset: FileDataset) -> bytes:
    buffer = BytesIO()
    dataset.save_as(buffer, enforce_file_format=True)
    return buffer.getvalue()


def study(syntax: pydicom.uid.UID) -> FileDataset:
    return make_study(patient_id=SECRET_ID, accession_number=SECRET_ACCESSION, instances=1, transfer_syntax=syntax)[0]


@pytest.mark.parametrize("syntax", [ImplicitVRLittleEndian, ExplicitVRLittleEndian, RLELossless])
def test_the_walker_sees_what_pydicom_sees(syntax: pydicom.uid.UID) -> None:
    data = file_of(study(syntax))
    walked = walk(data)
    assert walked.syntax == syntax.encode()
    found = {(tag, data[low:high].strip(b" \0")) for tag, vr, low, high in walked.elements if vr in BY_VR}
    read = {(tag, raw.strip(b" \0")) for tag, vr, raw in slow_path.read(data) if vr in BY_VR}
    assert found == read
    assert len(found) > 60


def test_the_walker_finds_pixel_data_whole() -> None:
    for content in (element(0x7FE00010, "OW", b"\1\2\3\4"), fragments(b"abcd", b"ef")):
        data = part10(element(0x00100020, "LO", "x"), content, element(0xFFFCFFFC, "OB", b"tail"))
        (begin, end) = next((low, high) for tag, _, low, high in walk(data).elements if tag == 0x7FE00010)
        assert data[begin:end] in content
        assert content.endswith(data[begin:end])
        assert data[end : end + 4] == b"\xfc\xff\xfc\xff"


def test_a_sequence_under_unknown_vr_is_entered() -> None:
    hidden = b"\xfe\xff\x00\xe0\x10\x00\x00\x00" + b"\x10\x00\x10\x00\x08\x00\x00\x00Botkina "
    data = part10(element(0x00331010, "UN", hidden))
    assert [(tag, data[low:high]) for tag, _, low, high in walk(data).elements[1:]] == [(0x00100010, b"Botkina ")]


@pytest.mark.parametrize("length", [b"LO", b"UT", b"SQ"])
def test_the_length_of_an_item_is_no_vr(length: bytes) -> None:
    """An item of 20300 bytes has the letters LO where an element has its VR."""
    size = int.from_bytes(length, "little")
    content = element(0x00204000, "LT", "x" * (size - 8))
    item = b"\xfe\xff\x00\xe0" + length + b"\0\0" + content
    data = part10(
        b"\x40\x00\x75\x02SQ\0\0\xff\xff\xff\xff" + item + b"\xfe\xff\xdd\xe0\0\0\0\0", element(0x00400280, "ST", "y")
    )
    assert [tag for tag, *_ in walk(data).elements] == [0x00020010, 0x00204000, 0x00400280]


BROKEN = {
    "no preamble": element(0x00100020, "LO", "x") * 20,
    "cut off": part10(element(0x00100020, "LO", "x"))[:-3],
    "cut in a header": part10(element(0x00100020, "LO", "x"), b"\x10\0\x30\0DA"),
    "unknown VR": part10(element(0x00100020, "LO", "x").replace(b"LO", b"XX")),
    "longer than the file": part10(b"\x10\0\x20\0LO\xff\x7fabc"),
    "fragments without an end": part10(fragments(b"abcd")[:-8]),
    "big endian": part10(syntax="1.2.840.10008.1.2.2"),
    "deflated": part10(syntax="1.2.840.10008.1.2.1.99"),
    "no syntax": bytes(128) + b"DICM" + element(0x00100020, "LO", "x"),
    "empty": b"",
}


@pytest.mark.parametrize("case", BROKEN)
def test_the_walker_refuses_what_it_cannot_follow(case: str) -> None:
    with pytest.raises(NotWalkable):
        walk(BROKEN[case])


@pytest.mark.parametrize("syntax", [ExplicitVRBigEndian, DeflatedExplicitVRLittleEndian])
def test_pydicom_reads_what_the_walker_refuses(syntax: pydicom.uid.UID) -> None:
    dataset = study(ExplicitVRLittleEndian)
    del dataset.PixelData
    little = {
        (tag, raw.strip(b" \0"))
        for tag, vr, raw in slow_path.read(file_of(dataset))
        if vr in {b"PN", b"LO", b"DA", b"UI"}
    }
    dataset.file_meta.TransferSyntaxUID = syntax
    dataset.set_original_encoding(
        is_implicit_vr=False,
        is_little_endian=not syntax.is_big_endian if hasattr(syntax, "is_big_endian") else syntax.is_little_endian,
    )
    data = BytesIO()
    pydicom.dcmwrite(data, dataset, enforce_file_format=True, implicit_vr=False, little_endian=syntax.is_little_endian)
    other = {
        (tag, raw.strip(b" \0"))
        for tag, vr, raw in slow_path.read(data.getvalue())
        if vr in {b"PN", b"LO", b"DA", b"UI"}
    }
    assert {tag for tag, _ in little ^ other} <= {0x00020010}


def test_pydicom_enters_a_sequence_of_unknown_length_under_unknown_vr() -> None:
    name = b"\x10\x00\x10\x00\x08\x00\x00\x00Botkina "
    hidden = b"\xfe\xff\x00\xe0\xff\xff\xff\xff" + name + b"\xfe\xff\x0d\xe0\0\0\0\0\xfe\xff\xdd\xe0\0\0\0\0"
    data = part10(b"\x33\x00\x10\x10UN\0\0\xff\xff\xff\xff" + hidden, element(0x00400280, "ST", "y"))
    with pytest.raises(NotWalkable):
        walk(data)
    assert (0x00100010, b"PN", b"Botkina ") in slow_path.read(data)


def test_f50_of_what_the_walker_refuses_no_pixels_are_kept() -> None:
    hidden = b"\xfe\xff\x00\xe0\xff\xff\xff\xff\xfe\xff\x0d\xe0\0\0\0\0\xfe\xff\xdd\xe0\0\0\0\0"
    long = element(0x00204000, "UT", "x" * 100_000) + element(0x00400280, "PN", "Боткина^Вера")
    data = part10(
        b"\x33\x00\x10\x10UN\0\0\xff\xff\xff\xff" + hidden,
        sequence(0x00400275, long),
        element(0x00420010, "UT", "Лаврентьева Зоя" + "x" * 100_000),
        element(0x7FE00010, "OW", bytes(500_000)),
    )
    harvest = Harvest({})
    assert harvest.add(data)
    found = b"\n".join(raw for (_, raw, _), _ in harvest.values())
    assert "Боткина^Вера".encode() in found
    assert "Лаврентьева Зоя".encode() in found
    assert sum(len(raw) for seen in harvest._seen.values() for _, raw in seen) < 250_000


def test_what_nobody_can_read_is_refused() -> None:
    harvest = Harvest({})
    assert not harvest.add(BROKEN["longer than the file"][:140])
    assert not harvest.add(b"")


def test_a_file_without_preamble_is_harvested() -> None:
    harvest = Harvest({})
    assert harvest.add(
        element(0x00080005, "CS", "ISO_IR 192")
        + element(0x00100010, "PN", "Боткина^Вера")
        + element(0x00204000, "LT", "z" * 200)
    )
    assert "Боткина^Вера".encode() in {raw for (_, raw, _), _ in harvest.values()}


def test_nested_and_private_values_are_harvested() -> None:
    deep = sequence(0x00400275, sequence(0x00321064, element(0x00100010, "PN", "Боткина^Вера")))
    data = part10(deep, sequence(0x00331014, element(0x00331099, "PN", "Лаврентьева^Зоя")))
    harvest = Harvest({})
    assert harvest.add(data)
    names = {raw.decode(): origin.source for (_, raw, _), origin in harvest.values()}
    assert names == {"Боткина^Вера": "PatientName (0010,0010)", "Лаврентьева^Зоя": "Private (0033,1099)"}


def test_reports_and_images_are_harvested_whole() -> None:
    """What the peers know to have planted is found again by a gate that has seen the files."""
    report = structured_report(STUDY)
    harvest = Harvest({})
    assert all(harvest.add(file_of(each)) for each in (*STUDY, report))
    raws = b"\n".join(raw for (_, raw, _), _ in harvest.values()).decode()
    assert [text for text in planted([*STUDY, report]) if text not in raws] == []


def test_values_under_unknown_vr_are_what_the_standard_says() -> None:
    """Some senders that do not know a VR write UN, for SOPClassUID and Modality too."""
    searched = gate(
        (0x00100010, "UN", "Боткина^Вера"),
        (0x00080016, "UN", "1.2.840.10008.5.1.4.1.1.481.2"),
        (0x00080060, "UN", "RTDOSE"),
    )
    clean = part10(element(0x00080016, "UI", "1.2.840.10008.5.1.4.1.1.481.2"), element(0x00080060, "CS", "RTDOSE"))
    assert searched.search("a", clean) == []
    assert searched.search("a", "Боткиной".encode()) != []


@pytest.mark.parametrize("measures", ["0.703125\\0.703125", "1073741824", "-1.5e-3 40", " 12\\13 "])
def test_measures_under_unknown_vr_are_no_identifiers(measures: str) -> None:
    searched = gate((0x00191001, "UN", measures), (0x00191002, "UN", b"PX\0\1\2\3 7750830849001234"))
    assert searched.search("a", measures.encode()) == []
    assert searched.search("a", b"7750830849001234") == []
    assert gate((0x00191001, "UN", "77508308490")).search("a", b"77508308490") != []


def test_nothing_is_taken_twice() -> None:
    searched = gate((0x00100010, "PN", "Боткина^Вера"), (0x00100010, "PN", "Боткина^Вера"))
    assert len(searched.search("a", "Боткина".encode())) == 1
