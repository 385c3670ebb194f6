"""Palette Color Lookup Tables (PS3.3 C.7.6.3.1.5, C.7.6.3.1.6, C.7.9.2)."""

from typing import Final

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.pixels.processing import apply_color_lut

from studypub.deid import elements
from studypub.pixels.form import Form
from studypub.pixels.unreadable import Unreadable, damage
from studypub.pixels.values import all_values

_DESCRIPTORS: Final = (0x00281101, 0x00281102, 0x00281103)
_TABLES: Final = (0x00281201, 0x00281202, 0x00281203)
_SEGMENTED: Final = 0x00281221


def colours(header: Dataset, form: Form) -> NDArray[np.uint8]:
    """Return red, green and blue of every pattern: (patterns, 3). Raises Unreadable."""
    if form.stored > 16:
        raise Unreadable("palette")
    with damage():
        if _SEGMENTED in header:
            return _segmented(header, form)
        return np.stack([_channel(header, form, *tags) for tags in zip(_DESCRIPTORS, _TABLES, strict=True)], axis=1)


def _channel(header: Dataset, form: Form, descriptor: int, table: int) -> NDArray[np.uint8]:
    entries, first = _descriptor(header, form, descriptor)
    found = elements.value(header, table, "OW")
    if found is None:
        raise Unreadable("palette")
    wide = len(found[1]) >= 2 * entries
    levels = np.frombuffer(found[1], "<u2" if wide else "u1", count=entries)
    places = np.clip(all_values(form) - first, 0, entries - 1)
    # Tables of 16 bits that hold levels of 8 are a known fault of writers.
    return (levels >> 8 if wide and levels.max() > 255 else levels).astype(np.uint8)[places]


def _segmented(header: Dataset, form: Form) -> NDArray[np.uint8]:
    entries, first = _descriptor(header, form, _DESCRIPTORS[0])
    found = apply_color_lut(np.clip(all_values(form), first, first + entries - 1), header)
    return (found >> 8 if found.dtype.itemsize == 2 else found).astype(np.uint8)[:, :3]


def _descriptor(header: Dataset, form: Form, tag: int) -> tuple[int, int]:
    """Return the number of entries (0 means 65536) and the value of the first."""
    found = elements.value(header, tag, "US or SS")
    entries, first = np.frombuffer(found[1][:4], "<u2").tolist() if found else (0, 0)
    return entries or 1 << 16, first - (1 << 16) if form.signed and first > 0x7FFF else first
