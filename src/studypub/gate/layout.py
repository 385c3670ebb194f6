"""Tells which bytes of a file are free text, codes, binary values and pixels."""

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, NamedTuple

from studypub.gate.clue import TEXT, Place
from studypub.gate.elements import EXPLICIT, IMPLICIT, Bytes, walk

FREE: Final = frozenset({b"LO", b"LT", b"PN", b"SH", b"ST", b"UC", b"UR", b"UT"})
_CODED: Final = frozenset({b"AE", b"AS", b"CS", b"DA", b"DS", b"DT", b"IS", b"TM", b"UI"})
_PIXELS: Final = frozenset({0x7FE00008, 0x7FE00009, 0x7FE00010})
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
    """A file's values in the order of their bytes; `widths`: bytes of a pixel's sample."""

    stretches: list[Stretch]
    begins: list[int]
    widths: frozenset[int]
    size: int

    def at(self, begin: int, end: int) -> Stretch:
        """Return what a hit lies in; between values, or over more than one, there is binary."""
        number = bisect_right(self.begins, begin) - 1
        if number >= 0 and end <= self.stretches[number].end:
            return self.stretches[number]
        return Stretch(0, self.size, Place.BINARY, 0, b"")

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


def of_part10(data: Bytes) -> Layout:
    """Return the layout of a DICOM file. Raises NotWalkable."""
    syntax, elements = walk(data)
    pixels = _place_of_pixels(syntax)
    stretches = [Stretch(0, 128, Place.FREE, 0, b"")]
    widths = set()
    for tag, vr, low, high in elements:
        if tag == _BITS_ALLOCATED:
            widths.add(1 if bytes(data[low : low + 1]) in {b"\x01", b"\x08"} else 2)
        stretches.append(Stretch(low, high, pixels if tag in _PIXELS else _place_of(vr), tag, vr))
    widths = {1} if syntax == _RLE else widths
    return Layout(stretches, [each.begin for each in stretches], frozenset(widths or {1, 2}), len(data))


def _place_of(vr: bytes) -> Place:
    if vr in FREE:
        return Place.FREE
    return Place.CODED if vr in _CODED else Place.BINARY


def _place_of_pixels(syntax: bytes) -> Place:
    native = {IMPLICIT, EXPLICIT, _RLE, _ENCAPSULATED_UNCOMPRESSED}
    return Place.SAMPLES if syntax in native else Place.STREAM
