"""Writes the image of a disc: ISO 9660 as PS3.12 Annex F asks for, and Joliet for who would see other names."""

import io
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import IO, BinaryIO, Final, cast

from pycdlib.dates import DirectoryRecordDate
from pycdlib.dr import DirectoryRecord
from pycdlib.pycdlib import PyCdlib

from studypub.archive.container import Coding, Container, Member, Pieces

_SECTOR: Final = 2048
_COPIED_BYTES: Final = 1 << 20
_MOST_LEVEL_1: Final = (1 << 32) - 1
# ECMA-119 9.1.5: the first of January 1980, UTC, as in a ZIP.
_TIME: Final = bytes((80, 1, 1, 0, 0, 0, 0))
# ECMA-119 8.4.26 to 8.4.29: no times, of the primary and of the Joliet descriptor, which follows it.
_NO_TIMES: Final = (b"0" * 16 + b"\0") * 4
_TIMES: Final = (16 * _SECTOR + 813, 17 * _SECTOR + 813)


class IsoArchive(Container[Member]):
    """An image in the making; nothing of it is final before all is, since what is on a disc stands at its beginning.

    Members wait in a file beside it.
    """

    def __init__(self, stream: IO[bytes], settled: Callable[[], None] = lambda: None) -> None:
        """Write as a Container does."""
        super().__init__(stream, settled)
        self._waiting = tempfile.TemporaryFile(dir=Path(stream.name).parent)  # noqa: SIM115 - closed by discard
        self._members: list[Member] = []

    def discard(self) -> None:
        """End the threads, and remove what waits."""
        super().discard()
        self._waiting.close()

    def _member(self, name: str, *, compress: bool) -> Member:  # noqa: ARG002 - nothing is compressed on a disc
        member = Member(name.encode(), Coding.STORED)
        self._members.append(member)
        return member

    def _packed(self, member: Member, data: bytes, cuts: Sequence[int]) -> Pieces:  # noqa: ARG002 - is not cut either
        member.size = member.packed = len(data)
        return (data,)

    def _write(self, member: Member, content: Pieces) -> None:
        member.place = self._waiting.tell()
        self._waiting.writelines(content)

    def _write_file(self, member: Member, path: Path, cuts: Sequence[int]) -> None:  # noqa: ARG002 - as above
        member.size = member.packed = path.stat().st_size
        member.place = self._waiting.tell()
        with path.open("rb") as source:
            shutil.copyfileobj(source, self._waiting, _COPIED_BYTES)

    def _write_end(self) -> None:
        """Write the image, out of what waits."""
        self._waiting.flush()
        image = PyCdlib()
        longest = max((member.size for member in self._members), default=0)
        image.new(interchange_level=1 if longest <= _MOST_LEVEL_1 else 3, joliet=3, vol_ident="DICOM")
        for folder in _folders(self._members):
            image.add_directory(f"/{folder.upper()}", joliet_path=f"/{folder}")
        for member in self._members:
            part = cast("BinaryIO", _Waiting(self._waiting.fileno(), member.place, member.size))
            name = member.name.decode()
            image.add_fp(part, member.size, _iso_path(name), joliet_path=f"/{name}")
        for descriptor in filter(None, (image.pvd, image.joliet_vd)):
            _set_time(descriptor.root_directory_record())
        image.write_fp(cast("BinaryIO", self._stream), _COPIED_BYTES)
        for member in self._members:
            place = image.get_record(iso_path=_iso_path(member.name.decode())).extent_location()
            member.place = place * _SECTOR
        image.close()
        for place in _TIMES:
            self._stream.seek(place)
            self._stream.write(_NO_TIMES)
        self._stream.seek(0, os.SEEK_END)


class _Waiting(io.RawIOBase):
    """A part of a file, for one reader of many."""

    def __init__(self, descriptor: int, begin: int, length: int) -> None:
        super().__init__()
        self._descriptor, self._begin, self._length = descriptor, begin, length
        self._place = 0

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        if whence != os.SEEK_SET:
            raise ValueError("from the beginning alone")
        self._place = offset
        return offset

    def read(self, size: int = -1) -> bytes:
        left = self._length - self._place
        content = os.pread(self._descriptor, left if size < 0 else min(size, left), self._begin + self._place)
        self._place += len(content)
        return content


def _folders(members: list[Member]) -> Iterator[str]:
    """Yield every folder, those above first."""
    folders = {folder.as_posix(): None for member in members for folder in reversed(Path(member.name.decode()).parents)}
    return (folder for folder in folders if folder != ".")


def _iso_path(name: str) -> str:
    """Return the name of a file with its version (ECMA-119 7.5)."""
    upper = name.upper()
    return f"/{upper};1" if "." in upper else f"/{upper}.;1"


def _set_time(record: DirectoryRecord) -> None:
    """Let all below a folder say the same time, and no zone."""
    record.date = DirectoryRecordDate()
    record.date.parse(_TIME)
    for child in record.children:
        if child.is_dir() and not (child.is_dot() or child.is_dotdot()):
            _set_time(child)
        child.date = record.date
