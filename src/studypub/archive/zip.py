"""Writes a ZIP: members in, bytes out; nothing in it but names that we made, sizes and contents."""

import re
import struct
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import IO, Final

from isal import isal_zlib

_NAME: Final = re.compile(r"[A-Za-z0-9_]+(\.[A-Za-z0-9_]+)*(/[A-Za-z0-9_]+(\.[A-Za-z0-9_]+)*)*", re.ASCII)
_BLOCK_BYTES: Final = 1 << 20
# Deflate (RFC 1951) without a header. Level 1: a tenth larger than zlib's best, and twenty times as fast.
_RAW: Final = -isal_zlib.MAX_WBITS
_LEVEL: Final = 1
_STORED, _DEFLATED = 0, 8
_PACKERS: Final = 2
_MOST_PACKING: Final = 4

# APPNOTE.TXT 4.3.7, 4.3.12, 4.3.14, 4.3.15, 4.3.16, 4.5.3
_LOCAL: Final = struct.Struct("<4s5H3L2H")
_CENTRAL: Final = struct.Struct("<4s6H3L5H2L")
_END: Final = struct.Struct("<4s4H2LH")
_END_64: Final = struct.Struct("<4sQ2H2L4Q")
_LOCATOR_64: Final = struct.Struct("<4sLQL")
_EXTRA_64: Final = struct.Struct("<2H2Q")
_EXTRA_64_ID: Final = 1
_MOST_32: Final = 0xFFFFFFFF
_MOST_16: Final = 0xFFFF
# A compressed member may grow a little.
_ZIP64_FROM_BYTES: Final = 4_000_000_000
# The first of January 1980, the least that a ZIP can say; a plain file of nobody's.
_DATE: Final = 0x21
_UNIX: Final = 3 << 8
_PLAIN_FILE: Final = 0o600 << 16


@dataclass(slots=True)
class Member:
    """What stands in the archive; where, and what its sizes are, is known when the archive is closed.

    `marks`: where in the packed content begins what inflates without what is before it, for each place that was cut.
    """

    name: bytes
    method: int
    place: int = 0
    is_large: bool = False
    crc: int = 0
    packed: int = 0
    size: int = 0
    marks: list[int] = field(default_factory=list)

    @property
    def content(self) -> int:
        """Where the packed content begins in the archive."""
        return self.place + len(self.local())

    @property
    def is_deflated(self) -> bool:
        """Whether it is compressed (RFC 1951)."""
        return self.method == _DEFLATED

    @property
    def version(self) -> int:
        """The version needed to extract, times ten (APPNOTE.TXT 4.4.3)."""
        return 45 if self.is_large or self.place > _MOST_32 else 20

    @property
    def sizes(self) -> tuple[int, int]:
        """The sizes that fit into 32 bits."""
        return (_MOST_32, _MOST_32) if self.is_large else (self.packed, self.size)

    def local(self) -> bytes:
        """Return the header that stands before the content."""
        extra = _EXTRA_64.pack(_EXTRA_64_ID, 16, self.size, self.packed) if self.is_large else b""
        fields = self.version, 0, self.method, 0, _DATE, self.crc, *self.sizes, len(self.name), len(extra)
        return _LOCAL.pack(b"PK\3\4", *fields) + self.name + extra

    def central(self) -> bytes:
        """Return the entry of the central directory."""
        far = self.place > _MOST_32
        numbers = ([self.size, self.packed] if self.is_large else []) + ([self.place] if far else [])
        extra = struct.pack(f"<2H{len(numbers)}Q", _EXTRA_64_ID, 8 * len(numbers), *numbers) if numbers else b""
        fields = self.version, 0, self.method, 0, _DATE, self.crc, *self.sizes, len(self.name), len(extra), 0, 0, 0
        place = _MOST_32 if far else self.place
        return _CENTRAL.pack(b"PK\1\2", _UNIX | self.version, *fields, _PLAIN_FILE, place) + self.name + extra


class ZipArchive:
    """A ZIP in the making: ZIP64 where needed, no comments, no times, no extra fields besides those of ZIP64.

    Members are compressed by threads while the next ones are made, and written in their order.
    """

    def __init__(self, stream: IO[bytes], settled: Callable[[], None] = lambda: None) -> None:
        """Write to a stream that can seek; it stays the caller's, who closes it.

        `settled` is called when all that was written so far is final.
        """
        self._stream = stream
        self._settled = settled
        self._members: list[Member] = []
        self._packing: deque[tuple[Member, Future[list[bytes | memoryview]]]] = deque()
        self._packers = ThreadPoolExecutor(_PACKERS, "archive")

    def add(self, name: str, data: bytes | Path, *, compress: bool, cuts: Sequence[int] = ()) -> Member:
        """Add a member, given as its bytes or as the file that holds them, which is not needed afterwards.

        `cuts`: places in it, in order, from which on it is inflated without what is before.
        Raises ValueError for a name that is not plain ASCII parts joined by `/`.
        """
        if not _NAME.fullmatch(name):
            raise ValueError("not a name for a member")
        member = Member(name.encode(), _DEFLATED if compress else _STORED)
        self._members.append(member)
        if isinstance(data, bytes):
            self._packing.append((member, self._packers.submit(_packed_whole, member, data, cuts)))
            self._write_packed(_MOST_PACKING)
        else:
            self._write_packed(0)
            self._write_file(member, data, cuts)
        return member

    def close(self) -> None:
        """Write what is left and the central directory."""
        self._write_packed(0)
        self._packers.shutdown()
        begin, count = self._stream.tell(), len(self._members)
        for member in self._members:
            self._stream.write(member.central())
        end = self._stream.tell()
        if count >= _MOST_16 or end > _MOST_32:
            counts = 0, 0, count, count, end - begin, begin
            self._stream.write(_END_64.pack(b"PK\6\6", _END_64.size - 12, _UNIX | 45, 45, *counts))
            self._stream.write(_LOCATOR_64.pack(b"PK\6\7", 0, end, 1))
        shown = min(count, _MOST_16)
        least = min(end - begin, _MOST_32), min(begin, _MOST_32)
        self._stream.write(_END.pack(b"PK\5\6", 0, 0, shown, shown, *least, 0))

    def discard(self) -> None:
        """End the threads, whatever becomes of the stream."""
        self._packers.shutdown(cancel_futures=True)

    def _write_packed(self, most_left: int) -> None:
        """Write members until no more than so many are being compressed."""
        while len(self._packing) > most_left:
            member, packing = self._packing.popleft()
            content = packing.result()
            member.place = self._stream.tell()
            self._stream.write(member.local())
            self._stream.writelines(content)
            self._settled()

    def _write_file(self, member: Member, path: Path, cuts: Sequence[int]) -> None:
        """Write a member that is not held in memory; its header is mended when its size is known."""
        member.place = self._stream.tell()
        member.is_large = path.stat().st_size > _ZIP64_FROM_BYTES
        self._stream.write(member.local())
        with path.open("rb") as source:
            self._stream.writelines(_packed(member, iter(partial(source.read, _BLOCK_BYTES), b""), cuts))
        end = self._stream.tell()
        self._stream.seek(member.place)
        self._stream.write(member.local())
        self._stream.seek(end)
        self._settled()


def _packed_whole(member: Member, data: bytes, cuts: Sequence[int]) -> list[bytes | memoryview]:
    member.is_large = len(data) > _ZIP64_FROM_BYTES
    view = memoryview(data)
    blocks = (view[place : place + _BLOCK_BYTES] for place in range(0, len(data), _BLOCK_BYTES))
    return list(_packed(member, blocks, cuts))


def _packed(
    member: Member, blocks: Iterator[bytes | memoryview], cuts: Sequence[int] = ()
) -> Iterator[bytes | memoryview]:
    """Yield what is written of a member, and note in it what its headers say."""
    deflate = isal_zlib.compressobj(_LEVEL, isal_zlib.DEFLATED, _RAW) if member.method == _DEFLATED else None
    for block in _cut(blocks, cuts) if cuts and deflate else blocks:
        if not len(block):  # a cut
            flushed = deflate.flush(isal_zlib.Z_FULL_FLUSH) if deflate else b""
            member.packed += len(flushed)
            member.marks.append(member.packed)
            yield flushed
            continue
        member.crc = isal_zlib.crc32(block, member.crc)
        member.size += len(block)
        packed = deflate.compress(block) if deflate else block
        member.packed += len(packed)
        yield packed
    rest = deflate.flush() if deflate else b""
    member.packed += len(rest)
    yield rest


def _cut(blocks: Iterator[bytes | memoryview], cuts: Sequence[int]) -> Iterator[bytes | memoryview]:
    """Yield the blocks with nothing between them where they are cut."""
    place, waiting = 0, iter(cuts)
    cut = next(waiting, None)
    for block in blocks:
        begin = 0
        while cut is not None and cut < place + len(block):
            if cut - place > begin:
                yield block[begin : cut - place]
            yield b""
            begin, cut = cut - place, next(waiting, None)
        yield block[begin:]
        place += len(block)
