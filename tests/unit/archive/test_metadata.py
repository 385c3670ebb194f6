"""The JSON of a written instance is what pydicom says of it, and frames are where it finds them."""

import json
import struct
import tracemalloc
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom import DataElement, Dataset, config, dcmread
from pydicom.encaps import encapsulate
from pydicom.filebase import DicomBytesIO
from pydicom.uid import ExplicitVRBigEndian, RLELossless
from tests.peers.corpus.codings import part10
from tests.peers.studies import make_study

from studypub.archive import metadata
from studypub.archive.metadata import Describer
from studypub.archive.value import value_of


def instance(**values: Any) -> bytes:
    (dataset,) = make_study(patient_id="P", accession_number="A", seed=970, instances=1)
    for keyword, value in values.items():
        setattr(dataset, keyword, value)
    return part10(dataset)


def told(data: bytes) -> dict[str, Any]:
    dataset = dcmread(DicomBytesIO(data))
    found: dict[str, Any] = Dataset({t: e for t, e in dataset.items() if t != 0x7FE00010}).to_json_dict(
        bulk_data_threshold=1 << 30
    )
    return found


@pytest.mark.parametrize(
    "values",
    [
        {},
        {"PixelSpacing": ["0.5", "1e-3"], "WindowCenter": "-40", "SliceLocation": None},
        {"ImageType": ["ORIGINAL", "", "AXIAL"], "SeriesDescription": 'Кисть "левая" \\ 2'},
        {"RedPaletteColorLookupTableData": bytes(range(200)), "InstanceNumber": None},
        {"ReferencedFrameNumbers": [65535, 1], "TagAngleSecondAxis": -5, "SimpleFrameList": 4294967295},
        {"ReferencePixelX0": -70_000, "ContentTime": "101500.5", "AcquisitionDateTime": "20240229101500.5 "},
    ],
)
def test_the_json_is_the_librarys(values: dict[str, Any]) -> None:
    data = instance(**values)
    describer = Describer()
    for _ in range(2):  # anew, and by what is remembered
        found = json.loads(describer.describe(data).json)
        del found["7FE00010"]
        assert found == json.loads(json.dumps(told(data)))


def test_of_a_long_value_it_is_said_where_it_is_but_a_sequence_stays() -> None:
    colours = bytes(range(256)) * 1025
    groups = [Dataset() for _ in range(4000)]
    for number, group in enumerate(groups):
        group.FrameComments = f"{number:080}"
    data = instance(RedPaletteColorLookupTableData=colours, PerFrameFunctionalGroupsSequence=groups)
    found = json.loads(Describer().describe(data).json)
    (uid,) = found["00080018"]["Value"]
    for tag, vr in (("00281201", "OW"), ("7FE00010", "OW")):
        assert found[tag] == {"vr": vr, "BulkDataURI": f"instances/{uid}/bulkdata/{tag}"}
    assert len(found["52009230"]["Value"]) == 4000


@pytest.mark.parametrize("step", [1, 7, 1 << 20])
def test_a_value_is_found_in_what_comes_piece_by_piece(step: int) -> None:
    data = instance(RedPaletteColorLookupTableData=bytes(range(200)), ReferencedImageSequence=[Dataset()])
    pixels = dcmread(DicomBytesIO(data)).PixelData
    pieces = [data[at : at + step] for at in range(0, len(data), step)]
    for tag, wanted in ((0x00080018, None), (0x00281201, bytes(range(200))), (0x7FE00010, pixels)):
        value = value_of(pieces, tag)
        assert value is not None
        content = b"".join(value.pieces)
        assert len(content) == value.length
        assert wanted in {content, None}
    assert [value_of(pieces, tag) for tag in (0x00081140, 0x00281203, 0x7FE00011)] == [None] * 3
    cut = value_of([data[:-1]], 0x7FE00010)
    assert cut is not None
    with pytest.raises(ValueError, match="cut off"):
        list(cut.pieces)


def test_frames_of_every_kind_are_found() -> None:
    raw = instance(NumberOfFrames=2, Rows=4, Columns=3, BitsAllocated=16, PixelData=bytes(range(48)))
    frames = Describer().describe(raw).frames
    assert frames is not None
    assert [raw[at : at + 24] for at in frames.begins] == [bytes(range(24)), bytes(range(24, 48))]
    (dataset,) = make_study(patient_id="P", accession_number="A", seed=971, instances=1)
    dataset.file_meta.TransferSyntaxUID, dataset.NumberOfFrames = RLELossless, 2
    dataset.PixelData = encapsulate([b"abcd", b"efghij"])
    dataset["PixelData"].is_undefined_length = True
    packed = part10(dataset)
    frames = Describer().describe(packed).frames
    assert frames is not None
    cut = [packed[at : at + length] for at, length in zip(frames.begins, frames.lengths, strict=True)]
    assert cut == [b"abcd", b"efghij"]


@pytest.mark.parametrize(
    "values", [{"NumberOfFrames": 3}, {"NumberOfFrames": -1}, {"BitsAllocated": 1, "Rows": 3, "Columns": 3}]
)
def test_frames_that_cannot_be_told_apart_are_none(values: dict[str, Any]) -> None:
    assert Describer().describe(instance(**values)).frames is None


@pytest.mark.parametrize("length", [0, 140, 400])
def test_what_is_cut_off_is_refused(length: int) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - of whatever kind
        Describer().describe(instance()[:length])


def test_only_what_this_program_writes_is_described() -> None:
    (dataset,) = make_study(patient_id="P", accession_number="A", seed=972, instances=1)
    data = part10(dataset).replace(b"1.2.840.10008.1.2.1\0", (ExplicitVRBigEndian + "\0").encode(), 1)
    with pytest.raises(ValueError, match="not of ours"):
        Describer().describe(data)


def groups(count: int) -> list[Dataset]:
    """What is said of each frame, nested as in an Enhanced CT."""
    found = []
    for number in range(count):
        place, frame = Dataset(), Dataset()
        place.ImagePositionPatient = [0.5, -1, number]
        frame.PlanePositionSequence = [place]
        frame.FrameComments = f"Срез {number:060}"
        found.append(frame)
    return found


def with_an_open_item(data: bytes, number: int) -> bytes:
    """Let the length of one of the frames' items not be said (PS3.5 7.5.1): we never write so."""
    begin = data.index(b"\x00\x52\x30\x92SQ\0\0") + 8
    (whole,) = struct.unpack_from("<L", data, begin)
    place = begin + 4
    for _ in range(number):
        place += 8 + struct.unpack_from("<L", data, place + 4)[0]
    end = place + 8 + struct.unpack_from("<L", data, place + 4)[0]
    opened = data[place : place + 4] + b"\xff" * 4 + data[place + 8 : end] + b"\xfe\xff\x0d\xe0\0\0\0\0"
    return data[:begin] + struct.pack("<L", whole + 8) + data[begin + 4 : place] + opened + data[end:]


@pytest.mark.parametrize("opened", [None, 0, 1000, 1999])
def test_a_long_sequence_is_told_piece_by_piece_as_the_library_tells_it_whole(opened: int | None) -> None:
    data = instance(SpecificCharacterSet="ISO_IR 192", PerFrameFunctionalGroupsSequence=groups(2000))
    if opened is not None:
        data = with_an_open_item(data, opened)
    found = json.loads(Describer().describe(data).json)
    assert len(found["52009230"]["Value"]) == 2000
    assert found["52009230"] == json.loads(json.dumps(told(data)["52009230"]))


TAGS = (
    0x00080000, 0x00080005, 0x00081150, 0x00081155, 0x00080100, 0x00080104, 0x00081199, 0x00100010, 0x00180050,
    0x00200032, 0x00280106, 0x00283002, 0x00290010, 0x00291008, 0x00409096, 0x52009230, 0x7FE00010,
)  # fmt: skip
SHORT = ("AE", "AS", "AT", "CS", "DA", "DS", "DT", "FD", "FL", "IS", "LO", "LT", "PN", "SH", "SL", "SS", "ST", "TM",
         "UI", "UL", "US")  # fmt: skip
LONG = ("OB", "OD", "OW", "UC", "UN", "UR", "UT", "SQ", "SV")
WORDS = (
    b"",
    b"1.2.3",
    b"-4",
    b"2\\\\3 ",
    b"ISO_IR 100",
    b"ISO_IR 192",
    b"20240229",
    "Срез\\2".encode(),
    b"\xe9t\xe9 ",
    bytes(8),
)
values = st.one_of(st.sampled_from(WORDS), st.binary(max_size=12))


def coded(tag: int, vr: str, value: bytes, *, open_end: bool = False) -> bytes:
    length = 0xFFFFFFFF if open_end else len(value)
    end = b"\xfe\xff\xdd\xe0" + bytes(4) if open_end else b""
    if vr in LONG:
        return struct.pack("<HH2sHL", tag >> 16, tag & 0xFFFF, vr.encode(), 0, length) + value + end
    return struct.pack("<HH2sH", tag >> 16, tag & 0xFFFF, vr.encode(), len(value)) + value


def listed(items: list[bytes]) -> bytes:
    return b"".join(b"\xfe\xff\x00\xe0" + struct.pack("<L", len(item)) + item for item in items)


def in_order(members: dict[int, tuple[str, bytes, bool]]) -> bytes:
    found = sorted(members.items())
    return b"".join(coded(tag, vr, value, open_end=is_open and vr == "SQ") for tag, (vr, value, is_open) in found)


plain = st.tuples(st.sampled_from((*SHORT, *LONG[:-2])), values, st.just(value=False))


def sequences(below: st.SearchStrategy[tuple[str, bytes, bool]]) -> st.SearchStrategy[tuple[str, bytes, bool]]:
    one = st.dictionaries(st.sampled_from(TAGS), below, max_size=5).map(in_order)
    return st.tuples(st.just("SQ"), st.lists(one, max_size=3).map(listed), st.integers(0, 9).map(lambda n: not n))


nested = sequences(st.one_of(plain, plain, sequences(st.one_of(plain, plain, sequences(plain)))))


@given(nested, st.sampled_from(["ISO_IR 100", "ISO_IR 192"]))
@pytest.mark.filterwarnings("ignore")  # what is made up seldom makes sense
def test_a_sequence_is_told_as_the_library_tells_it_whole(made: tuple[str, bytes, bool], character_set: str) -> None:
    data = instance(SpecificCharacterSet=character_set)
    place = data.index(b"\x08\x00\x60\x00CS")
    data = data[:place] + coded(0x00080051, "SQ", made[1]) + data[place:]
    try:
        wanted = json.dumps(told(data)["00080051"], allow_nan=False)
    except Exception:  # noqa: BLE001 - of whatever kind
        wanted = "null"
    describer = Describer()
    for _ in range(2):  # anew, and by what is remembered
        assert json.loads(describer.describe(data).json).get("00080051") == json.loads(wanted)


def test_items_that_differ_in_numbers_and_uids_are_not_read_by_the_library(monkeypatch: pytest.MonkeyPatch) -> None:
    def referring(number: int) -> bytes:
        one, code = Dataset(), Dataset()
        code.CodeValue, code.CodeMeaning, code.ReferencedFrameNumbers = "1", "Срез", [1, number]
        one.ReferencedSOPInstanceUID, one.ContentTime, one.PurposeOfReferenceCodeSequence = (
            f"1.{number}",
            "1015",
            [code],
        )
        return instance(SpecificCharacterSet="ISO_IR 192", SourceImageSequence=[one] * number)

    describer, files = Describer(), [referring(number) for number in (1, 2, 30)]
    describer.describe(files[0])
    wanted = [json.loads(json.dumps(told(data)["00082112"])) for data in files]
    monkeypatch.setattr(metadata, "_said", None)
    assert [json.loads(describer.describe(data).json)["00082112"] for data in files] == wanted


def test_an_item_that_cannot_be_told_leaves_the_sequence_out() -> None:
    sequence = groups(2000)
    sequence[1500].add(DataElement(0x00280010, "DS", "x", validation_mode=config.IGNORE, already_converted=True))
    found = json.loads(Describer().describe(instance(PerFrameFunctionalGroupsSequence=sequence)).json)
    assert "52009230" not in found


def test_a_long_sequence_takes_little_memory() -> None:
    data = instance(PerFrameFunctionalGroupsSequence=groups(10_000))
    tracemalloc.start()
    try:
        said = Describer().describe(data).json
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(said) > 1 << 20
    assert peak < 8 * len(said)
