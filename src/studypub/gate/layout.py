"""Tells which bytes of a file are free text, codes, binary values and pixels."""

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, NamedTuple

from studypub.gate.clue import TEXT, Place
from studypub.gate.elements import EXPLICIT, IMPLICIT, PIXELS, Bytes, Element, Part10, walk
from studypub.gate.repeats import Repeats

FREE: Final = frozenset({b"LO", b"LT", b"PN", b"SH", b"ST", b"UC", b"UR", b"UT"})
_CODED: Final = frozenset({b"AE", b"AS", b"CS", b"DA", b"DS", b"DT", b"IS", b"TM", b"UI"})
_PREAMBLE_BYTES: Final = 128
_BITS_ALLOCATED: Final = 0x00280100
# Compressed by runs of equal bytes only (PS3.5 Annex G), or not at all.
_RLE: Final = b"1.2.840.10008.1.2.5"
_ENCAPSULATED_UNCOMPRESSED: Final = b"1.2.840.10008.1.2.1.98"
# Binary values longer than this are searched apart from the text around them.
_LARGE: Final = 512


class Stretch(NamedTuple):
    """A value and what it is."""

    begin: int
    end: int
    place: Place
    tag: int
    vr: bytes


@dataclass(frozen=True)
class Layout:
    """A file's values in the order of their bytes; `widths`: bytes of a pixel's sample.

    Where the file is like one that was searched before, `stretches` are only what may differ from that one.
    """

    stretches: list[Stretch]
    begins: list[int]
    widths: frozenset[int]
    size: int
    is_whole: bool = True

    def at(self, begin: int, end: int) -> Stretch | None:
        """Return what a hit lies in, None if an earlier file had the same there.

        Between values, or over more than one, there is binary.
        """
        number = bisect_right(self.begins, begin) - 1
        if number >= 0 and end <= self.stretches[number].end:
            return self.stretches[number]
        if not self.is_whole and not self._touches_new(begin, end, number):
            return None
        return Stretch(0, self.size, Place.BINARY, 0, b"")

    def _touches_new(self, begin: int, end: int, number: int) -> bool:
        before = number >= 0 and begin < self.stretches[number].end
        return before or (number + 1 < len(self.begins) and self.begins[number + 1] < end)

    def around_large_values(self) -> Iterator[tuple[int, int]]:
        """Yield where it begins and ends, what lies between the long binary values."""
        place = 0
        for stretch in self.stretches:
            if stretch.end - stretch.begin > _LARGE and stretch.place not in TEXT:
                yield place, stretch.begin
                place = stretch.end
        yield place, self.size


def plain(data: Bytes) -> Layout:
    """Return the layout of what is no DICOM file: all of it is text."""
    return Layout([Stretch(0, len(data), Place.FREE, 0, b"")], [0], frozenset({1}), len(data))


def picture(data: Bytes) -> Layout:
    """Return the layout of a JPEG."""
    return Layout([Stretch(0, len(data), Place.STREAM, 0, b"")], [0], frozenset({1}), len(data))


class Layouts:
    """Lays out one DICOM file after the other, faster where they are alike; one that is kept must have been clean."""

    def __init__(self) -> None:
        self._repeats = Repeats()
        self._pixels = Place.STREAM
        self._widths: frozenset[int] = frozenset()

    def of_part10(self, data: Bytes) -> tuple[Layout, Part10 | None]:
        """Return the layout of a DICOM file, and its elements if they had to be looked for. Raises NotWalkable."""
        new = self._repeats.new_in(data)
        if new is not None:
            return _layout(new, self._pixels, self._widths, len(data), is_whole=False), None
        walked = walk(data)
        return _of_elements(data, walked), walked

    def keep(self, data: Bytes, walked: Part10, plan: Layout) -> None:
        """Take a file that was found clean for the one that others may be like."""
        self._pixels, self._widths = _place_of_pixels(walked.syntax), plan.widths
        self._repeats.remember(data, walked)


def _of_elements(data: Bytes, walked: Part10) -> Layout:
    """Return the layout of a DICOM file that was walked through."""
    widths = {
        1 if bytes(data[low : low + 1]) in {b"\x01", b"\x08"} else 2
        for tag, _, low, _ in walked.elements
        if tag == _BITS_ALLOCATED
    }
    widths = {1} if walked.syntax == _RLE else widths
    return _layout(walked.elements, _place_of_pixels(walked.syntax), frozenset(widths or {1, 2}), len(data))


def _layout(
    elements: list[Element], pixels: Place, widths: frozenset[int], size: int, *, is_whole: bool = True
) -> Layout:
    stretches = [Stretch(0, _PREAMBLE_BYTES, Place.FREE, 0, b"")]
    stretches += [
        Stretch(low, high, pixels if tag in PIXELS else _place_of(vr), tag, vr) for tag, vr, low, high in elements
    ]
    return Layout(stretches, [each.begin for each in stretches], widths, size, is_whole)


def _place_of(vr: bytes) -> Place:
    if vr in FREE:
        return Place.FREE
    return Place.CODED if vr in _CODED else Place.BINARY


def _place_of_pixels(syntax: bytes) -> Place:
    native = {IMPLICIT, EXPLICIT, _RLE, _ENCAPSULATED_UNCOMPRESSED}
    return Place.SAMPLES if syntax in native else Place.STREAM
