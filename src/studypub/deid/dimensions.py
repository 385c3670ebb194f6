"""Keeps the dimensions of multi-frame images whole where some of their attributes are not published."""

import struct
from typing import Final

from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset
from pydicom.tag import BaseTag

from studypub.deid import elements, measures
from studypub.deid.elements import Element
from studypub.deid.field import Context, Field

_DIMENSION_INDEX_SEQUENCE: Final = 0x00209222
_POINTERS: Final = (0x00209165, 0x00209167)
_FRAME_INCREMENT_POINTER: Final = BaseTag(0x00280009)
_WIDTH: Final = 4


def index_values(field: Field, value: bytes, source: Dataset, context: Context) -> bytes | None:
    """Pass DimensionIndexValues without the columns of dimensions that point to private attributes."""
    if measures.binary(field, value, source, context) is None:
        return None
    lost = context.lost_dimensions(_lost)
    columns = (value[place : place + _WIDTH] for place in range(0, len(value), _WIDTH))
    return b"".join(column for number, column in enumerate(columns) if number not in lost)


def drop_dangling_pointer(content: dict[BaseTag, Element]) -> None:
    """Drop FrameIncrementPointer if what it points to is not published."""
    element = content.get(_FRAME_INCREMENT_POINTER)
    if isinstance(element, RawDataElement) and not all(tag in content for tag in _tags(element.value or b"")):
        del content[_FRAME_INCREMENT_POINTER]


def _lost(root: Dataset) -> frozenset[int]:
    element = elements.find(root, _DIMENSION_INDEX_SEQUENCE)
    received = elements.items(element, root) if element is not None else None
    return frozenset(number for number, item in enumerate(received or []) if _points_to_private(item))


def _points_to_private(item: Dataset) -> bool:
    found = [elements.value(item, pointer, "AT") for pointer in _POINTERS]
    return any(tag.is_private for value in found if value for tag in _tags(value[1]))


def _tags(value: bytes) -> list[BaseTag]:
    return [
        BaseTag((group << 16) | element)
        for group, element in struct.iter_unpack("<HH", value[: len(value) // _WIDTH * _WIDTH])
    ]
