"""Finds the value of one element in a file that comes piece by piece, and passes it on without holding it."""

import struct
from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

from studypub.archive.metadata import LONG_VRS

_PREAMBLE: Final = 132  # bytes, with the prefix (PS3.10 7.1)
_HEADER: Final = struct.Struct("<HH2sH")
_LENGTH: Final = struct.Struct("<L")
_UNDEFINED: Final = 0xFFFFFFFF


class Value(NamedTuple):
    """So many bytes, as they come."""

    length: int
    pieces: Iterator[bytes]


class _Reader:
    """What comes, taken in portions of any size. Raises ValueError where it ends too early."""

    def __init__(self, pieces: Iterable[bytes]) -> None:
        self._pieces = iter(pieces)
        self._ahead = b""

    def next(self, length: int) -> Iterator[bytes]:
        """Yield so many bytes."""
        while length:
            self._ahead = self._ahead or next(self._pieces, b"")
            if not self._ahead:
                raise ValueError("cut off")
            piece, self._ahead = self._ahead[:length], self._ahead[length:]
            length -= len(piece)
            yield piece

    def take(self, length: int) -> bytes:
        """Return so many bytes, few enough to be held."""
        return b"".join(self.next(length))

    def skip(self, length: int) -> None:
        """Leave out so many bytes."""
        for _ in self.next(length):
            pass


def value_of(pieces: Iterable[bytes], tag: int) -> Value | None:
    """Return a value of the top level out of a file in Explicit VR Little Endian (PS3.5 7.1.2).

    None where there is none, and for what is no value in one piece: sequences, and compressed pixels. Raises ValueError
    where the file is cut off, also while the value is read.
    """
    reader = _Reader(pieces)
    reader.skip(_PREAMBLE)
    while True:
        try:
            group, number, vr, length = _HEADER.unpack(reader.take(_HEADER.size))
        except ValueError:  # the end
            return None
        if vr in LONG_VRS:
            (length,) = _LENGTH.unpack(reader.take(_LENGTH.size))
        found = group << 16 | number
        if found > tag or length == _UNDEFINED:
            return None
        if found == tag:
            return None if vr == b"SQ" else Value(length, reader.next(length))
        reader.skip(length)
