"""Tells what is new in a file that is like one before it: between the values that differ, bytes are only compared."""

import struct
from collections.abc import Iterator
from typing import Final, NamedTuple

from studypub.gate.elements import PIXELS, Bytes, Element, NotWalkable, Part10, end_of_fragments

_PREAMBLE_BYTES: Final = 128
_LENGTH_BYTES: Final = 4
_UNDEFINED: Final = 0xFFFFFFFF
_LENGTHS: Final = {2: struct.Struct("<H"), 4: struct.Struct("<L")}
# Longer values count as different, so that whoever asks is told of them.
_LONG: Final = 512
# Where more values than this differ, walking is as fast.
_MOST_SLOTS: Final = 96
# TransferSyntaxUID, SpecificCharacterSet, BitsAllocated: they tell how other values are read.
_DECISIVE: Final = frozenset({0x00020010, 0x00080005, 0x00280100})


class _Slot(NamedTuple):
    """A value that differs: tag and VR, the bytes between it and the slot before, the width of its length.

    Without width: the length of a sequence or item, which differs with what is inside.
    """

    tag: int
    vr: bytes
    before: bytes
    width: int


class Repeats:
    """The last file that was walked, and which of its values have differed in files of the same elements."""

    def __init__(self) -> None:
        self._names: list[tuple[int, bytes]] = []
        self._values: list[bytes] = []
        self._differing: set[int] = set()
        self._slots: list[_Slot] = []
        self._after = b""

    def new_in(self, data: Bytes) -> list[Element] | None:
        """Return the values that may differ from the file that was remembered; all else is the same, byte for byte.

        None if the file is not like that one.
        """
        place = _PREAMBLE_BYTES
        found: list[Element] = []
        for tag, vr, before, width in self._slots:
            low = place + len(before) + width
            if data[place : low - width] != before or low > len(data):
                return None
            if not width:
                place = low + _LENGTH_BYTES
                continue
            (length,) = _LENGTHS[width].unpack_from(data, low - width)
            place = low + length if length != _UNDEFINED else _end(data, low, tag)
            found.append((tag, vr, low, place))
        is_like = self._slots and len(data) - place == len(self._after) and data[place:] == self._after
        return found if is_like else None

    def remember(self, data: Bytes, walked: Part10) -> None:
        """Take a file that was walked for the one that others may be like."""
        elements = walked.elements
        names = [(tag, vr) for tag, vr, _, _ in elements]
        values = [b"" if high - low > _LONG else bytes(data[low:high]) for _, _, low, high in elements]
        if names == self._names:
            pairs = enumerate(zip(values, self._values, strict=True))
            self._differing |= {number for number, (one, other) in pairs if one != other}
        else:
            self._names, self._differing = names, set()
        self._values = values
        slots = list(self._cut(data, walked))
        decisive = any(names[number][0] in _DECISIVE for number in self._differing)
        useless = decisive or None in slots or len(slots) > _MOST_SLOTS
        self._slots = [] if useless else [each for each in slots if each]

    def _cut(self, data: Bytes, walked: Part10) -> Iterator[_Slot | None]:
        """Yield the slots in order; None for a value whose length cannot be told."""
        places = dict.fromkeys(walked.lengths) if self._differing else {}
        own = {
            element[2]: element
            for number, element in enumerate(walked.elements)
            if number in self._differing or element[3] - element[2] > _LONG
        }
        place = _PREAMBLE_BYTES
        for begin in sorted({*places, *own}):
            if begin in places:
                yield _Slot(0, b"", bytes(data[place:begin]), 0)
                place = begin + _LENGTH_BYTES
                continue
            tag, vr, low, high = own[begin]
            width = _width(data, tag, vr, low, high)
            yield _Slot(tag, vr, bytes(data[place : low - width]), width) if width else None
            place = high
        self._after = bytes(data[place:])


def _width(data: Bytes, tag: int, vr: bytes, low: int, high: int) -> int:
    """Return how many bytes the length of a value has; 0 if it cannot be told."""
    length = _UNDEFINED if tag in PIXELS and data[low - 4 : low] == b"\xff\xff\xff\xff" else high - low
    explicit = data[low - 4 : low - 2] == vr and data[low - 2 : low] == length.to_bytes(4, "little")[:2]
    if explicit and length <= 0xFFFF:
        return 2
    return 4 if data[low - 4 : low] == length.to_bytes(4, "little") else 0


def _end(data: Bytes, low: int, tag: int) -> int:
    """Return where encapsulated pixel data end, or behind all bytes."""
    try:
        return end_of_fragments(data, low, len(data)) if tag in PIXELS else len(data) + 1
    except (NotWalkable, struct.error):
        return len(data) + 1
