"""Carries pixel data over as it is: not decoded, cut to its exact length, bits that no sample uses cleared."""

import struct
from collections.abc import Container, Iterator
from itertools import accumulate
from typing import Final

import numpy as np
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset
from pydicom.encaps import generate_frames
from pydicom.tag import BaseTag

from studypub.deid import codestream, elements

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
_PIXEL_PADDING_VALUE: Final = 0x00280120
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
    found = elements.value(source, tag, vr)
    if found is None or _is_encapsulated(source, tag):
        return None
    value = found[1]
    bits = bits or elements.number(source, _BITS_ALLOCATED)
    if bits == 32 and found[0] == "OW" and _big_endian(source):
        value = np.frombuffer(value, "<u2").reshape(-1, 2)[:, ::-1].tobytes()
    size = _size(source, bits)
    if not 0 < size <= len(value):
        return None
    value = value[:size]
    if tag == PIXEL_DATA:
        value = _clear_unused_bits(source, value)
    return elements.raw(tag, found[0], value)


def _is_encapsulated(source: Dataset, tag: int) -> bool:
    """Tell compressed pixels whose transfer syntax says that they are not."""
    element = elements.find(source, tag)
    if isinstance(element, RawDataElement):
        return element.length == _UNDEFINED
    return element is not None and bool(element.is_undefined_length)


def _big_endian(source: Dataset) -> bool:
    """Tell samples of 32 bits of which only the halves have been swapped so far (OW is words of 16 bits)."""
    element = elements.find(source, PIXEL_DATA)
    return isinstance(element, RawDataElement) and not element.is_little_endian


def encapsulated(source: Dataset, syntax: str) -> RawDataElement | None:
    """Return compressed pixel data (PS3.5 A.4), a fragment for each frame; None if they are not all there."""
    found = elements.value(source, PIXEL_DATA, TAGS[PIXEL_DATA][0])
    if found is None or not found[1].startswith(_ITEM):
        return None
    plane = elements.number(source, _ROWS) * elements.number(source, _COLUMNS)
    planes = elements.number(source, _SAMPLES_PER_PIXEL, 1) * elements.number(source, _BITS_ALLOCATED) // 8
    clear = _tables(source) if syntax == codestream.RLE else ()
    clean = codestream.cleaner(syntax, plane, planes, clear)
    count = _count(source)
    cleaned = [clean(frame) for frame in generate_frames(found[1], number_of_frames=count)]
    if len(cleaned) != count:
        return None
    value = b"".join(_fragments(cleaned))
    return RawDataElement(BaseTag(PIXEL_DATA), "OB", _UNDEFINED, value, 0, is_implicit_VR=False, is_little_endian=True)


def has_overlay_in_samples(source: Dataset) -> bool:
    """Tell pixels whose unused bits hold an overlay, by what describes it (PS3.3 C.9.2 of editions before 2004)."""
    return any(
        elements.number(source, _OVERLAY_BIT_POSITION | group << 16) and (_OVERLAY_DATA | group << 16) not in source
        for group in range(0, 0x20, 2)
    )


def _tables(source: Dataset) -> list[bytes]:
    """Return what to write for each value of each byte of a sample, the highest first, to clear its unused bits."""
    allocated, stored = elements.number(source, _BITS_ALLOCATED), elements.number(source, _BITS_STORED)
    if allocated not in {16, 32} or not 0 < stored < allocated:
        return []
    low, used = _used_bits(source, stored)
    signed = bool(elements.number(source, _PIXEL_REPRESENTATION))
    sign = signed << (low + stored - 1)
    above = ((1 << allocated) - (1 << (low + stored))) * signed
    padding = elements.number(source, _PIXEL_PADDING_VALUE) if _PIXEL_PADDING_VALUE in source else 0
    shifts = range(allocated - 8, -1, -8)
    return [_table(*((bits >> shift) & 0xFF for bits in (used, sign, above, padding))) for shift in shifts]


def _table(used: int, sign: int, above: int, padding: int) -> bytes:
    """Return the table of one byte; in one that lies above the sign, negative samples have all bits set."""

    def cleared(byte: int) -> int:
        negative = byte & sign if sign else byte == 0xFF
        return byte if byte == padding else (byte & used) | (above if negative else 0)

    return bytes(map(cleared, range(256)))


def _used_bits(source: Dataset, stored: int) -> tuple[int, int]:
    """Return the lowest bit of a sample that is used, and all that are."""
    low = max(0, elements.number(source, _HIGH_BIT, stored - 1) + 1 - stored)
    return low, ((1 << stored) - 1) << low


def _fragments(cleaned: list[bytes]) -> Iterator[bytes]:
    """Yield the Basic Offset Table (empty where its 32 bits do not reach) and a fragment for each frame."""
    padded = [frame + b"\0" * (len(frame) % 2) for frame in cleaned]
    places = list(accumulate((len(frame) + 8 for frame in padded[:-1]), initial=0))
    offsets = struct.pack(f"<{len(places)}I", *places) if places[-1] < _UNDEFINED else b""
    for content in (offsets, *padded):
        yield _ITEM + struct.pack("<I", len(content))
        yield content


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


def _clear_unused_bits(source: Dataset, value: bytes) -> bytes:
    """Clear bits outside HighBit and BitsStored, where overlays used to lie (PS3.5 8.1.2).

    In signed samples the bits above repeat the sign, as most writers have it; a sample that is the padding value stays.
    """
    allocated, stored = elements.number(source, _BITS_ALLOCATED), elements.number(source, _BITS_STORED)
    if allocated not in {8, 16, 32} or not 0 < stored < allocated or len(value) % (allocated // 8):
        return value
    low, used = _used_bits(source, stored)
    samples = np.frombuffer(value, f"<u{allocated // 8}")
    if not int(np.bitwise_or.reduce(samples)) & ~used:
        return value
    cleared = samples & samples.dtype.type(used)
    if elements.number(source, _PIXEL_REPRESENTATION):
        above = samples.dtype.type(((1 << allocated) - 1) & ~((1 << (low + stored)) - 1))
        negative = (samples & samples.dtype.type(1 << (low + stored - 1))) != 0
        cleared = np.where(negative, cleared | above, cleared)
    if _PIXEL_PADDING_VALUE in source:
        cleared = np.where(samples == elements.number(source, _PIXEL_PADDING_VALUE), samples, cleared)
    return bytes(cleared.astype(samples.dtype).data)
