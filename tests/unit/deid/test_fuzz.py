"""Thousands of data sets that nobody would write by hand: nothing leaks, nothing ends in a traceback."""

import warnings
from io import BytesIO

import pydicom
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydicom._dicom_dict import DicomDictionary
from pydicom.data import get_testdata_file
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset, FileDataset
from pydicom.encaps import generate_frames
from pydicom.sequence import Sequence
from pydicom.tag import BaseTag
from tests.unit.deid.corpus import KEY, ROOT, WORD, image

from studypub.deid import codestream, elements, encode, tables
from studypub.deid.instance import Deidentifier, Kept
from studypub.deid.profile import load
from studypub.flows.deidentify import _parse

CLASSES = sorted(uid for uid, known in tables.sop_classes().items() if known.iod)
PASSING = sorted(
    {entry.tag for number in tables.iods().values() for entry in tables.level(number)}
    | {entry.tag for number in range(1, 60) for entry in tables.level(number)}
)
PUBLIC = sorted(tag for tag in DicomDictionary if tag >> 16 > 7)
VRS = ["AE", "AS", "CS", "DA", "DS", "DT", "IS", "LO", "LT", "OB", "OW", "PN", "SH", "ST", "TM", "UC", "UI", "UN", "UT"]
CHARSETS = ["", "ISO_IR 100", "ISO_IR 144", "ISO_IR 192", "ISO 2022 IR 6\\ISO 2022 IR 144", "nonsense"]
CYRILLIC = "Канарейкина"
FORMS = [
    WORD.encode(), f"{WORD}^{WORD}".encode(), f"MR {WORD} T2".encode(), f"1\\{WORD}\\2".encode(), f"{ROOT}.7".encode(),
    *(CYRILLIC.encode(encoding) for encoding in ("utf-8", "cp1251", "koi8-r", "iso8859-5", "utf-16-le")),
    f"МРТ {CYRILLIC}".encode("cp1251"), b"\x1b-L" + CYRILLIC.encode("iso8859-5"),
]  # fmt: skip
TRACES = [WORD.encode(), f"{ROOT}.7".encode(), *(CYRILLIC.encode(form) for form in ("utf-8", "cp1251", "koi8-r"))]
KEPT = {0x00080016, 0x00080018, *range(0x00280002, 0x00280104), *range(0x7FE00000, 0x7FE00011)}

tags = st.one_of(
    st.sampled_from(PASSING),
    st.sampled_from(PASSING),
    st.sampled_from(PUBLIC),
    st.builds(lambda group, element: (group | 1) << 16 | element, st.integers(9, 0xFFFE), st.integers(0x10, 0xFFFF)),
    st.integers(0x00080000, 0xFFFCFFFC),
).filter(lambda tag: tag not in KEPT and tag >> 16 not in {0xFFFE, 0xFFFC} and tag & 0xFFFF)


def levels(depth: int) -> st.SearchStrategy[Dataset]:
    flat = st.tuples(tags, st.sampled_from(VRS), st.sampled_from(FORMS))
    below = st.lists(st.deferred(lambda: levels(depth - 1)), max_size=2) if depth else st.just([])
    return st.builds(_level, st.lists(flat, max_size=8), st.lists(st.tuples(tags, below), max_size=3))


def _level(flat: list[tuple[int, str, bytes]], nested: list[tuple[int, list[Dataset]]]) -> Dataset:
    dataset = Dataset()
    for tag, vr, value in flat:
        dataset._dict[BaseTag(tag)] = elements.raw(tag, vr, value)
    for tag, items in nested:
        dataset._dict[BaseTag(tag)] = DataElement(tag, "SQ", Sequence(items), already_converted=True)
    return dataset


def received(content: bytes) -> FileDataset:
    original = _parse(content)
    assert isinstance(original, FileDataset)
    return original


@pytest.mark.slow
@settings(max_examples=250, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.sampled_from(CLASSES), st.sampled_from(CHARSETS), levels(3), st.sampled_from(["basic", "second-opinion"]))
def test_no_canary_passes(sop_class: str, charset: str, planted: Dataset, profile: str) -> None:
    original = image(sop_class)
    for tag in [tag for tag in planted.keys() if tag in original]:  # noqa: SIM118
        del original[tag]
    original._dict.update(planted._dict)
    original._dict[BaseTag(0x00080005)] = elements.raw(0x00080005, "CS", charset.encode())
    with warnings.catch_warnings(action="ignore"):
        result = Deidentifier(load(profile), KEY).header(received(encode.to_part10(original)))
        assert isinstance(result, Kept)
        content = encode.to_part10(result.dataset)
        assert [trace for trace in TRACES if trace in content] == []
        assert str(pydicom.dcmread(BytesIO(content)))


WHOLE = encode.to_part10(image())


@settings(max_examples=250, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(st.tuples(st.integers(132, len(WHOLE) - 1), st.integers(0, 255)), min_size=1, max_size=12), st.data())
def test_damaged_bytes_end_in_an_outcome(changes: list[tuple[int, int]], data: st.DataObject) -> None:
    content = bytearray(WHOLE)
    for place, value in changes:
        content[place] = value
    cut = data.draw(st.integers(132, len(content)))
    with warnings.catch_warnings(action="ignore"):
        original = _parse(bytes(content[:cut]))
        if isinstance(original, FileDataset):
            result = Deidentifier(load("basic"), KEY).instance(original)
            assert not isinstance(result, Kept) or encode.to_part10(result.dataset)


FRAMES = [
    next(generate_frames(pydicom.dcmread(get_testdata_file(name) or "").PixelData, number_of_frames=1))
    for name in ("MR_small_jpeg_ls_lossless.dcm", "JPGExtended.dcm", "MR_small_jp2klossless.dcm", "MR_small_RLE.dcm")
]
SYNTAXES = ["1.2.840.10008.1.2.4.80", "1.2.840.10008.1.2.4.51", "1.2.840.10008.1.2.4.90", "1.2.840.10008.1.2.5"]


@settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.integers(0, 3), st.lists(st.tuples(st.integers(0, 600), st.integers(0, 255)), max_size=9), st.integers(0))
def test_damaged_frames_are_cleaned_or_refused(kind: int, changes: list[tuple[int, int]], cut: int) -> None:
    frame = bytearray(FRAMES[kind])
    for place, value in changes:
        frame[place % len(frame)] = value
    try:
        cleaned = codestream.cleaner(SYNTAXES[kind], 64 * 64, 2)(bytes(frame[: cut % len(frame)] if cut else frame))
    except elements.BROKEN:
        return
    assert len(cleaned) <= len(frame) + 2
