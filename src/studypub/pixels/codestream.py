"""Reads from a code stream what it says of itself; a header that says otherwise would mislead the decoders."""

import struct
from typing import Final, NamedTuple

from studypub.pixels.form import Form
from studypub.pixels.unreadable import Unreadable

_FRAME_HEADERS: Final = frozenset({0xC0, 0xC1, 0xC2, 0xC3, 0xF7})
LOSSLESS: Final = 0xC3
_NO_LENGTH: Final = frozenset({0x01, *range(0xD0, 0xDA)})


class Told(NamedTuple):
    """What a code stream tells of its samples."""

    precision: int  # bits
    signed: bool
    process: int  # the marker of a JPEG frame, 0 of JPEG 2000
    rgb: bool  # the components are called R, G and B


def jpeg(frame: bytes, form: Form) -> Told:
    """Read the frame header of JPEG or JPEG-LS (T.81 B.2.2, T.87 C.2.2). Raises Unreadable."""
    place = 2
    while (marker := frame[place + 1]) not in _FRAME_HEADERS:
        place += 2 if marker in _NO_LENGTH else 2 + int.from_bytes(frame[place + 2 : place + 4], "big")
    precision, rows, columns, samples = struct.unpack_from(">BHHB", frame, place + 4)
    _agree(form, rows, columns, samples)
    names = frame[place + 10 : place + 10 + 3 * samples : 3]
    return Told(int(precision), signed=False, process=marker, rgb=names == b"RGB")


def jpeg_2000(frame: bytes, form: Form) -> Told:
    """Read the size of image and tile (ITU-T T.800 A.5.1). Raises Unreadable."""
    right, bottom, left, top = struct.unpack_from(">4I", frame, 8)
    (samples,) = struct.unpack_from(">H", frame, 40)
    components = set(struct.iter_unpack("3B", frame[42 : 42 + 3 * samples]))
    _agree(form, bottom - top, right - left, samples)
    depth, across, down = components.pop()
    if components or (across, down) != (1, 1):
        raise Unreadable("components differ")
    return Told((depth & 0x7F) + 1, signed=bool(depth & 0x80), process=0, rgb=False)


def _agree(form: Form, rows: int, columns: int, samples: int) -> None:
    if (rows, columns, samples) != (form.rows, form.columns, form.samples):
        raise Unreadable("the code stream is of another size")
