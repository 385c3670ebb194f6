"""Writes a publication's companion: named parts, each in one piece, so that one ranged read brings any of them."""

import struct
import zlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Final, NamedTuple, Self

import msgspec

from studypub.archive.whole_file import Digest, WholeFile, disk_errors

# Parts, table, trailer; the trailer tells how long the table is, and the end of a file is easily found.
_MAGIC: Final = b"SPVIEW01"
_TRAILER: Final = struct.Struct("<Q8s")


class Place(NamedTuple):
    """Where a part lies, in bytes of the companion."""

    offset: int
    length: int


Table = Mapping[str, Place]


class Damaged(ValueError):
    """What was read is not the end of a companion."""


class CompanionFile:
    """A companion in the making, for one thread; leaving the `with` block before `close` leaves no file."""

    def __init__(self, path: Path) -> None:
        """Raise DiskFull."""
        self.path = path
        with disk_errors():
            self._file = WholeFile(path)
        self._places: dict[str, Place] = {}

    def reserve(self, size: int) -> None:
        """Take so many bytes of the disk for the parts that come next. Raises DiskFull; nothing has changed then."""
        with disk_errors():
            self._file.reserve(size)

    def add(self, name: str, content: bytes) -> None:
        """Add a part. Raises ValueError where there is one of that name, DiskFull."""
        self.add_pieces(name, [content])

    def add_pieces(self, name: str, pieces: Iterable[bytes]) -> None:
        """Add a part that comes piece by piece. Raises as `add` does."""
        if name in self._places:
            raise ValueError("a part of that name is there")
        with disk_errors():
            begin = self._file.stream.tell()
            self._file.stream.writelines(pieces)
            self._places[name] = Place(begin, self._file.stream.tell() - begin)

    def close(self) -> Digest:
        """Write the table; return what the file is known by. Raises DiskFull."""
        table = zlib.compress(msgspec.json.encode(self._places))
        with disk_errors():
            self._file.stream.write(table + _TRAILER.pack(len(table), _MAGIC))
            return self._file.commit()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.discard()


def table_length(tail: bytes) -> int:
    """Return how many bytes at the end of a companion are its table and trailer. Raises Damaged."""
    if len(tail) < _TRAILER.size:
        raise Damaged("cut off")
    length, magic = _TRAILER.unpack_from(tail, len(tail) - _TRAILER.size)
    if magic != _MAGIC:
        raise Damaged("no companion")
    return int(length) + _TRAILER.size


def table_of(end: bytes) -> Table:
    """Return the table out of the end of a companion, which begins with it at the latest. Raises Damaged."""
    length = table_length(end)
    try:
        return msgspec.json.decode(
            zlib.decompress(end[len(end) - length : len(end) - _TRAILER.size]), type=dict[str, Place]
        )
    except (zlib.error, msgspec.MsgspecError) as error:
        raise Damaged("not a table") from error
