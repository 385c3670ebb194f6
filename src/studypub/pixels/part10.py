"""Opens a Part 10 file as far as its pixels; they stay on the disk."""

import os
import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile
from typing import BinaryIO, Final

from pydicom import dcmread, dcmwrite
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.filereader import read_file_meta_info
from pydicom.uid import DeflatedExplicitVRLittleEndian, ExplicitVRLittleEndian

from studypub.deid.encode import NATIVE
from studypub.pixels.form import Form, form
from studypub.pixels.unreadable import Unreadable, damage

# What a deflated data set may become: a file of one megabyte can fill a disk.
_LARGEST_INFLATED: Final = 1 << 30
_BLOCK: Final = 1 << 20

_PIXEL_DATA: Final = 0x7FE00010
_UNDEFINED: Final = 0xFFFFFFFF


@dataclass(frozen=True, slots=True, kw_only=True)
class Part10:
    """An open file: its header in memory, the value of its pixel data from `start` on in `stream`."""

    stream: BinaryIO
    header: FileDataset  # every element before Pixel Data
    form: Form
    syntax: str
    encoding: tuple[bool, bool]  # implicit VR, little endian
    vr: str
    start: int
    length: int | None  # bytes; None: undefined, as of what is encapsulated

    @property
    def native(self) -> bool:
        """Tell pixels that are not compressed."""
        return self.syntax in NATIVE


@contextmanager
def opened(path: Path) -> Iterator[Part10]:
    """Open a file; deflated, it is inflated into a temporary one. Raises Unreadable, OSError."""
    with path.open("rb") as file:
        with damage():
            meta = read_file_meta_info(path)
        if meta.get("TransferSyntaxUID") != DeflatedExplicitVRLittleEndian:
            yield _part10(file)
            return
        with TemporaryFile() as inflated:
            with damage():
                _inflate(file, meta, inflated)
            yield _part10(inflated)


def _inflate(file: BinaryIO, meta: FileMetaDataset, target: BinaryIO) -> None:
    """Write the file anew in Explicit VR Little Endian (PS3.5 A.5)."""
    file.seek(128 + 4 + 12 + int(meta.FileMetaInformationGroupLength))
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    empty = FileDataset(target, Dataset(), preamble=bytes(128), file_meta=meta)
    dcmwrite(target, empty, implicit_vr=False, little_endian=True)
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    pending = b""
    try:
        while not inflater.eof and (pending := pending or file.read(_BLOCK)):
            target.write(inflater.decompress(pending, _BLOCK))
            pending = inflater.unconsumed_tail
            if target.tell() > _LARGEST_INFLATED:
                raise Unreadable("size")
    except zlib.error as error:
        raise Unreadable("deflate") from error
    target.seek(0)


def _part10(stream: BinaryIO) -> Part10:
    with damage():
        header = dcmread(stream, stop_before_pixels=True)
        little = bool(header.original_encoding[1])
        vr, length = _pixel_element(stream, little=little)
        # Some writers of compressed pixels code the header by another syntax than that which they name.
        header.set_original_encoding(vr is None, little, header.original_character_set)
        return Part10(
            stream=stream,
            header=header,
            form=form(header),
            syntax=str(header.file_meta.TransferSyntaxUID),
            encoding=(vr is None, little),
            vr=vr or "OW",
            start=stream.tell(),
            length=None if length == _UNDEFINED else _all_there(stream, length),
        )


def _pixel_element(stream: BinaryIO, *, little: bool) -> tuple[str | None, int]:
    """Read VR and length of the pixel data (PS3.5 7.1), of implicit VR None; the stream is left at the value."""
    order = "<" if little else ">"
    group, element, vr = struct.unpack(f"{order}HH2s", stream.read(6))
    if group << 16 | element != _PIXEL_DATA:
        raise Unreadable("no pixel data")
    explicit = vr in {b"OB", b"OW"}
    stream.seek(2 if explicit else -2, os.SEEK_CUR)
    (length,) = struct.unpack(f"{order}I", stream.read(4))
    return vr.decode() if explicit else None, int(length)


def _all_there(stream: BinaryIO, length: int) -> int:
    if stream.tell() + length > os.fstat(stream.fileno()).st_size:
        raise Unreadable("truncated")
    return length
