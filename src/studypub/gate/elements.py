"""Finds the elements of a Part 10 file in its bytes, at every depth, without building anything from them."""

import struct
from functools import cache
from mmap import MADV_DONTNEED, mmap
from typing import Final, NamedTuple

from pydicom.datadict import dictionary_VR

Bytes = bytes | bytearray | memoryview | mmap

# Tag, VR, and where the value begins and ends.
Element = tuple[int, bytes, int, int]

IMPLICIT: Final = b"1.2.840.10008.1.2"
EXPLICIT: Final = b"1.2.840.10008.1.2.1"
DEFLATED: Final = b"1.2.840.10008.1.2.1.99"
BIG_ENDIAN: Final = b"1.2.840.10008.1.2.2"

PIXELS: Final = frozenset({0x7FE00008, 0x7FE00009, 0x7FE00010})

_TRANSFER_SYNTAX: Final = 0x00020010
_PIXEL_DATA: Final = 0x7FE00010
# Each may bring 64 KiB of a mapped file into memory.
_MOST_LOOKS: Final = 512
_DELIMITATION: Final = 0xFFFE
_UNDEFINED: Final = 0xFFFFFFFF
_ITEM: Final = b"\xfe\xff\x00\xe0"
_SEQUENCE_END: Final = b"\xfe\xff\xdd\xe0"

# PS3.5 7.1.2: which VRs have a length of four bytes, and which of two.
_LONG: Final = frozenset({b"OB", b"OD", b"OF", b"OL", b"OV", b"OW", b"SQ", b"SV", b"UC", b"UN", b"UR", b"UT", b"UV"})
_SHORT: Final = frozenset(
    {b"AE", b"AS", b"AT", b"CS", b"DA", b"DS", b"DT", b"FD", b"FL", b"IS", b"LO", b"LT"}
    | {b"PN", b"SH", b"SL", b"SS", b"ST", b"TM", b"UI", b"UL", b"US"}
)
_EXPLICIT_HEADER: Final = struct.Struct("<HH2sH")
_IMPLICIT_HEADER: Final = struct.Struct("<HHL")
_LENGTH: Final = struct.Struct("<L")


class NotWalkable(ValueError):
    """The bytes are not a plain little endian Part 10 file: pydicom may still read them."""


class Part10(NamedTuple):
    """A file's transfer syntax and its elements, file meta first, as they lie in the bytes.

    `lengths`: where the lengths of sequences and items lie, which nothing here depends on.
    """

    syntax: bytes
    elements: list[Element]
    lengths: list[int]


def walk(data: Bytes) -> Part10:
    """Find the elements of a Part 10 file in little endian (PS3.10 7); sequences give what is in their items.

    Raises NotWalkable.
    """
    if bytes(data[128:132]) != b"DICM":
        raise NotWalkable("no preamble")
    found: list[Element] = []
    lengths: list[int] = []
    try:
        begin = _file_meta(data, found, lengths)
        syntax = next(
            (bytes(data[low:high]).strip(b" \0") for tag, _, low, high in found if tag == _TRANSFER_SYNTAX), b""
        )
        if syntax in {b"", DEFLATED, BIG_ENDIAN}:
            raise NotWalkable("not plain little endian")
        _level(data, begin, len(data), found, lengths, explicit=syntax != IMPLICIT)
        return Part10(syntax, found, lengths)
    except struct.error as error:
        raise NotWalkable("cut off") from error


def within(data: Bytes, begin: int, end: int, *, explicit: bool) -> list[Element]:
    """Find the elements between two places. Raises NotWalkable, struct.error."""
    found: list[Element] = []
    _level(data, begin, end, found, [], explicit=explicit)
    return found


def _level(data: Bytes, place: int, end: int, found: list[Element], lengths: list[int], *, explicit: bool) -> None:
    step = _explicit if explicit else _implicit
    while place < end:
        place = step(data, place, end, found, lengths)
    if place != end:
        raise NotWalkable("an element is longer than what holds it")


def _file_meta(data: Bytes, found: list[Element], lengths: list[int]) -> int:
    place = 132
    while place < len(data) and bytes(data[place : place + 2]) == b"\x02\0":
        place = _explicit(data, place, len(data), found, lengths)
    return place


def _explicit(data: Bytes, place: int, end: int, found: list[Element], lengths: list[int]) -> int:
    group, number, vr, length = _EXPLICIT_HEADER.unpack_from(data, place)
    if group == _DELIMITATION:
        lengths.append(place + 4)
        return place + 8
    if vr in _SHORT:
        low = place + 8
    elif vr in _LONG:
        (length,) = _LENGTH.unpack_from(data, place + 8)
        low = place + 12
        if vr == b"SQ":
            lengths.append(place + 8)
            return low
    else:
        raise NotWalkable("an unknown VR")
    return _taken(data, (group << 16 | number, vr, low, low + length), end, found)


def _implicit(data: Bytes, place: int, end: int, found: list[Element], lengths: list[int]) -> int:
    group, number, length = _IMPLICIT_HEADER.unpack_from(data, place)
    if group == _DELIMITATION:
        lengths.append(place + 4)
        return place + 8
    low = place + 8
    tag = group << 16 | number
    vr = known_vr(tag)
    if vr == b"SQ" or (length == _UNDEFINED and tag != _PIXEL_DATA):
        lengths.append(place + 4)
        return low
    return _taken(data, (tag, vr, low, low + length), end, found)


def _taken(data: Bytes, element: Element, end: int, found: list[Element]) -> int:
    """Add a value to what was found and return where it ends; a sequence under VR UN is entered (PS3.5 6.2.2)."""
    tag, vr, low, high = element
    if high - low == _UNDEFINED:
        if vr == b"UN":
            raise NotWalkable("a sequence of unknown length under VR UN")
        high = end_of_fragments(data, low, end)
        found.append((tag, vr, low, high))
        return high
    if high > end:
        raise NotWalkable("an element is longer than what holds it")
    if vr == b"UN" and bytes(data[low : low + 4]) == _ITEM:
        try:
            found += within(data, low, high, explicit=False)
        except (NotWalkable, struct.error):
            found.append(element)
    else:
        found.append(element)
    return high


def let_go(data: Bytes) -> None:
    """Give back the memory that looking at a mapped file has taken: the system keeps it for us until we do."""
    if isinstance(data, mmap):
        data.madvise(MADV_DONTNEED)


def end_of_fragments(data: Bytes, place: int, end: int) -> int:
    """Return where encapsulated pixel data end (PS3.5 A.4). Raises NotWalkable, struct.error."""
    looks = 0
    while place < end:
        looks += 1
        if not looks % _MOST_LOOKS:
            let_go(data)
        if bytes(data[place : place + 4]) == _SEQUENCE_END:
            return place + 8
        if bytes(data[place : place + 4]) != _ITEM:
            break
        (length,) = _LENGTH.unpack_from(data, place + 4)
        place += 8 + length
    raise NotWalkable("fragments without an end")


@cache
def known_vr(tag: int) -> bytes:
    """Return the VR by the Standard's dictionary, UN for what it does not know."""
    if not tag & 0xFFFF:
        return b"UL"
    if tag >> 16 & 1:
        return b"LO" if tag & 0xFFFF < 0x100 else b"UN"
    try:
        return dictionary_VR(tag)[-2:].encode()
    except KeyError:
        return b"UN"
