"""Writes an ICC profile anew from the colour data of the one received: its texts, maker and dates are left behind."""

import re
import struct
from typing import Final

from pydicom.dataset import Dataset

from studypub.deid.field import Context, Field

_HEADER: Final = 128
_SIGNATURE: Final = b"acsp"
# Primaries, white point, curves, tables and adaptation (ICC.1 9.2); all that a colour needs.
_COLOUR: Final = frozenset(
    b"rXYZ gXYZ bXYZ wtpt bkpt rTRC gTRC bTRC kTRC chad A2B0 A2B1 A2B2 B2A0 B2A1 B2A2 gamt".split()
)
# Tables whose parts lie at places of their own choice: nobody counts their bytes, so they may hold no text.
_LOOSE: Final = frozenset({b"mAB ", b"mBA "})
_TEXT: Final = re.compile(rb"[ -~]{16}")
# Classes of devices, colour spaces and connection spaces (ICC.1 7.2.5, 7.2.6).
_CLASSES: Final = frozenset(b"scnr mntr prtr spac".split())
_SPACES: Final = frozenset((b"XYZ ", b"Lab ", b"Luv ", b"YCbr", b"Yxy ", b"RGB ", b"GRAY", b"HSV ", b"HLS ", b"CMY "))
_PARAMETERS: Final = (1, 3, 4, 5, 7)
_INTENTS: Final = tuple(struct.pack(">I", intent) for intent in range(4))
_NAME: Final = b"Colour profile"

# sRGB (IEC 61966-2-1) adapted to D50, as s15Fixed16 numbers, with the gamma that stands for its curve.
_SRGB: Final = {
    b"wtpt": (0.9642, 1.0, 0.8249),
    b"rXYZ": (0.43607, 0.22249, 0.01392),
    b"gXYZ": (0.38515, 0.71687, 0.09708),
    b"bXYZ": (0.14307, 0.06061, 0.71410),
}
_GAMMA: Final = b"curv" + struct.pack(">IIH", 0, 1, 0x0233)


def rebuilt(_field: Field, value: bytes, _source: Dataset, _context: Context) -> bytes | None:
    """Return the profile with its colour data only; None if there is none to be read."""
    if len(value) < _HEADER + 4 or value[36:40] != _SIGNATURE:
        return None
    (count,) = struct.unpack_from(">I", value, _HEADER)
    if count > 100 or len(value) < _HEADER + 4 + 12 * count:
        return None
    entries = [struct.unpack_from(">4sII", value, _HEADER + 4 + 12 * index) for index in range(count)]
    elements = {name: _exact(value[start : start + size]) for name, start, size in entries if name in _COLOUR}
    found = {name: element for name, element in elements.items() if element}
    spaces = {value[16:20], value[20:24]}
    if not found or value[12:16] not in _CLASSES or not spaces <= _SPACES:
        return None
    return _profile(value[8], value[12:24], value[64:68] if value[64:68] in _INTENTS else _INTENTS[0], found)


def srgb() -> bytes:
    """Return a profile of sRGB."""
    points = {
        name: b"XYZ " + bytes(4) + b"".join(struct.pack(">i", round(number * 65536)) for number in numbers)
        for name, numbers in _SRGB.items()
    }
    return _profile(2, b"mntrRGB XYZ ", bytes(4), points | dict.fromkeys((b"rTRC", b"gTRC", b"bTRC"), _GAMMA))


def _exact(element: bytes) -> bytes:
    """Return an element cut to the bytes that its own counts tell; nothing for a type that no colour has."""
    kind = element[:4]
    if kind in _LOOSE:
        return b"" if _TEXT.search(element) else element
    if kind in {b"mft1", b"mft2"} and len(element) >= 52:
        size = _size_of_table(element)
    elif kind == b"curv" and len(element) >= 12:
        (count,) = struct.unpack_from(">I", element, 8)
        size = 12 + 2 * int(count)
    elif kind == b"para" and len(element) >= 12 and element[9] < len(_PARAMETERS):
        size = 12 + 4 * _PARAMETERS[element[9]]
    else:
        size = {b"XYZ ": 20, b"sf32": 44}.get(kind, 0)
    return element[:size] if size <= len(element) else b""


def _size_of_table(element: bytes) -> int:
    """Return the bytes of a table: curves for each input, a grid of outputs, curves for each output (ICC.1 10.10)."""
    inputs, outputs, points = element[8:11]
    grid = outputs * int(points**inputs)
    if element.startswith(b"mft1"):
        return 48 + 256 * inputs + grid + 256 * outputs
    before, after = struct.unpack_from(">HH", element, 48)
    return 52 + 2 * (int(before) * inputs + grid + int(after) * outputs)


def _profile(version: int, colour_space: bytes, intent: bytes, found: dict[bytes, bytes]) -> bytes:
    """Return a whole profile: header (ICC.1 7.2), table and elements, each at a multiple of four."""
    elements = {b"desc": _text(version, b"desc"), b"cprt": _text(version, b"text"), **found}
    table, body = b"", b""
    for name, element in elements.items():
        place = _HEADER + 4 + 12 * len(elements) + len(body)
        table += struct.pack(">4sII", name, place, len(element))
        body += element + bytes(-len(element) % 4)
    content = struct.pack(">I", len(elements)) + table + body
    head = struct.pack(">I4sB3x12s", _HEADER + len(content), b"\0" * 4, version, colour_space)
    created = struct.pack(">6H", 2000, 1, 1, 0, 0, 0)
    white = struct.pack(">3i", *(round(number * 65536) for number in _SRGB[b"wtpt"]))
    header = (head + created + _SIGNATURE).ljust(64, b"\0") + intent + white
    return header.ljust(_HEADER, b"\0") + content


def _text(version: int, kind: bytes) -> bytes:
    if version >= 4:
        wide = _NAME.decode().encode("utf-16-be")
        return b"mluc" + struct.pack(">III2s2sII", 0, 1, 12, b"en", b"US", len(wide), 28) + wide
    if kind == b"text":
        return b"text" + bytes(4) + _NAME + b"\0"
    return b"desc" + bytes(4) + struct.pack(">I", len(_NAME) + 1) + _NAME + b"\0" + bytes(78)
