"""A frame as people may come to see it: windowed or not, and by its colours."""

from typing import Final, NamedTuple

import numpy as np

from studypub.pixels.arrays import Grey, Mask
from studypub.pixels.frames import Frames

_DIFFERENT: Final = 24  # grey values
_FEW: Final = 20  # pixels: fewer show no word


class Frame(NamedTuple):
    """A frame's number, and its grey views: text may be seen in one and not in another."""

    number: int
    views: tuple[Grey, ...]

    def covered(self, mask: Mask) -> "Frame":
        """Return it as it will be, but that what is covered goes over into what is left and right, to have no shape."""
        return Frame(self.number, tuple(_filled(view, mask) for view in self.views))


def frame(frames: Frames, number: int) -> Frame:
    """Return a frame as it is shown and, where that differs, in other ways. Raises Unreadable.

    Stretched, as the window hides what is brighter or darker; by the strongest colour, as blue seems black.
    """
    views = [frames.grey(number)]
    colour = frames.colour(number)
    others = [frames.grey(number, windowed=False)] + ([colour.max(axis=2)] if colour.ndim == 3 else [])
    for other in others:
        if all(_differ(other, view) for view in views):
            views.append(other)
    return Frame(number, tuple(views))


def _differ(one: Grey, other: Grey) -> bool:
    apart = np.maximum(one, other) - np.minimum(one, other) > _DIFFERENT
    return int(apart.sum()) > _FEW


def _filled(view: Grey, mask: Mask) -> Grey:
    filled = view.copy()
    places = np.arange(view.shape[1])
    for row in np.flatnonzero(mask.any(axis=1)):
        covered = mask[row]
        if covered.all():
            filled[row] = 0
        else:
            filled[row, covered] = np.interp(places[covered], places[~covered], view[row, ~covered])
    return filled
