"""Reads with pydicom what the walker refuses: big endian, deflated, without preamble, sequences of unknown length."""

import struct
import warnings
from collections.abc import Iterator
from typing import Final

from pydicom import dcmread
from pydicom.dataelem import DataElement, RawDataElement
from pydicom.dataset import Dataset, FileDataset
from pydicom.errors import BytesLengthException, InvalidDicomError
from pydicom.multival import MultiValue

from studypub.gate.elements import DEFLATED, Bytes, known_vr, within

# Tag, VR, value as received.
Value = tuple[int, bytes, bytes]

# Longer values are not read, but for sequences: what identifies stands at the beginning.
_LONG: Final = 1 << 16

# What reading a malformed object raises out of pydicom.
_BROKEN: Final = (
    ArithmeticError, AttributeError, BytesLengthException, EOFError, InvalidDicomError, LookupError, MemoryError,
    NotImplementedError, OSError, RecursionError, TypeError, ValueError, struct.error,
)  # fmt: skip


class Unreadable(ValueError):
    """Not even pydicom reads it."""


def read(data: Bytes) -> list[Value]:
    """Return all values of an instance, at every depth; of a long one its beginning. Raises Unreadable."""
    with warnings.catch_warnings(action="ignore"):
        try:
            dataset = _dataset(data)
            values = list(_values(dataset, data))
            meta = list(_values(dataset.file_meta, b""))
        except _BROKEN as error:
            raise Unreadable("not a DICOM object") from error
    if not values:
        raise Unreadable("no elements")
    return meta + values


class _Stream:
    """Bytes as a stream: it copies only what is read, and seeks behind the end as files do."""

    def __init__(self, data: Bytes) -> None:
        self._data = data
        self._place = 0

    def read(self, size: int = -1, /) -> bytes:
        end = self._place + size if size >= 0 else len(self._data)
        found = bytes(self._data[self._place : end])
        self._place += len(found)
        return found

    def seek(self, offset: int, whence: int = 0, /) -> int:
        self._place = offset + (0, self._place, len(self._data))[whence]
        return self._place

    def tell(self) -> int:
        return self._place


def _dataset(data: Bytes) -> FileDataset:
    """Read all but long values; what is inflated comes whole, for its long values are nowhere else."""
    dataset = dcmread(_Stream(data), defer_size=_LONG, force=True)
    deflated = dataset.file_meta.get("TransferSyntaxUID") == DEFLATED.decode()
    return dcmread(_Stream(data), force=True) if deflated else dataset


def _values(dataset: Dataset, data: Bytes) -> Iterator[Value]:
    for tag in dataset.keys():  # noqa: SIM118 (iterating over the data set decodes its values)
        element = dataset.get_item(tag, keep_deferred=True)
        if element is None:
            continue
        vr = (element.VR or known_vr(int(tag)).decode())[-2:]
        if isinstance(element, DataElement):
            yield from _decoded(element)
            continue
        value = _received(element, vr, data)
        if vr in {"SQ", "UN"} and (vr == "SQ" or value.startswith(b"\xfe\xff")):
            yield from _nested(dataset, int(tag), value)
        else:
            yield int(tag), vr.encode(), value


def _received(element: RawDataElement, vr: str, data: Bytes) -> bytes:
    """Return a value; of a long one that was not read the beginning, unless there are items in it."""
    if element.value is not None or not element.length:
        return element.value or b""
    begin = element.value_tell
    has_items = vr == "SQ" or (vr == "UN" and bytes(data[begin : begin + 2]) == b"\xfe\xff")
    return bytes(data[begin : begin + (element.length if has_items else min(element.length, _LONG))])


def _nested(dataset: Dataset, tag: int, raw: bytes) -> Iterator[Value]:
    """Yield what the items hold; what cannot be read as items comes as it is."""
    try:
        decoded = dataset[tag]
        if decoded.VR == "SQ":
            yield from _decoded(decoded)
        else:
            yield from ((tag, vr, raw[low:high]) for tag, vr, low, high in within(raw, 0, len(raw), explicit=False))
    except _BROKEN:
        yield tag, b"UN", raw


def _decoded(element: DataElement) -> Iterator[Value]:
    if element.VR == "SQ":
        for item in element.value or ():
            yield from _values(item, b"")
        return
    value = element.value
    parts = value if isinstance(value, MultiValue | list) else [value]
    raw = b"\\".join(part if isinstance(part, bytes) else str(part).encode() for part in parts if part is not None)
    yield int(element.tag), element.VR[-2:].encode(), raw
