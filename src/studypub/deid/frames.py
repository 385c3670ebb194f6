"""Carries pixel data over as it is: not decoded, cut to its exact length, bits that no sample uses cleared."""

import struct
from collections.abc import Iterator
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
    clean = codestream.cleaner(syntax, plane, planes)
    count = _count(source)
    cleaned = [clean(frame) for frame in generate_frames(found[1], number_of_frames=count)]
    if len(cleaned) != count:
        return None
    value = b"".join(_fragments(cleaned))
    return RawDataElement(BaseTag(PIXEL_DATA), "OB", _UNDEFINED, value, 0, is_implicit_VR=False, is_little_endian=True)


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
    low = max(0, elements.number(source, _HIGH_BIT, stored - 1) + 1 - stored)
    used = ((1 << stored) - 1) << low
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
