"""RLE (PS3.5 G): a segment for each byte of each sample, the most significant first."""

import struct
from itertools import accumulate, pairwise

import numpy as np

from studypub.pixels.form import Form
from studypub.pixels.native import Stored
from studypub.pixels.unreadable import Unreadable


def decode(frame: bytes, form: Form) -> Stored:
    """Return a frame as (rows, columns, samples). Raises Unreadable."""
    width = form.allocated // 8
    count, *offsets = struct.unpack_from("<16I", frame)
    if not width or count != width * form.samples:
        raise Unreadable("segments")
    starts = [*offsets[:count], len(frame)]
    size = form.rows * form.columns
    planes = [_unpacked(frame[start:end], size) for start, end in pairwise(starts)]
    cells = np.frombuffer(b"".join(planes), np.uint8).reshape(form.samples, width, form.rows, form.columns)
    pixels = cells[:, ::-1].transpose(2, 3, 0, 1)
    return np.array(pixels, order="C").view(f"<u{width}").reshape(form.rows, form.columns, form.samples)


def _unpacked(segment: bytes, size: int) -> bytes:
    found = bytearray()
    place = 0
    while len(found) < size:
        control = segment[place]
        if control < 128:
            found += segment[place + 1 : place + 2 + control]
            place += control + 2
        elif control > 128:
            found += segment[place + 1 : place + 2] * (257 - control)
            place += 2
        else:
            place += 1
    if len(found) != size:
        raise Unreadable("a run ends behind the frame")
    return bytes(found)


def encode(samples: Stored) -> bytes:
    """Return a frame of (rows, columns, samples); no run crosses a row (PS3.5 G.3.1)."""
    rows, columns, count = samples.shape
    cells = np.ascontiguousarray(samples).view(np.uint8).reshape(rows, columns, count, -1)
    planes = cells[:, :, :, ::-1].transpose(2, 3, 0, 1).reshape(-1, rows, columns)
    segments = [b"".join(map(_packed, plane)) for plane in planes]
    padded = [segment + b"\0" * (len(segment) % 2) for segment in segments]
    places = list(accumulate((len(segment) for segment in padded[:-1]), initial=64))
    header = struct.pack("<16I", len(padded), *places, *[0] * (15 - len(padded)))
    return b"".join([header, *padded])


def _packed(row: Stored) -> bytes:
    """Tell a row in runs of equal bytes, at least three of them, and in what lies between (PS3.5 G.3.1)."""
    content = row.tobytes()
    changes = np.flatnonzero(row[1:] != row[:-1]) + 1
    starts = np.concatenate(([0], changes))
    lengths = np.diff(starts, append=len(row))
    found = bytearray()
    done = 0
    for start, length in zip(*(part[lengths > 2].tolist() for part in (starts, lengths)), strict=True):
        _literal(found, content[done:start])
        _replicate(found, content[start : start + 1], length)
        done = start + length
    _literal(found, content[done:])
    return bytes(found)


def _literal(found: bytearray, content: bytes) -> None:
    for place in range(0, len(content), 128):
        part = content[place : place + 128]
        found.append(len(part) - 1)
        found += part


def _replicate(found: bytearray, value: bytes, length: int) -> None:
    for _ in range(length // 128):
        found += b"\x81" + value
    if rest := length % 128:
        found.append((257 - rest) % 256)
        found += value
