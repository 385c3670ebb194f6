"""Values too long to be held in memory: received ones stay where they lie, new ones are made part by part."""

from collections.abc import Callable, Iterator
from typing import BinaryIO, Final

# A multiple of every VR's width, so that no number is torn.
BLOCK_BYTES: Final = 1 << 22

Blocks = Callable[[], Iterator[bytes]]
"""Gives a value block by block, each time it is called."""


class Stored:
    """A received value that stays where it lies, and of which only what is asked for is read."""

    def __init__(self, open_: Callable[[], BinaryIO], begin: int, end: int) -> None:
        """`open_` gives, each time anew, the stream in which the value lies between two places."""
        self._open = open_
        self._begin = begin
        self._end = end

    def __len__(self) -> int:
        return self._end - self._begin

    def __getitem__(self, part: slice) -> bytes:
        """Read a part."""
        begin, end, _ = part.indices(len(self))
        with self.stream() as stream:
            stream.seek(begin, 1)
            return stream.read(end - begin)

    def stream(self) -> BinaryIO:
        """Open the stream at the first byte of the value; it does not end where the value does."""
        stream = self._open()
        stream.seek(self._begin)
        return stream


class Made:
    """A new value, made block by block each time that somebody wants to write it."""

    def __init__(self, size: int, blocks: Blocks) -> None:
        self._size = size
        self._blocks = blocks

    def __len__(self) -> int:
        return self._size

    def __iter__(self) -> Iterator[bytes]:
        return self._blocks()
