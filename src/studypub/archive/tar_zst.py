"""Writes a TAR compressed by Zstandard: in frames of its own lies what is read on its own (RFC 8878)."""

import io
from collections.abc import Iterator, Sequence
from pathlib import Path
from tarfile import BLOCKSIZE, NUL, PAX_FORMAT, TarInfo
from typing import IO, Final

from zstandard import ZstdCompressor

from studypub.archive.container import Coding, Container, Member, Pieces

_BLOCK_BYTES: Final = 1 << 20
# As small as what the ZIP has, and as fast; what is compressed already is seen to be so, and copied.
_LEVEL: Final = 1
# The first of January 1980, as in a ZIP; a plain file of nobody's.
_TIME: Final = 315_532_800
_MODE: Final = 0o600


class TarZstArchive(Container[Member]):
    """A TAR in the making, whose frames one after the other are one stream to any reader (RFC 8878 3.1).

    The content of a member begins with a frame, and ends with one; headers and padding lie in frames between.
    """

    _padding = 0

    def _member(self, name: str, *, compress: bool) -> Member:  # noqa: ARG002 - a reader knows no stored members
        return Member(name.encode(), Coding.ZSTD)

    def _packed(self, member: Member, data: bytes, cuts: Sequence[int]) -> Pieces:
        member.size = len(data)
        return list(_packed(member, io.BytesIO(data), cuts))

    def _write(self, member: Member, content: Pieces) -> None:
        header = TarInfo(member.name.decode())
        header.size, header.mtime, header.mode = member.size, _TIME, _MODE
        self._write_between(header.tobuf(PAX_FORMAT))
        member.place = self._stream.tell()
        self._stream.writelines(content)
        self._padding = -member.size % BLOCKSIZE

    def _write_file(self, member: Member, path: Path, cuts: Sequence[int]) -> None:
        member.size = path.stat().st_size
        with path.open("rb") as source:
            self._write(member, _packed(member, source, cuts))

    def _write_end(self) -> None:
        self._write_between(bytes(2 * BLOCKSIZE))

    def _write_between(self, content: bytes) -> None:
        """Write what no member consists of, behind the padding of the member before."""
        self._stream.write(_compressor().compress(NUL * self._padding + content))


def _compressor() -> ZstdCompressor:
    return ZstdCompressor(level=_LEVEL, write_checksum=True)


def _packed(member: Member, source: IO[bytes], cuts: Sequence[int]) -> Iterator[bytes]:
    """Yield a member's frames, which begin at its cuts, and note in it where they do."""
    compressor = _compressor()
    for number, (begin, end) in enumerate(zip((0, *cuts), (*cuts, member.size), strict=True)):
        if number:
            member.marks.append(member.packed)
        for piece in _frame(compressor, source, end - begin):
            member.packed += len(piece)
            yield piece


def _frame(compressor: ZstdCompressor, source: IO[bytes], length: int) -> Iterator[bytes]:
    """Yield one frame of so many bytes; nothing of none."""
    if not length:
        return
    frame = compressor.compressobj(size=length)
    for left in range(length, 0, -_BLOCK_BYTES):
        yield frame.compress(source.read(min(_BLOCK_BYTES, left)))
    yield frame.flush()
