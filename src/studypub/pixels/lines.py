"""The area that hides lines of text: with a margin, and up to the frame's edge where nothing else is there."""

from collections.abc import Iterable, Sequence
from typing import Final

import numpy as np

from studypub.core.masking import Box
from studypub.pixels.arrays import Grey, Mask

_FLAT: Final = 10  # grey values around the middle one
_NEARLY_ALL: Final = 0.97


def hidden(shape: tuple[int, int], boxes: Iterable[Box], views: Sequence[Grey]) -> Mask:
    """Return the pixels to be covered, so that nothing of a line is left; True is covered."""
    mask = np.zeros(shape, bool)
    wide = [_with_margin(box, shape) for box in boxes]
    fill(mask, wide)
    for box in wide:
        fill(mask, (strip for strip in _strips(box, shape[1]) if _is_flat(strip, mask, views)))
    return mask


def fill(mask: Mask, boxes: Iterable[Box]) -> None:
    """Set the pixels of the boxes, as far as they lie inside."""
    for x, y, width, height in boxes:
        mask[max(0, y) : max(0, y + height), max(0, x) : max(0, x + width)] = True


def _with_margin(box: Box, shape: tuple[int, int]) -> Box:
    letter = min(box.width, box.height)  # also of a line that runs upwards
    above, beside = max(3, letter // 4), max(8, letter)
    above, beside = (above, beside) if box.width >= box.height else (beside, above)
    x, y = max(0, box.x - beside), max(0, box.y - above)
    right, bottom = min(shape[1], box.x + box.width + beside), min(shape[0], box.y + box.height + above)
    return Box(x, y, max(0, right - x), max(0, bottom - y))


def _strips(box: Box, columns: int) -> tuple[Box, Box]:
    right = box.x + box.width
    return Box(0, box.y, box.x, box.height), Box(right, box.y, columns - right, box.height)


def _is_flat(strip: Box, mask: Mask, views: Sequence[Grey]) -> bool:
    """Say whether nothing is there but background, and perhaps a letter or two that nobody noticed."""
    rows, columns = slice(strip.y, strip.y + strip.height), slice(strip.x, strip.x + strip.width)
    rest = ~mask[rows, columns]
    for view in views:
        values = view[rows, columns][rest].astype(np.int16)
        if values.size and np.mean(np.abs(values - np.median(values)) <= _FLAT) < _NEARLY_ALL:
            return False
    return True
