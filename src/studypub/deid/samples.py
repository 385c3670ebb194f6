"""Clears bits of samples outside HighBit and BitsStored, where overlays used to lie (PS3.5 8.1.2).

In signed samples the bits above repeat the sign, as most writers have it; a sample that is the padding value stays.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Final

import numpy as np
from pydicom.dataset import Dataset

from studypub.deid import elements
from studypub.deid.stored import Blocks

_BITS_ALLOCATED: Final = 0x00280100
_BITS_STORED: Final = 0x00280101
_HIGH_BIT: Final = 0x00280102
_PIXEL_REPRESENTATION: Final = 0x00280103
_PIXEL_PADDING_VALUE: Final = 0x00280120


def clearing(source: Dataset, size: int, samples: Blocks) -> Callable[[bytes], bytes]:
    """Return what to do with each block of these samples, `size` bytes in all."""
    allocated, stored = elements.number(source, _BITS_ALLOCATED), elements.number(source, _BITS_STORED)
    if allocated not in {8, 16, 32} or not 0 < stored < allocated or size % (allocated // 8):
        return bytes
    kind = np.dtype(f"<u{allocated // 8}")
    low, used = _used_bits(source, stored)
    if not any(int(np.bitwise_or.reduce(np.frombuffer(block, kind))) & ~used for block in samples()):
        return bytes
    sign = above = 0
    if elements.number(source, _PIXEL_REPRESENTATION):
        sign, above = 1 << (low + stored - 1), ((1 << allocated) - 1) & ~((1 << (low + stored)) - 1)
    padding = elements.number(source, _PIXEL_PADDING_VALUE) if _PIXEL_PADDING_VALUE in source else None
    return partial(_cleared, kind, [kind.type(bits) for bits in (used, sign, above)], padding)


def _cleared(kind: "np.dtype[Any]", bits: Sequence[Any], padding: int | None, block: bytes) -> bytes:
    used, sign, above = bits
    samples = np.frombuffer(block, kind)
    cleared = samples & used
    if sign:
        cleared = np.where((samples & sign) != 0, cleared | above, cleared)
    if padding is not None:
        cleared = np.where(samples == padding, samples, cleared)
    return bytes(cleared.astype(kind).data)


def tables(source: Dataset) -> list[bytes]:
    """Return what to write for each value of each byte of a sample, the highest first."""
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
