"""A row of an answer says what pydicom reads in it, whatever is in it."""

import struct
import warnings
from collections.abc import Callable
from functools import partial
from io import BytesIO

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.dataset import Dataset
from pydicom.multival import MultiValue
from pydicom.uid import UID, ExplicitVRLittleEndian, ImplicitVRLittleEndian
from pynetdicom.dsutils import decode

from studypub.dicom.row import read

SOP_CLASS, SOP_INSTANCE, STUDY, SERIES = 0x00080016, 0x00080018, 0x0020000D, 0x0020000E
CHARACTER_SET, LEVEL, TITLE, SEQUENCE, NAME, COUNT, PRIVATE, END_OF_ITEM = (
    0x00080005, 0x00080052, 0x00080054, 0x00081115, 0x00100010, 0x00201209, 0x00091001, 0xFFFEE00D,
)  # fmt: skip
UIDS = ("SOPClassUID", "SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID")
TAGS = [
    SOP_CLASS,
    SOP_INSTANCE,
    STUDY,
    SERIES,
    CHARACTER_SET,
    LEVEL,
    TITLE,
    SEQUENCE,
    NAME,
    COUNT,
    PRIVATE,
    END_OF_ITEM,
]
VRS = [b"UI", b"UI", b"LO", b"CS", b"UN", b"SQ", b"IS", b"OB", b"ui", b"\0\0"]
VALUES = st.one_of(
    st.sampled_from([b"1.2.3", b"1.2.3\0", b"1.2.3 ", b" 1.2", b"1.2\\1.3", b"", b"\0", b"1.2\0\0", b"\x1b$B1.2"]),
    st.binary(max_size=12),
)


def element(tag: int, vr: bytes | None, value: bytes) -> bytes:
    head = struct.pack("<HH", tag >> 16, tag & 0xFFFF)
    return head + (struct.pack("<L", len(value)) if vr is None else vr + struct.pack("<H", len(value))) + value


ROWS = st.lists(st.tuples(st.sampled_from(TAGS), st.sampled_from(VRS), VALUES), max_size=6)


def read_by_pydicom(row: Dataset, keyword: str) -> str:
    value = row.get(keyword)
    parts = list(value) if isinstance(value, MultiValue) else [value]
    return "" if value is None else "\\".join(str(part).strip(" \x00") for part in parts)


def outcome(read_text: Callable[[], str]) -> str | type[Exception]:
    try:
        return read_text()
    except Exception as error:  # noqa: BLE001 - of two, the same one
        return type(error)


def require_same(content: bytes, syntax: UID) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        row = read(content, syntax)
        try:
            theirs = decode(BytesIO(content), syntax.is_implicit_VR, syntax.is_little_endian)
        except Exception:  # noqa: BLE001 - it reads nothing of it
            assert row is None
            return
        assert row is not None
        for keyword in UIDS:
            assert outcome(partial(row.text, keyword)) == outcome(partial(read_by_pydicom, theirs, keyword))


@given(rows=ROWS, in_order=st.booleans(), explicit=st.booleans(), meant=st.booleans(), cut=st.integers(0, 9))
def test_uids_are_what_pydicom_reads(
    rows: list[tuple[int, bytes, bytes]], in_order: bool, explicit: bool, meant: bool, cut: int
) -> None:
    elements = sorted(rows) if in_order else rows
    content = b"".join(element(tag, vr if explicit else None, value) for tag, vr, value in elements)
    require_same(content[: len(content) - cut], ExplicitVRLittleEndian if explicit == meant else ImplicitVRLittleEndian)


UID_AND = element(SOP_CLASS, b"UI", b"1.2.3\0")
LONG_VALUE = struct.pack("<HH2sHL", 0x0008, 0x0018, b"OB", 0, 4) + b"1.23"
BAD_ITEM = b"\xfe\xff\0\xe0\x0c\0\0\0" + element(CHARACTER_SET, None, b"I\0SO")
DELIMITED = struct.pack("<HHL", 0x0008, 0x1115, 0xFFFFFFFF) + BAD_ITEM + b"\xfe\xff\xdd\xe0\0\0\0\0"


@pytest.mark.parametrize(
    ("content", "syntax"),
    [
        (element(SOP_CLASS, b"US", b"12"), ExplicitVRLittleEndian),
        (UID_AND + LONG_VALUE, ExplicitVRLittleEndian),
        (UID_AND + element(END_OF_ITEM, b"UI", b""), ExplicitVRLittleEndian),
        (element(0x00020010, b"UI", b"1.2\0") + UID_AND, ExplicitVRLittleEndian),
        (element(SOP_CLASS, None, b"1.2.3\0") + DELIMITED, ImplicitVRLittleEndian),
        (element(SOP_CLASS, None, b"1" * 0x4142), ImplicitVRLittleEndian),
        (element(CHARACTER_SET, b"IS", b"1.2") + UID_AND, ExplicitVRLittleEndian),
        (element(CHARACTER_SET, b"CS", b"I\0SO") + UID_AND, ExplicitVRLittleEndian),
    ],
    ids=[
        "a number",
        "a long VR",
        "the end of an item",
        "file meta",
        "an end of its own",
        "a length like a VR",
        "a character set that is a number",
        "a character set with a zero byte",
    ],
)
def test_what_is_not_plain_is_read_by_pydicom(content: bytes, syntax: UID) -> None:
    require_same(content, syntax)
