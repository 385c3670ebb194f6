"""Rules for numbers: what parses as numbers of the right size and count passes, unchanged."""

import re
import struct
from typing import Final

import numpy as np
from pydicom.dataset import Dataset

from studypub.deid import elements, letters
from studypub.deid.field import Context, Field

# Ten digits before the point are what telephone and record numbers have; of measures, only round ones (doses in Bq).
_DECIMAL: Final = re.compile(rb" *[+-]?((\d{1,9}|\d{7}000)(\.\d*)?|\.\d+)([eE][+-]?\d{1,3})? *")
# 32 bits (PS3.5 6.2), and so no telephone number without its country.
_INTEGER: Final = re.compile(rb" *[+-]?(\d{1,9}|1\d{9}|2[01]\d{8}) *")
_LONGEST: Final = 32
_DATE: Final = re.compile(rb" *(19|20)\d\d(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01]) *")

# Palette data -> its descriptor (PS3.3 C.7.6.3.1.5), LUTData -> LUTDescriptor (PS3.3 C.11.1).
_DESCRIPTORS: Final = {
    0x00281201: 0x00281101,
    0x00281202: 0x00281102,
    0x00281203: 0x00281103,
    0x00281204: 0x00281104,
    0x00281221: 0x00281101,
    0x00281222: 0x00281102,
    0x00281223: 0x00281103,
    0x00281408: 0x00281407,
    0x00283006: 0x00283002,
}
# What no dummy can stand for: tables, and what describes them.
LOOKUP_TABLES: Final = frozenset({*_DESCRIPTORS, *_DESCRIPTORS.values()})
_SEGMENTED: Final = frozenset({0x00281221, 0x00281222, 0x00281223})
_DISCRETE: Final = 0
_INDIRECT: Final = 2

_LEAST: Final = 1e-6
_GREATEST: Final = 1e7


def decimals(field: Field, value: bytes, _source: Dataset, _context: Context) -> bytes | None:
    """Pass numbers written as text (DS, IS)."""
    pattern = _INTEGER if field.vr == "IS" else _DECIMAL
    value = value.rstrip(b" \0")
    parts = value.split(b"\\")
    if len(parts) > field.vm:
        return None
    for part in parts:
        if part and (len(part) > _LONGEST or not pattern.fullmatch(part) or _DATE.fullmatch(part)):
            return None
    return value


def binary(field: Field, value: bytes, _source: Dataset, _context: Context) -> bytes | None:
    """Pass whole binary numbers, not more than the Standard allows."""
    vr = field.vr[:2]
    size = elements.width(vr)
    fits = len(value) % size == 0 and len(value) <= size * field.vm
    return value if fits and not letters.is_text(value, vr) else None


def table(field: Field, value: bytes, source: Dataset, _context: Context) -> bytes | None:
    """Pass a lookup table, cut to the entries that its descriptor counts."""
    found = elements.value(source, _DESCRIPTORS.get(field.tag, 0), "US")
    if found is None or len(found[1]) != 6:
        return None
    count, _, bits = struct.unpack("<3H", found[1])
    count = count or 0x10000
    if field.tag in _SEGMENTED:
        return value if _told(value, "B" if bits == 8 else "H") == count else None
    packed = bits == 8 and len(value) in {count, count + 1}
    size = count + count % 2 if packed else count * 2
    return value[:size] if len(value) >= size else None


def floats(_field: Field, value: bytes, _source: Dataset, _context: Context) -> bytes | None:
    """Pass an array of floats in the order of magnitude of measures; text read as floats is far outside."""
    if len(value) % 4 or not value:
        return None
    sizes = np.abs(np.frombuffer(value, "<f4"))
    usual = (sizes == 0) | ((sizes > _LEAST) & (sizes < _GREATEST))
    return value if usual.all() else None


def _told(value: bytes, unit: str) -> int:
    """Return how many entries the segments of a palette tell (PS3.3 C.7.9.2); -1 if they are no segments."""
    words = [word for (word,) in struct.iter_unpack(f"<{unit}", value)]
    lengths: list[int] = []
    place = 0
    while place + 2 < len(words) and words[place] <= _INDIRECT:
        operation, length = words[place : place + 2]
        if operation == _INDIRECT:
            lengths += lengths[-length:] if 0 < length <= len(lengths) else [-1]
            place += 4
        else:
            lengths.append(length)
            place += 2 + (length if operation == _DISCRETE else 1)
    whole = place == len(words) or (unit == "B" and place == len(words) - 1 and words[-1] == 0)
    return sum(lengths) if whole and -1 not in lengths else -1
