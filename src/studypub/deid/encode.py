"""Writes an instance as a Part 10 file: own file meta, zero preamble, Explicit VR Little Endian or as compressed."""

import struct
from collections.abc import Iterable, Iterator
from typing import Final

from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian

from studypub.deid import elements
from studypub.deid.elements import Element
from studypub.deid.stored import Made
from studypub.deid.walk import PIXELS

IMPLEMENTATION_CLASS_UID: Final = "2.25.206721304538418219837426590131276904173"
IMPLEMENTATION_VERSION_NAME: Final = "STUDYPUB"

# Coded by an encapsulation of their own (PS3.5 A.4); everything else is written in Explicit VR Little Endian.
ENCAPSULATED: Final = frozenset(
    {
        "1.2.840.10008.1.2.5",  # RLE
        *(f"1.2.840.10008.1.2.4.{number}" for number in (50, 51, 57, 70, 80, 81, 90, 91, 92, 93, 201, 202, 203)),
    }
)
NATIVE: Final = frozenset({"1.2.840.10008.1.2", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.1.99", "1.2.840.10008.1.2.2"})

_SOP_CLASS_UID: Final = 0x00080016
_SOP_INSTANCE_UID: Final = 0x00080018
_UNDEFINED: Final = 0xFFFFFFFF
_ITEM: Final = b"\xfe\xff\x00\xe0"
_SEQUENCE_END: Final = b"\xfe\xff\xdd\xe0\0\0\0\0"


def file_meta(sop_class: str, sop_instance: str, received_syntax: str) -> FileMetaDataset:
    """Return a new file meta (PS3.10 7.1): nothing of the sender's is in it."""
    return FileMetaDataset({element.tag: element for element in _meta(sop_class, sop_instance, received_syntax)})


def _meta(sop_class: str, sop_instance: str, received_syntax: str) -> list[RawDataElement]:
    syntax = received_syntax if received_syntax in ENCAPSULATED else ExplicitVRLittleEndian
    return [
        elements.raw(0x00020001, "OB", b"\0\1"),
        elements.raw(0x00020002, "UI", sop_class.encode()),
        elements.raw(0x00020003, "UI", sop_instance.encode()),
        elements.raw(0x00020010, "UI", syntax.encode()),
        elements.raw(0x00020012, "UI", IMPLEMENTATION_CLASS_UID.encode()),
        elements.raw(0x00020013, "SH", IMPLEMENTATION_VERSION_NAME.encode()),
    ]


def to_part10(dataset: FileDataset, header: bytes = b"") -> bytes:
    """Return the whole file as bytes."""
    return b"".join(pieces(dataset, header))


def is_made(dataset: Dataset) -> bool:
    """Whether the pixel data is only made when it is written, for it is too long to be held."""
    return any(isinstance(getattr(element, "value", None), Made) for element in dataset.values())


def pieces(dataset: FileDataset, header: bytes = b"") -> Iterator[bytes]:
    """Yield the file piece by piece: pixel data is a piece of its own and is not copied, or several that are made.

    `header`: the bytes up to the pixel data, where they are known already.
    """
    if header:
        yield header
        for pixels in filter(None, map(dataset.get_item, PIXELS)):
            yield from _element(pixels, dataset)
        return
    yield beginning(dataset)
    yield from _level(dataset)


def beginning(dataset: FileDataset) -> bytes:
    """Return preamble and file meta (PS3.10 7.1)."""
    received = str(dataset.file_meta.TransferSyntaxUID)
    meta = _meta(elements.string(dataset, _SOP_CLASS_UID), elements.string(dataset, _SOP_INSTANCE_UID), received)
    group = b"".join(element(each, dataset) for each in meta)
    return b"".join((bytes(128), b"DICM\x02\0\0\0UL\x04\0", struct.pack("<I", len(group)), group))


def element(each: Element, dataset: Dataset) -> bytes:
    """Return one whole element."""
    return b"".join(_element(each, dataset))


def _level(dataset: Dataset) -> Iterator[bytes]:
    for element in sorted(dataset.values(), key=tag):
        yield from _element(element, dataset)


def tag(element: Element) -> int:
    """Return what elements are in the order of."""
    return int(element.tag)


def _element(element: Element, dataset: Dataset) -> Iterator[bytes]:
    if isinstance(element, RawDataElement):
        if element.value is None or element.is_implicit_VR or not element.is_little_endian:
            yield elements.written(dataset[element.tag], dataset)
            return
        yield _header(int(element.tag), str(element.VR), element.length)
        value: object = element.value
        yield from value if isinstance(value, Made) else (element.value,)
        if element.length == _UNDEFINED:
            yield _SEQUENCE_END
    elif element.VR == "SQ":
        yield from _sequence(element.tag, element.value or [])
    else:
        yield elements.written(element, dataset)


def _sequence(tag: int, content: list[Dataset]) -> Iterator[bytes]:
    encoded = items(content)
    yield _header(tag, "SQ", len(encoded))
    yield encoded


def items(content: Iterable[Dataset]) -> bytes:
    """Return the value of a sequence; of its items only one is needed at a time."""
    encoded = (b"".join(_level(item)) for item in content)
    return b"".join(part for item in encoded for part in (_ITEM, struct.pack("<I", len(item)), item))


def _header(tag: int, vr: str, length: int) -> bytes:
    if elements.header_length(vr) == 12:
        return struct.pack("<HH2sHI", tag >> 16, tag & 0xFFFF, vr.encode(), 0, length)
    return struct.pack("<HH2sH", tag >> 16, tag & 0xFFFF, vr.encode(), length)
