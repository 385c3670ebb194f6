"""Knows from the header where a frame shows text, and where it shows nothing but the image."""

import re
from functools import cache
from typing import Final, NamedTuple

from pydicom.datadict import tag_for_keyword
from pydicom.dataset import Dataset, FileDataset
from pydicom.tag import BaseTag

from studypub.core.masking import Box
from studypub.deid import elements, tables

_ROWS: Final = 0x00280010
_COLUMNS: Final = 0x00280011
_SEQUENCE_OF_ULTRASOUND_REGIONS: Final = BaseTag(0x00186011)
# RegionLocationMinX0, MinY0, MaxX1, MaxY1 (PS3.3 C.8.5.5.1.1): the corners belong to the region.
_CORNERS: Final = (0x00186018, 0x0018601A, 0x0018601C, 0x0018601E)
_WHOLE: Final = 0.97
_FILE_META: Final = 0x0002
_TAG: Final = re.compile(r"([0-9A-F]{4}),([0-9A-F]{4})")
_CONDITION: Final = re.compile(r"([^~=]+)([~=])(.*)")


class _Condition(NamedTuple):
    tag: int
    whole: bool  # the value equals; else it contains
    text: str


def known_text(source: FileDataset) -> tuple[Box, ...]:
    """Return where the device that made the image is known to print text; it may print elsewhere too."""
    return tuple(box for conditions, boxes in _devices() if _holds(source, conditions) for box in boxes)


def ultrasound(source: Dataset) -> tuple[Box, ...]:
    """Return where the header says the ultrasound image itself is (PS3.3 C.8.5.5); empty where it says nothing sound.

    Text stands mostly outside; some devices print inside as well.
    """
    element = elements.find(source, _SEQUENCE_OF_ULTRASOUND_REGIONS)
    received = elements.items(element, source) if element is not None else None
    boxes = [_region(item, source) for item in received or []]
    sound = tuple(box for box in boxes if box is not None)
    return sound if len(sound) == len(boxes) and not any(_is_whole_frame(box, source) for box in sound) else ()


def _region(item: Dataset, source: Dataset) -> Box | None:
    corners = [elements.value(item, tag, "UL") for tag in _CORNERS]
    numbers = [int.from_bytes(found[1][:4], "little") if found and len(found[1]) >= 4 else -1 for found in corners]
    left, top, right, bottom = numbers
    rows, columns = elements.number(source, _ROWS), elements.number(source, _COLUMNS)
    if not (0 <= left < right <= columns and 0 <= top < bottom <= rows):
        return None
    return Box(left, top, min(right + 1, columns) - left, min(bottom + 1, rows) - top)


def _is_whole_frame(box: Box, source: Dataset) -> bool:
    """Tell a region that leaves no place for text outside, and so says nothing of where text is."""
    frame = elements.number(source, _ROWS) * elements.number(source, _COLUMNS)
    return box.width * box.height >= _WHOLE * frame


def _holds(source: FileDataset, conditions: tuple[_Condition, ...]) -> bool:
    return all(_meets(source, condition) for condition in conditions)


def _meets(source: FileDataset, condition: _Condition) -> bool:
    meta = condition.tag >> 16 == _FILE_META
    text = _text(source.file_meta if meta else source, condition.tag)
    return text == condition.text if condition.whole else condition.text in text


def _text(source: Dataset, tag: int) -> str:
    if tag in {_ROWS, _COLUMNS}:
        return str(elements.number(source, tag))
    return elements.string(source, tag)


@cache
def _devices() -> list[tuple[tuple[_Condition, ...], tuple[Box, ...]]]:
    return [
        (
            tuple(_condition(text) for text in row["match"].split(" AND ")),
            tuple(Box(*map(int, box.split(":"))) for box in row["boxes"].split()),
        )
        for row in tables.rows("burned_in.csv")
    ]


def _condition(text: str) -> _Condition:
    found = _CONDITION.fullmatch(text)
    if found is None:
        raise ValueError(f"not a condition: {text}")
    name, operator, value = found.groups()
    numbers = _TAG.fullmatch(name)
    tag = int(numbers[1] + numbers[2], 16) if numbers else tag_for_keyword(name)
    if tag is None:
        raise ValueError(f"not an attribute: {name}")
    return _Condition(tag, operator == "=", value.strip().upper())
