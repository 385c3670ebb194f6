"""Writes encapsulated pixel data frame by frame (PS3.5 A.4)."""

import os
import struct
from typing import BinaryIO, Final

_ITEM: Final = b"\xfe\xff\0\xe0"
_END: Final = b"\xfe\xff\xdd\xe0\0\0\0\0"


class Fragments:
    """A fragment for each frame, and before them the Basic Offset Table, which is filled in at the end."""

    def __init__(self, target: BinaryIO, count: int) -> None:
        self._target = target
        self._count = count
        self._places: list[int] = []
        self._begin = 0
        self._with_offsets = False

    def begin(self, frame_size: int) -> None:
        """Leave room for the offsets; none, if 32 bits may not reach the last of frames of so many bytes."""
        self._with_offsets = self._count * (2 * frame_size + 1024) < 1 << 32
        self._target.write(_item(bytes(4 * self._count if self._with_offsets else 0)))
        self._begin = self._target.tell()

    def add(self, frame: bytes) -> None:
        """Write a frame, padded to even length."""
        self._places.append(self._target.tell() - self._begin)
        self._target.write(_item(frame + bytes(len(frame) % 2)))

    def end(self) -> None:
        """Write what ends the sequence, and the offsets."""
        self._target.write(_END)
        if self._with_offsets:
            self._target.seek(self._begin - 4 * self._count)
            self._target.write(struct.pack(f"<{self._count}I", *self._places))
            self._target.seek(0, os.SEEK_END)


def _item(content: bytes) -> bytes:
    return _ITEM + struct.pack("<I", len(content)) + content
