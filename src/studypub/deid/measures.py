"""Rules for numbers: what parses as numbers of the right size and count passes, unchanged."""

import re
from typing import Final

from pydicom.dataset import Dataset

from studypub.deid import elements
from studypub.deid.field import Context, Field

# Ten digits before the point are more than any measure has, and what telephone and record numbers have.
_DECIMAL: Final = re.compile(rb" *[+-]?(\d{1,10}(\.\d*)?|\.\d+)([eE][+-]?\d{1,3})? *")
_INTEGER: Final = re.compile(rb" *[+-]?\d{1,10} *")
_LONGEST: Final = 32

# Text under a binary VR; real numbers of that length have bytes that are no letters.
_TEXT: Final = re.compile(rb"[ -~]{5,}\0?")

# Palette data -> its descriptor (PS3.3 C.7.6.3.1.5), LUTData -> LUTDescriptor (PS3.3 C.11.1).
_DESCRIPTORS: Final = {
    0x00281201: 0x00281101,
    0x00281202: 0x00281102,
    0x00281203: 0x00281103,
    0x00281204: 0x00281104,
    0x00283006: 0x00283002,
}


def decimals(field: Field, value: bytes, _source: Dataset, _context: Context) -> bytes | None:
    """Pass numbers written as text (DS, IS)."""
    pattern = _INTEGER if field.vr == "IS" else _DECIMAL
    value = value.rstrip(b" \0")
    parts = value.split(b"\\")
    if len(parts) > field.vm:
        return None
    for part in parts:
        if part and not (len(part) <= _LONGEST and pattern.fullmatch(part)):
            return None
    return value


def binary(field: Field, value: bytes, _source: Dataset, _context: Context) -> bytes | None:
    """Pass whole binary numbers, not more than the Standard allows."""
    size = elements.width(field.vr[:2])
    fits = len(value) % size == 0 and len(value) <= size * field.vm
    return value if fits and not _TEXT.fullmatch(value) else None


def table(field: Field, value: bytes, source: Dataset, _context: Context) -> bytes | None:
    """Pass a lookup table, cut to the entries that its descriptor counts."""
    descriptor = _DESCRIPTORS.get(field.tag)
    if descriptor is None:
        return value if len(value) % 2 == 0 and not _TEXT.fullmatch(value) else None
    found = elements.value(source, descriptor, "US")
    if found is None or len(found[1]) != 6:
        return None
    count = int.from_bytes(found[1][:2], "little") or 0x10000
    packed = found[1][4] == 8 and len(value) in {count, count + 1}
    size = count + count % 2 if packed else count * 2
    return value[:size] if len(value) >= size else None
