"""Tells which frames show something that the frames looked at so far do not."""

from typing import Final

import numpy as np
from scipy import ndimage

from studypub.pixels.arrays import Grey, Mask
from studypub.pixels.relief import relief
from studypub.pixels.views import Frame

_ABOVE: Final = 30  # grey values
_WINDOW: Final = (12, 48)  # rows, columns: a short word in a small font
_PIXELS: Final = 40  # in such a window; four letters 9 pixels high have more


class Seen:
    """What stands out in the frames looked at so far, in each view, bright and dark."""

    def __init__(self) -> None:
        self._most: list[Grey] = []

    def is_new(self, frame: Frame, mask: Mask) -> bool:
        """Say whether as much as a word stands out where nothing did before, outside the mask."""
        now = _standing_out(frame)
        if len(now) != len(self._most):
            return True
        return any(_has_word(stands, before, mask) for stands, before in zip(now, self._most, strict=True))

    def add(self, frame: Frame) -> None:
        """Remember a frame as looked at; what moves by a pixel is no news."""
        now = [ndimage.grey_dilation(stands, size=(3, 3)) for stands in _standing_out(frame)]
        same = len(now) == len(self._most)
        self._most = [np.maximum(a, b) for a, b in zip(now, self._most, strict=True)] if same else now


def _standing_out(frame: Frame) -> list[Grey]:
    return [relief(view, bright=bright, strict=True) for view in frame.views for bright in (True, False)]


def _has_word(stands: Grey, before: Grey, mask: Mask) -> bool:
    new = (stands > np.minimum(before, 255 - _ABOVE) + _ABOVE) & ~mask
    dense = ndimage.uniform_filter(new.astype(np.float32), size=_WINDOW, mode="constant")
    return float(dense.max()) * _WINDOW[0] * _WINDOW[1] >= _PIXELS
