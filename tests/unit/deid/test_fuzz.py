"""Data sets that nobody would write by hand: nothing leaks, nothing ends in a traceback.

`pytest --hypothesis-profile=thorough tests/unit/deid/test_fuzz.py` tries thousands of them.
"""

import warnings
from io import BytesIO
from pathlib import Path

import pydicom
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydicom._dicom_dict import DicomDictionary
from pydicom.data import get_testdata_file
from pydicom.dataelem import DataElement, RawDataElement
from pydicom.dataset import Dataset, FileDataset
from pydicom.encaps import generate_frames
from pydicom.sequence import Sequence
from pydicom.tag import BaseTag
from tests.peers.corpus import hiding
from tests.unit.deid.corpus import KEY, ROOT, WORD, image, vr_of

from studypub.deid import codestream, elements, encode, tables
from studypub.deid.instance import Deidentifier, Kept
from studypub.deid.profile import load, names
from studypub.deid.reasons import Reason
from studypub.flows import instance_file
from studypub.flows.deidentify import _parse

CLASSES = sorted(uid for uid, known in tables.sop_classes().items() if known.iod)
PASSING = sorted(
    {entry.tag for number in tables.iods().values() for entry in tables.level(number)}
    | {entry.tag for number in range(1, 60) for entry in tables.level(number)}
)
PUBLIC = sorted(tag for tag in DicomDictionary if tag >> 16 > 7)
VRS = [
    "AE", "AS", "AT", "CS", "DA", "DS", "DT", "FD", "FL", "IS", "LO", "LT", "OB", "OF", "OW", "PN", "SH", "SL", "SS",
    "ST", "TM", "UC", "UI", "UL", "UN", "UN", "UR", "US", "UT", "UV",
]  # fmt: skip
CHARSETS = [
    "", "ISO_IR 6", "ISO_IR 100", "ISO_IR 144", "ISO_IR 192", "ISO 2022 IR 6\\ISO 2022 IR 144", "ISO 2022 IR 87",
    "GB18030", "nonsense",
]  # fmt: skip
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


@st.composite
def along(draw: st.DrawFn, number: int, depth: int = 4) -> Dataset:
    """Draw a level as its IOD has it: canaries where attributes may pass, down to the functional groups' items.

    Items may bring private blocks and a character set of their own.
    """
    dataset = Dataset()
    entries = tables.level(number)
    for entry in draw(st.lists(st.sampled_from(entries), max_size=6, unique=True)) if entries else ():
        if entry.tag in KEPT:
            continue
        if not entry.below:
            dataset._dict[BaseTag(entry.tag)] = elements.raw(
                entry.tag, draw(vrs(entry.tag)), draw(st.sampled_from(FORMS))
            )
        elif depth:
            items = draw(st.lists(along(entry.below, depth - 1), min_size=1, max_size=2))
            dataset._dict[BaseTag(entry.tag)] = DataElement(entry.tag, "SQ", Sequence(items), already_converted=True)
    if draw(st.integers(0, 3)) == 0:
        dataset._dict.update(draw(private_blocks(depth)))
    if draw(st.integers(0, 3)) == 0:
        charset = draw(st.sampled_from(CHARSETS)).encode()
        dataset._dict[BaseTag(0x00080005)] = elements.raw(0x00080005, "CS", charset)
    return dataset


def vrs(tag: int) -> st.SearchStrategy[str]:
    """Draw the attribute's own VR most of the time."""
    own = vr_of(tag)[-2:]
    return st.sampled_from([own, own, own, "UN", *VRS])


@st.composite
def private_blocks(draw: st.DrawFn, depth: int) -> dict[BaseTag, DataElement | RawDataElement]:
    """Draw a block with a sequence, in SQ or hidden under UN, and a number that would be safe if it were one."""
    below = draw(levels(min(depth, 1)))
    hidden = hiding.unknown_sequence(WORD)
    return {
        BaseTag(0x70530010): elements.raw(
            0x70530010, "LO", draw(st.sampled_from([b"Philips PET Private Group", *FORMS]))
        ),
        BaseTag(0x70531000): elements.raw(0x70531000, draw(st.sampled_from(VRS)), draw(st.sampled_from(FORMS))),
        BaseTag(0x70531001): DataElement(0x70531001, "SQ", Sequence([below]), already_converted=True),
        BaseTag(0x70531002): elements.raw(0x70531002, "UN", hidden),
    }


def received(content: bytes) -> FileDataset:
    return pydicom.dcmread(BytesIO(content), force=True)


def leak(sop_class: str, charset: str, planted: Dataset, profile: str) -> list[bytes]:
    """Return what comes out of an image with these elements."""
    original = image(sop_class)
    for tag in [tag for tag in planted.keys() if tag in original]:  # noqa: SIM118
        del original[tag]
    original._dict.update(planted._dict)
    original._dict[BaseTag(0x00080005)] = elements.raw(0x00080005, "CS", charset.encode())
    with warnings.catch_warnings(action="ignore"):
        result = Deidentifier(load(profile), KEY).header(received(encode.to_part10(original)))
        assert isinstance(result, Kept)
        content = encode.to_part10(result.dataset)
        assert str(pydicom.dcmread(BytesIO(content)))
    return [trace for trace in TRACES if trace in content]


@pytest.mark.slow
@settings(deadline=None, suppress_health_check=list(HealthCheck))
@given(st.sampled_from(CLASSES), st.sampled_from(CHARSETS), levels(3), st.sampled_from(names()))
def test_no_canary_passes(sop_class: str, charset: str, planted: Dataset, profile: str) -> None:
    assert leak(sop_class, charset, planted, profile) == []


@pytest.mark.slow
@settings(deadline=None, suppress_health_check=list(HealthCheck))
@given(st.sampled_from(CLASSES), st.sampled_from(CHARSETS), st.data(), st.sampled_from(names()))
def test_no_canary_passes_in_its_place(sop_class: str, charset: str, data: st.DataObject, profile: str) -> None:
    planted = data.draw(along(tables.iods()[tables.sop_classes()[sop_class].iod]))
    assert leak(sop_class, charset, planted, profile) == []


WHOLE = encode.to_part10(image())


@settings(max_examples=250, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(st.tuples(st.integers(132, len(WHOLE) - 1), st.integers(0, 255)), min_size=1, max_size=12), st.data())
def test_damaged_bytes_end_in_an_outcome(
    tmp_path_factory: pytest.TempPathFactory, changes: list[tuple[int, int]], data: st.DataObject
) -> None:
    content = bytearray(WHOLE)
    for place, value in changes:
        content[place] = value
    path = tmp_path_factory.getbasetemp() / "damaged.dcm"
    path.write_bytes(content[: data.draw(st.integers(132, len(content)))])
    with warnings.catch_warnings(action="ignore"), pytest.MonkeyPatch.context() as patch:
        held = outcome(path)
        patch.setattr(instance_file, "_LONG", 6)
        assert outcome(path) == held


def outcome(path: Path) -> bytes | Reason:
    original = _parse(path)
    if not isinstance(original, FileDataset):
        return original
    result = Deidentifier(load("basic"), KEY).instance(original)
    return encode.to_part10(result.dataset) if isinstance(result, Kept) else result.reason


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
