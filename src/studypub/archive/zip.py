"""Writes a ZIP: members in, bytes out; nothing in it but names that we made, sizes and contents."""

import struct
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import IO, Final

from isal import isal_zlib

from studypub.archive.container import Coding, Container, Member, Pieces

_BLOCK_BYTES: Final = 1 << 20
# Deflate (RFC 1951) without a header. Level 1: a tenth larger than zlib's best, and twenty times as fast.
_RAW: Final = -isal_zlib.MAX_WBITS
_LEVEL: Final = 1
_METHODS: Final = {Coding.STORED: 0, Coding.DEFLATED: 8}

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
class ZipMember(Member):
    """A member, and what its headers say besides."""

    is_large: bool = False
    crc: int = 0

    @property
    def content(self) -> int:
        """Where the packed content begins in the archive."""
        return self.place + len(self.local())

    @property
    def method(self) -> int:
        """The compression method (APPNOTE.TXT 4.4.5)."""
        return _METHODS[self.coding]

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


class ZipArchive(Container[ZipMember]):
    """A ZIP in the making: ZIP64 where needed, no comments, no times, no extra fields besides those of ZIP64."""

    def __init__(self, stream: IO[bytes], settled: Callable[[], None] = lambda: None) -> None:
        """Write as a Container does."""
        super().__init__(stream, settled)
        self._members: list[ZipMember] = []

    def _member(self, name: str, *, compress: bool) -> ZipMember:
        member = ZipMember(name.encode(), Coding.DEFLATED if compress else Coding.STORED)
        self._members.append(member)
        return member

    def _packed(self, member: ZipMember, data: bytes, cuts: Sequence[int]) -> Pieces:
        member.is_large = len(data) > _ZIP64_FROM_BYTES
        view = memoryview(data)
        blocks = (view[place : place + _BLOCK_BYTES] for place in range(0, len(data), _BLOCK_BYTES))
        return list(_packed(member, blocks, cuts))

    def _write(self, member: ZipMember, content: Pieces) -> None:
        member.place = self._stream.tell()
        self._stream.write(member.local())
        self._stream.writelines(content)

    def _write_file(self, member: ZipMember, path: Path, cuts: Sequence[int]) -> None:
        """Write a member; its header is mended when its size is known."""
        member.is_large = path.stat().st_size > _ZIP64_FROM_BYTES
        with path.open("rb") as source:
            self._write(member, _packed(member, iter(partial(source.read, _BLOCK_BYTES), b""), cuts))
        end = self._stream.tell()
        self._stream.seek(member.place)
        self._stream.write(member.local())
        self._stream.seek(end)

    def _write_end(self) -> None:
        """Write the central directory."""
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


def _packed(
    member: ZipMember, blocks: Iterator[bytes | memoryview], cuts: Sequence[int] = ()
) -> Iterator[bytes | memoryview]:
    """Yield what is written of a member, and note in it what its headers say."""
    deflate = isal_zlib.compressobj(_LEVEL, isal_zlib.DEFLATED, _RAW) if member.coding is Coding.DEFLATED else None
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
