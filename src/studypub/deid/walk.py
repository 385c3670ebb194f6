"""Finds the elements of an instance's top level in its bytes, without building anything from them."""

import struct
from mmap import mmap
from typing import Final, NamedTuple

Bytes = bytes | bytearray | memoryview | mmap

IMPLICIT: Final = "1.2.840.10008.1.2"
_NOT_PLAIN: Final = frozenset({"1.2.840.10008.1.2.1.99", "1.2.840.10008.1.2.2", ""})
PIXELS: Final = frozenset({0x7FE00008, 0x7FE00009, 0x7FE00010})

_TRANSFER_SYNTAX_UID: Final = 0x00020010
_UNDEFINED: Final = 0xFFFFFFFF
_ITEM: Final = 0xFFFEE000
_ITEM_END: Final = 0xFFFEE00D
_SEQUENCE_END: Final = 0xFFFEE0DD
# PS3.5 7.1.2: VRs with a length of four bytes, and of two.
_LONG: Final = frozenset({b"OB", b"OD", b"OF", b"OL", b"OV", b"OW", b"SQ", b"SV", b"UC", b"UN", b"UR", b"UT", b"UV"})
SHORT: Final = frozenset(
    {b"AE", b"AS", b"AT", b"CS", b"DA", b"DS", b"DT", b"FD", b"FL", b"IS", b"LO", b"LT"}
    | {b"PN", b"SH", b"SL", b"SS", b"ST", b"TM", b"UI", b"UL", b"US"}
)
_EXPLICIT_HEADER: Final = struct.Struct("<HH2sH")
_IMPLICIT_HEADER: Final = struct.Struct("<HHL")
_TAG: Final = struct.Struct("<HH")
_LENGTH: Final = struct.Struct("<L")


class NotWalkable(ValueError):
    """The bytes are no plain little endian Part 10 file with its elements in order: pydicom may still read them."""


class Found(NamedTuple):
    """An element and where its value lies; `delimited` if it has an end of its own. In Implicit VR the VR is empty."""

    tag: int
    vr: bytes
    low: int
    high: int
    delimited: bool


class Walked(NamedTuple):
    """A file's transfer syntax, and the elements of its file meta and of its top level."""

    syntax: str
    meta: list[Found]
    elements: list[Found]


def walk(data: Bytes) -> Walked:
    """Find the elements of a Part 10 file in little endian, each tag once and in order (PS3.10 7).

    Raises NotWalkable.
    """
    if data[128:132] != b"DICM":
        raise NotWalkable("no preamble")
    try:
        meta, place = _meta(data)
        found = (bytes(data[each.low : each.high]) for each in meta if each.tag == _TRANSFER_SYNTAX_UID)
        syntax = next(found, b"").strip(b" \0").decode("ascii", "replace")
        if syntax in _NOT_PLAIN:
            raise NotWalkable("not plain little endian")
        return Walked(syntax, meta, level(data, place, len(data), explicit=syntax != IMPLICIT))
    except (struct.error, IndexError) as error:
        raise NotWalkable("cut off") from error


def _meta(data: Bytes) -> tuple[list[Found], int]:
    found: list[Found] = []
    place = 132
    while data[place : place + 2] == b"\x02\0":
        element = _explicit(data, place)
        found.append(element)
        place = element.high
    return found, place


def level(data: Bytes, place: int, end: int, *, explicit: bool) -> list[Found]:
    """Find the elements between two places. Raises NotWalkable, struct.error."""
    step = _explicit if explicit else _implicit
    found: list[Found] = []
    last = 0
    while place < end:
        element = step(data, place)
        if element.tag <= last or element.high > end:
            raise NotWalkable("out of order, or longer than the file")
        last = element.tag
        found.append(element)
        place = element.high + (8 if element.delimited else 0)
    return found


def _explicit(data: Bytes, place: int) -> Found:
    group, number, vr, length = _EXPLICIT_HEADER.unpack_from(data, place)
    low = place + 8
    if vr in _LONG:
        (length,) = _LENGTH.unpack_from(data, low)
        low += 4
    elif vr not in SHORT:
        raise NotWalkable("an unknown VR")
    tag = group << 16 | number
    if length != _UNDEFINED:
        return Found(tag, vr, low, low + length, delimited=False)
    # A sequence under VR UN is in Implicit VR (PS3.5 6.2.2).
    high = fragments(data, low) if tag in PIXELS else items(data, low, explicit=vr != b"UN")
    return Found(tag, vr, low, high, delimited=True)


def _implicit(data: Bytes, place: int) -> Found:
    group, number, length = _IMPLICIT_HEADER.unpack_from(data, place)
    tag, low = group << 16 | number, place + 8
    if length != _UNDEFINED:
        return Found(tag, b"", low, low + length, delimited=False)
    return Found(tag, b"", low, items(data, low, explicit=False), delimited=True)


def items(data: Bytes, place: int, *, explicit: bool) -> int:
    """Return where the delimiter of a sequence of undefined length begins."""
    while (tag := _tag(data, place)) != _SEQUENCE_END:
        (length,) = _LENGTH.unpack_from(data, place + 4)
        if tag != _ITEM:
            raise NotWalkable("no item")
        place += 8
        if length != _UNDEFINED:
            place += length
            continue
        while _tag(data, place) != _ITEM_END:
            element = _explicit(data, place) if explicit else _implicit(data, place)
            place = element.high + (8 if element.delimited else 0)
        place += 8
    return place


def fragments(data: Bytes, place: int) -> int:
    """Return where the delimiter of encapsulated pixel data begins (PS3.5 A.4)."""
    while (tag := _tag(data, place)) != _SEQUENCE_END:
        if tag != _ITEM:
            raise NotWalkable("no fragment")
        (length,) = _LENGTH.unpack_from(data, place + 4)
        place += 8 + length
    return place


def _tag(data: Bytes, place: int) -> int:
    group, number = _TAG.unpack_from(data, place)
    return int(group) << 16 | int(number)
