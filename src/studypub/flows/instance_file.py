"""An instance in its file: read, searched and written so that a long one is never in memory as a whole."""

import mmap
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, cast

from pydicom import FileDataset, dcmread
from pydicom.datadict import dictionary_VR
from pydicom.dataelem import DataElement, RawDataElement
from pydicom.tag import BaseTag
from pydicom.uid import DeflatedExplicitVRLittleEndian

from studypub.archive.whole_file import disk_errors
from studypub.deid import encode
from studypub.deid.stored import Stored
from studypub.gate.elements import Bytes

# An image of 2000 x 2000 is held, for that is quickest; copies of it are in memory for as long as it takes.
_LONG: Final = 1 << 23
_UNDEFINED: Final = 0xFFFFFFFF
# What is looked at as a whole where it is looked at, and may be decoded; all else that is long is pixels and the like.
_TEXTS: Final = frozenset(
    {"AE", "AS", "CS", "DA", "DS", "DT", "IS", "LO", "LT", "PN", "SH", "ST", "TM", "UC", "UI", "UR", "UT"}
)


def read(path: Path, *, force: bool = False) -> FileDataset:
    """Read an instance; its long values stay in the file, which must be there as long as they may be needed.

    `force`: also one without preamble. Raises what pydicom raises.
    """
    dataset = dcmread(path, defer_size=_LONG, force=force)
    elements = {element.tag: element for element in dataset.values()}
    if not any(map(_is_left_out, elements.values())):
        return dataset
    if dataset.file_meta.get("TransferSyntaxUID") == DeflatedExplicitVRLittleEndian:  # nothing lies in the file itself
        return dcmread(path, force=force)
    whole = {tag: _found(element, path) for tag, element in elements.items()}
    implicit, little = dataset.original_encoding
    again = FileDataset(path, whole, dataset.preamble, dataset.file_meta, bool(implicit), bool(little))
    again.set_original_encoding(implicit, little, dataset.original_character_set)
    return again


@contextmanager
def written(dataset: FileDataset, path: Path, header: bytes = b"") -> Iterator[bytes | Path]:
    """Give the instance's file (PS3.10) as bytes; a long one as this path, where it is until then. Raises DiskFull.

    `header`: its bytes up to the pixel data, where they are known already.
    """
    if not encode.is_made(dataset):
        yield encode.to_part10(dataset, header)
        return
    try:
        with disk_errors(), path.open("wb") as file:
            file.writelines(encode.pieces(dataset))
        yield path
    finally:
        path.unlink(missing_ok=True)


def is_long(content: Bytes) -> bool:
    """Whether a file is too long to be held in memory."""
    return len(content) > _LONG


@contextmanager
def shown(content: bytes | Path) -> Iterator[Bytes]:
    """Show the bytes of a file, those of a long one without reading them; what is shown is gone afterwards."""
    if isinstance(content, bytes):
        yield content
        return
    with content.open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        if size <= _LONG:  # quicker than to map it, page by page
            yield file.read()
            return
        mapped = mmap.mmap(file.fileno(), size, access=mmap.ACCESS_READ)
    with mapped:
        yield mapped


def _is_left_out(element: DataElement | RawDataElement) -> bool:
    return isinstance(element, RawDataElement) and element.value is None and element.length > 0


def _found(element: DataElement | RawDataElement, path: Path) -> DataElement | RawDataElement:
    """Say where a value lies that was left out; one of undefined length has its end in itself (PS3.5 A.4)."""
    if not isinstance(element, RawDataElement) or not _is_left_out(element):
        return element
    begin, end = element.value_tell, path.stat().st_size
    if element.length != _UNDEFINED:
        end = min(end, begin + element.length)
    value = Stored(lambda: path.open("rb"), begin, end)
    return element._replace(value=value[:] if _is_text(element.tag) else cast("bytes", value))


def _is_text(tag: BaseTag) -> bool:
    try:
        return dictionary_VR(tag) in _TEXTS
    except KeyError:
        return False
