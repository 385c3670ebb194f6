"""Takes out of compressed frames what is no image: comments, application segments, bytes behind the end.

The coded samples stay as they are. Each function takes one frame and returns it clean, or raises ValueError where it
is not what its transfer syntax says.
"""

import re
import struct
from collections.abc import Callable, Iterator, Sequence
from itertools import accumulate
from typing import Final

RLE: Final = "1.2.840.10008.1.2.5"
_SAME: Final = bytes(range(256))

_END: Final = b"\xff\xd9"
_SCAN: Final = 0xDA
# Segments that decoding needs: frame headers, tables, restart intervals, scans, presets of JPEG-LS.
_NEEDED: Final = frozenset({*range(0xC0, 0xD0), *range(0xDA, 0xE0), 0xF7, 0xF8})
# Inside a scan, what follows FF and is neither stuffing, a restart nor a bit-stuffed byte of JPEG-LS (T.81 B.1.1.2).
_MARKER: Final = re.compile(rb"\xff[\xc0-\xcf\xd8-\xfe]")

# Without these two a decoder may take the colours for others: JFIF (rewritten) and Adobe's colour transform.
_JFIF: Final = b"\xff\xe0\0\x10JFIF\0\1\2\0\0\1\0\1\0\0"
_ADOBE: Final = re.compile(rb"Adobe\0\x64....[\0-\2]", re.DOTALL)
# HP's colour transform of JPEG-LS.
_TRANSFORM: Final = re.compile(rb"mrfx[\0-\5]")

_SIGNATURE_BOX: Final = b"\0\0\0\x0cjP  "
_CODESTREAM_START: Final = b"\xff\x4f\xff\x51"
_J2K_COMMENT: Final = b"\xff\x64"
_TILE_PART: Final = 0xFF90
_DATA: Final = 0xFF93
# Marker segments that decoding needs (T.800 A, T.801 A, T.814 A); the others are comments and what nobody knows.
_J2K_NEEDED: Final = frozenset(
    {0xFF00 | marker for marker in (*range(0x50, 0x56), *range(0x57, 0x5A), *range(0x5C, 0x64), 0x74, 0x75, 0x77, 0x79)}
)


def jpeg(frame: bytes) -> bytes:
    """Clean a frame of JPEG or JPEG-LS (ITU-T T.81, T.87)."""
    return b"".join(_jpeg_segments(frame))


def _jpeg_segments(frame: bytes) -> Iterator[bytes]:
    if frame[:2] != b"\xff\xd8":
        raise ValueError("no start of image")
    yield frame[:2]
    place = 2
    while frame[place : place + 2] != _END:
        place = _skip_fill(frame, place)
        marker = frame[place + 1]
        end = place + 2 + int.from_bytes(frame[place + 2 : place + 4])
        if end > len(frame) or end < place + 4:
            raise ValueError("a segment ends behind the frame")
        yield _jpeg_segment(marker, frame[place:end])
        place = end
        if marker == _SCAN:
            found = _MARKER.search(frame, end)
            place = found.start() if found else len(frame)
            yield frame[end:place]
            if found is None:  # the end marker is missing; decoders take what is there
                break
    yield _END


def _skip_fill(frame: bytes, place: int) -> int:
    """Return the place of the last FF before a marker (T.81 B.1.1.2 allows any number)."""
    if frame[place : place + 1] != b"\xff":
        raise ValueError("no marker where one must be")
    while frame[place + 1] == 0xFF:
        place += 1
    return place


def _jpeg_segment(marker: int, segment: bytes) -> bytes:
    if marker in _NEEDED:
        return segment
    content = segment[4:]
    if marker == 0xE0 and content.startswith(b"JFIF\0"):
        return _JFIF
    known = {0xEE: _ADOBE, 0xE8: _TRANSFORM}.get(marker)
    return segment if known is not None and known.fullmatch(content) else b""


def jpeg_2000(frame: bytes) -> bytes:
    """Clean a frame of JPEG 2000 or High-Throughput JPEG 2000 (ITU-T T.800 A); boxes around it go as well."""
    if frame.startswith(_SIGNATURE_BOX):
        frame = frame[frame.index(_CODESTREAM_START) :]
    if not frame.startswith(_CODESTREAM_START):
        raise ValueError("no code stream")
    pieces = [frame[:2]]
    place = 2
    while _marker(frame, place) != _TILE_PART:
        end = _segment_end(frame, place)
        if _marker(frame, place) in _J2K_NEEDED:
            pieces.append(frame[place:end])
        place = end
    while frame[place : place + 2] != _END and place < len(frame):
        end = _tile_part_end(frame, place)
        pieces.append(_without_tile_comments(frame[place:end]))
        place = end
    return b"".join([*pieces, _END])


def _tile_part_end(frame: bytes, place: int) -> int:
    if _marker(frame, place) != _TILE_PART:
        raise ValueError("no tile-part where one must be")
    (length,) = struct.unpack_from(">I", frame, place + 6)
    if length:
        return min(place + int(length), len(frame))
    last = frame.rfind(_END, place)
    return last if last >= 0 else len(frame)


def _without_tile_comments(part: bytes) -> bytes:
    """Blank the comments of a tile-part; its length is told elsewhere and must stay."""
    blanked = bytearray(part)
    place = 12
    while place < len(part) - 1 and _marker(part, place) != _DATA:
        end = _segment_end(part, place)
        if _marker(part, place) not in _J2K_NEEDED:
            blanked[place : place + 2] = _J2K_COMMENT
            blanked[place + 4 : end] = bytes(end - place - 4)
        place = end
    return bytes(blanked)


def _marker(frame: bytes, place: int) -> int:
    (marker,) = struct.unpack_from(">H", frame, place)
    return int(marker)


def _segment_end(frame: bytes, place: int) -> int:
    (length,) = struct.unpack_from(">H", frame, place + 2)
    end = place + 2 + int(length)
    if frame[place] != 0xFF or length < 2 or end > len(frame):
        raise ValueError("a segment ends behind the frame")
    return end


def rle(frame: bytes, plane: int, planes: int, clear: Sequence[bytes] = ()) -> bytes:
    """Clean a frame of RLE (PS3.5 G) of as many segments of `plane` bytes each: no gaps, nothing behind the last.

    `clear`: for each byte of a sample, the highest first, what is written for each of its 256 values.
    """
    count, *offsets = struct.unpack_from("<16I", frame)
    if count < planes:
        raise ValueError("too few RLE segments")
    starts = offsets[:count]
    ends = [*starts[1:], len(frame)]
    segments = [_packed(frame[start:end], plane) for start, end in zip(starts[:planes], ends, strict=False)]
    if clear:
        segments = [_translated(segment, clear[number % len(clear)]) for number, segment in enumerate(segments)]
    places = list(accumulate((len(segment) for segment in segments[:-1]), initial=64))
    header = struct.pack("<16I", planes, *places, *[0] * (15 - planes))
    return b"".join([header, *segments])


def _packed(segment: bytes, size: int) -> bytes:
    """Return the segment up to the byte at which it has told `size` bytes, padded to even length."""
    place = told = last = 0
    while told < size and place < len(segment):
        last = place
        control = segment[place]
        if control < 128:
            told += control + 1
            place += control + 2
        elif control > 128:
            told += 257 - control
            place += 2
        else:
            place += 1
    if told < size or place > len(segment):
        raise ValueError("an RLE segment ends too early")
    kept = _shortened(segment[last:place], told - size)
    return segment[:last] + kept + b"\0" * ((last + len(kept)) % 2)


def _translated(segment: bytes, table: bytes) -> bytes:
    """Return a packed segment that tells other bytes."""
    if table == _SAME:
        return segment
    pieces = []
    place = 0
    while place < len(segment):
        control = segment[place]
        end = place + (control + 2 if control < 128 else 2 if control > 128 else 1)
        pieces.append(segment[place : place + 1] + segment[place + 1 : end].translate(table))
        place = end
    return b"".join(pieces)


def _shortened(run: bytes, excess: int) -> bytes:
    """Return a run that tells so many bytes less."""
    if run[0] < 128:
        return bytes([run[0] - excess]) + run[1 : len(run) - excess]
    return bytes([run[0] + excess]) + run[1:]


def cleaner(syntax: str, plane: int, planes: int, clear: Sequence[bytes] = ()) -> Callable[[bytes], bytes]:
    """Return the function for a transfer syntax and frames of so many planes of so many bytes (`clear`: see `rle`)."""
    if syntax == RLE:
        return lambda frame: rle(frame, plane, planes, clear)
    number = int(syntax.rpartition(".")[2])
    return jpeg if number < 90 else jpeg_2000
