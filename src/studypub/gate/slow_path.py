"""Reads with pydicom what the walker refuses: big endian, deflated, without preamble, sequences of unknown length."""

import struct
import warnings
from collections.abc import Iterator
from io import BytesIO
from typing import Final

from pydicom import dcmread
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.errors import BytesLengthException, InvalidDicomError
from pydicom.multival import MultiValue

from studypub.gate.elements import Bytes, known_vr, within

# Tag, VR, value as received.
Value = tuple[int, bytes, bytes]

# What reading a malformed object raises out of pydicom.
_BROKEN: Final = (
    ArithmeticError, AttributeError, BytesLengthException, EOFError, InvalidDicomError, LookupError, MemoryError,
    NotImplementedError, OSError, RecursionError, TypeError, ValueError, struct.error,
)  # fmt: skip


class Unreadable(ValueError):
    """Not even pydicom reads it."""


def read(data: Bytes) -> list[Value]:
    """Return all values of an instance, at every depth. Raises Unreadable."""
    with warnings.catch_warnings(action="ignore"):
        try:
            dataset = dcmread(BytesIO(data), force=True)
            values = list(_values(dataset))
            meta = list(_values(dataset.file_meta))
        except _BROKEN as error:
            raise Unreadable("not a DICOM object") from error
    if not values:
        raise Unreadable("no elements")
    return meta + values


def _values(dataset: Dataset) -> Iterator[Value]:
    for tag in dataset.keys():  # noqa: SIM118 (iterating over the data set decodes its values)
        element = dataset.get_item(tag)
        if element is None:
            continue
        vr = (element.VR or known_vr(int(tag)).decode())[-2:]
        if isinstance(element, DataElement):
            yield from _decoded(element)
        elif vr in {"SQ", "UN"} and (vr == "SQ" or (element.value or b"").startswith(b"\xfe\xff")):
            yield from _nested(dataset, int(tag), element.value or b"")
        else:
            yield int(tag), vr.encode(), element.value or b""


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
            yield from _values(item)
        return
    value = element.value
    parts = value if isinstance(value, MultiValue | list) else [value]
    raw = b"\\".join(part if isinstance(part, bytes) else str(part).encode() for part in parts if part is not None)
    yield int(element.tag), element.VR[-2:].encode(), raw
