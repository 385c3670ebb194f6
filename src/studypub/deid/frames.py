"""Carries pixel data over as it is: not decoded, cut to its exact length, bits that no sample uses cleared.

What stays where it lies (`stored`) is read, and made anew, block by block: twice, for what is to be done with the first
depends on the last.
"""

import struct
from collections.abc import Container, Iterator
from io import BytesIO
from itertools import accumulate, chain, repeat
from typing import Final

import numpy as np
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset
from pydicom.encaps import generate_frames
from pydicom.tag import BaseTag

from studypub.deid import codestream, elements, samples
from studypub.deid.elements import Element
from studypub.deid.stored import Made

PIXEL_DATA: Final = 0x7FE00010
# Tag -> VR and bits of a sample that has no BitsAllocated of its own (PS3.3 C.7.6.24, C.7.6.25).
TAGS: Final = {PIXEL_DATA: ("OB or OW", 0), 0x7FE00008: ("OF", 32), 0x7FE00009: ("OD", 64)}

_ITEM: Final = b"\xfe\xff\0\xe0"
_UNDEFINED: Final = 0xFFFFFFFF

_SAMPLES_PER_PIXEL: Final = 0x00280002
_PHOTOMETRIC_INTERPRETATION: Final = 0x00280004
_NUMBER_OF_FRAMES: Final = 0x00280008
_ROWS: Final = 0x00280010
_COLUMNS: Final = 0x00280011
_BITS_ALLOCATED: Final = 0x00280100
_BITS_STORED: Final = 0x00280101
_HIGH_BIT: Final = 0x00280102
_PIXEL_REPRESENTATION: Final = 0x00280103
_OVERLAY_BIT_POSITION: Final = 0x60000102
_OVERLAY_DATA: Final = 0x60003000
# Descriptors and data of red, green and blue, whole or in segments (PS3.3 C.7.9).
_PALETTE: Final = (*range(0x00281101, 0x00281104), *range(0x00281201, 0x00281204), *range(0x00281221, 0x00281224))


def lost_description(source: Dataset, content: Container[BaseTag]) -> bool:
    """Tell pixels that nobody could decode any more.

    They are integer samples in an object of an IOD that knows floats only, or have lost the palette of their colours.
    """
    needed = [_BITS_STORED, _HIGH_BIT, _PIXEL_REPRESENTATION]
    if elements.string(source, _PHOTOMETRIC_INTERPRETATION) == "PALETTE COLOR":
        needed += _PALETTE
    lost = any(tag in source and BaseTag(tag) not in content for tag in needed)
    return BaseTag(PIXEL_DATA) in content and lost


def native(source: Dataset, tag: int) -> RawDataElement | None:
    """Return uncompressed pixel data, safe to write; None if they are not all there."""
    vr, bits = TAGS[tag]
    element = elements.find(source, tag)
    found = None if element is None or _is_encapsulated(element) else elements.blocks(element, source, vr)
    if element is None or found is None:
        return None
    vr, length, received = found
    bits = bits or elements.number(source, _BITS_ALLOCATED)
    size = _size(source, bits)
    if not 0 < size <= length:
        return None
    ordered = _halves_swapped if bits == 32 and vr == "OW" and _is_big_endian(element) else bytes

    def exact() -> Iterator[bytes]:
        return _cut(map(ordered, received()), size)

    clear = samples.clearing(source, size, exact) if tag == PIXEL_DATA else bytes

    def blocks() -> Iterator[bytes]:
        return chain(map(clear, exact()), repeat(b"\0", size % 2))

    value = b"".join(blocks()) if elements.stored(element) is None else Made(size + size % 2, blocks)
    return elements.raw(tag, vr, value)


def _is_encapsulated(element: Element) -> bool:
    """Tell compressed pixels whose transfer syntax says that they are not."""
    if isinstance(element, RawDataElement):
        return element.length == _UNDEFINED
    return bool(element.is_undefined_length)


def _is_big_endian(element: Element) -> bool:
    """Tell samples of 32 bits of which only the halves have been swapped so far (OW is words of 16 bits)."""
    return isinstance(element, RawDataElement) and not element.is_little_endian


def _halves_swapped(block: bytes) -> bytes:
    return np.frombuffer(block, "<u2").reshape(-1, 2)[:, ::-1].tobytes()


def _cut(blocks: Iterator[bytes], size: int) -> Iterator[bytes]:
    for block in blocks:
        yield block[:size]
        size -= len(block)
        if size <= 0:
            return


def encapsulated(source: Dataset, syntax: str) -> RawDataElement | None:
    """Return compressed pixel data (PS3.5 A.4), a fragment for each frame; None if they are not all there.

    Where they are too long to be held, each frame is cleaned twice: to know its size, and to be written.
    """
    element = elements.find(source, PIXEL_DATA)
    found = None if element is None else elements.blocks(element, source, TAGS[PIXEL_DATA][0])
    first = next(found[2](), b"") if found else b""
    if element is None or not first.startswith(_ITEM):
        return None
    plane = elements.number(source, _ROWS) * elements.number(source, _COLUMNS)
    planes = elements.number(source, _SAMPLES_PER_PIXEL, 1) * elements.number(source, _BITS_ALLOCATED) // 8
    clear = samples.tables(source) if syntax == codestream.RLE else ()
    clean = codestream.cleaner(syntax, plane, planes, clear)
    count = _count(source)
    stored = elements.stored(element)

    def frames() -> Iterator[bytes]:
        with BytesIO(first) if stored is None else stored.stream() as stream:
            yield from map(clean, generate_frames(stream, number_of_frames=count))

    cleaned = [*frames()].__iter__ if stored is None else frames
    sizes = [len(frame) for frame in cleaned()]
    if len(sizes) != count:
        return None
    offsets, size = _offsets(sizes)

    def fragments() -> Iterator[bytes]:
        return _fragments(offsets, cleaned())

    return elements.fragments(PIXEL_DATA, b"".join(fragments()) if stored is None else Made(size, fragments))


def has_overlay_in_samples(source: Dataset) -> bool:
    """Tell pixels whose unused bits hold an overlay, by what describes it (PS3.3 C.9.2 of editions before 2004)."""
    return any(
        elements.number(source, _OVERLAY_BIT_POSITION | group << 16) and (_OVERLAY_DATA | group << 16) not in source
        for group in range(0, 0x20, 2)
    )


def _offsets(sizes: list[int]) -> tuple[bytes, int]:
    """Return the Basic Offset Table (empty where its 32 bits do not reach), and the size of all."""
    *places, end = accumulate((size + size % 2 + 8 for size in sizes), initial=0)
    table = struct.pack(f"<{len(places)}I", *places) if places[-1] < _UNDEFINED else b""
    return table, len(table) + 8 + end


def _fragments(offsets: bytes, cleaned: Iterator[bytes]) -> Iterator[bytes]:
    """Yield the Basic Offset Table and a fragment for each frame."""
    for content in chain([offsets], cleaned):
        padding = len(content) % 2
        yield _ITEM + struct.pack("<I", len(content) + padding)
        yield content + b"\0" * padding


def _count(source: Dataset) -> int:
    frames = elements.string(source, _NUMBER_OF_FRAMES).partition("\\")[0]
    return int(frames) if frames.isdigit() and int(frames) > 0 else 1


def _size(source: Dataset, bits: int) -> int:
    """Return the exact bytes of all frames (PS3.5 8.1.1, 8.2)."""
    samples = elements.number(source, _SAMPLES_PER_PIXEL, 1)
    if samples == 3 and elements.string(source, _PHOTOMETRIC_INTERPRETATION) == "YBR_FULL_422":
        samples = 2
    total = elements.number(source, _ROWS) * elements.number(source, _COLUMNS) * samples * _count(source) * bits
    return (total + 7) // 8
