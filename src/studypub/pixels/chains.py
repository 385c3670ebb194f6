"""Lines of letters by their shape alone: pieces of like height that stand side by side on one line.

This knows no alphabet, and takes for text what a person would take for text from afar. Tesseract, the other detector,
reads; the two do not depend on each other.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree

from studypub.core.masking import Box
from studypub.pixels.arrays import Grey, Mask
from studypub.pixels.relief import relief

Numbers = NDArray[np.int64]

_LEVELS: Final = (28, 44, 64, 100, 140, 180, 220)
_HEIGHTS: Final = (5, 96)  # pixels; the small letters of a font of 9 pixels are 5 high
_NEIGHBOURS: Final = np.ones((3, 3), bool)
LETTERS: Final = 4
_CROOKED: Final = 2.2  # heights from the highest to the lowest of a line
_STABLE: Final = 3  # levels
_SMALL: Final = 16  # pixels; letters lower than this Tesseract may miss
_LARGE: Final = 48  # pixels; letters higher than this Tesseract does not miss
_BAR: Final = 0.3  # of their height; what is narrower are a ruler's ticks
_SOLID: Final = 0.9  # of their box; what fills more are the gaps between such ticks
_WIDE: Final = 2.2  # heights; a wider piece is several letters that touch
_WIDEST: Final = 60
_EVEN: Final = 0.4  # of the pixels of letters that touch, how many have about the full ink
_UNEVEN: Final = 10.0  # grey values: how far letters of one line differ in their brightest pixel
_MOST_EVEN: Final = 0.7  # of the letters; the others lie on something that is brighter than they
_BESIDE: Final = 0.4  # heights: how much letters reach above and below, and how high they are at least
_GROW: Final = 2.5  # heights; two spaces are less


@dataclass(frozen=True, slots=True)
class Chain:
    """A line that looks like text, about how many letters it has, and whether that is more than chance makes.

    Its letters are what stands out, bright or dark, by more than `level`. `core` are those that are alike, `box` also
    takes in what stands beside them.
    """

    core: Box
    box: Box
    straight: bool
    letters: int
    clear: bool
    bright: bool
    level: int


def chains(grey: Grey, letters: int = LETTERS) -> list[Chain]:
    """Return every line of at least that many letters, bright or dark; one may be found several times."""
    found: list[Chain] = []
    for bright in (True, False):
        shown = grey if bright else np.invert(grey)
        raised = relief(grey, bright=bright)
        for level in _LEVELS:
            for core, box, straight, count, clear in _at_level(raised > level, shown, letters):
                found.append(Chain(core, box, straight, count, clear, bright, level))
    return [replace(chain, clear=chain.clear or _is_stable(chain, found)) for chain in found]


def _is_stable(chain: Chain, found: Sequence[Chain]) -> bool:
    """Say whether letters look the same however much they must stand out: their edges are steep."""
    few = LETTERS - 1 if chain.core.height <= _SMALL else LETTERS
    if not chain.straight or chain.letters < few:
        return False
    same = {other.level for other in found if other.bright == chain.bright and _alike(other.core, chain.core)}
    return len(same) >= _STABLE


def _alike(one: Box, other: Box) -> bool:
    return all(abs(a - b) <= 2 for a, b in zip(one, other, strict=True))


def _at_level(ink: Mask, shown: Grey, letters: int) -> Iterator[tuple[Box, Box, bool, int, bool]]:
    labels, pieces = ndimage.label(ink, structure=_NEIGHBOURS)
    if not pieces:
        return
    places = ndimage.find_objects(labels)
    boxes = np.array([(y.start, y.stop, x.start, x.stop) for y, x in places], dtype=np.int64)
    areas = np.bincount(labels.ravel(), minlength=pieces + 1)[1:]
    weights = _weights(np.where(ink, shown, 0), boxes, areas)
    kept = np.flatnonzero(weights)
    for members in _aligned(boxes[kept], weights[kept], letters):
        own = boxes[kept[members]]
        peaks = np.array(
            [shown[places[piece]][labels[places[piece]] == piece + 1].max() for piece in kept[members]], float
        )
        if np.mean(np.abs(peaks - np.median(peaks)) <= _UNEVEN) < _MOST_EVEN:
            continue
        count = int(weights[kept[members]].sum())
        straight = _is_straight(own, areas[kept[members]])
        yield _core(own), _grown(own, boxes), straight, count, straight and _is_clear(own, count)


def _is_straight(own: Numbers, areas: Numbers) -> bool:
    """Tell a line of letters from the ticks of a ruler, and from what zigzags."""
    high, wide = own[:, 1] - own[:, 0], own[:, 3] - own[:, 2]
    if np.median(wide / high) < _BAR or np.median(areas / (wide * high)) > _SOLID:
        return False
    return bool(np.ptp(own[:, :2]) <= _CROOKED * np.median(high) and np.mean(high) <= _LARGE)


def _is_clear(own: Numbers, count: int) -> bool:
    high = own[:, 1] - own[:, 0]
    even = bool(np.std(high) <= 0.12 * np.mean(high) and np.ptp(own[:, 1]) <= 0.05 * np.mean(high) + 0.5)
    return count >= 7 or len(own) >= 5 or (len(own) >= LETTERS and even)


def _weights(ink: Grey, boxes: Numbers, areas: Numbers) -> Numbers:
    """Return how many letters each piece may be: 0 for what is none."""
    high, wide = boxes[:, 1] - boxes[:, 0], boxes[:, 3] - boxes[:, 2]
    least, most = _HEIGHTS
    fits = (high >= least) & (high <= most) & (areas >= 0.12 * high * wide) & (areas >= 0.8 * high)
    weights = np.where(fits & (wide <= _WIDE * high), 1, 0)
    for piece in np.flatnonzero(fits & (wide > 1.3 * high) & (wide <= _WIDEST * high) & (areas <= 0.8 * high * wide)):
        top, bottom, left, right = boxes[piece]
        if _has_strokes(ink[top:bottom, left:right]):
            weights[piece] = round(wide[piece] / (0.8 * high[piece]))
    return weights


def _has_strokes(piece: Grey) -> bool:
    """Tell letters that touch from a smear, a rim or a vessel: all of one ink, and rows cross many strokes."""
    ink = piece[piece > 0]
    if np.mean(ink >= ink.max() - 0.35 * np.ptp(ink)) < _EVEN:
        return False
    dark = piece == 0
    crossings = (dark[:, :-1] & ~dark[:, 1:]).sum(axis=1) + ~dark[:, 0]
    return bool(crossings.mean() >= max(2.0, 0.9 * piece.shape[1] / piece.shape[0]))


def _aligned(boxes: Numbers, weights: Numbers, letters: int) -> Iterator[Numbers]:
    """Yield the places of pieces that follow each other on one line, weighing enough together."""
    if weights.sum() < letters:
        return
    groups = _groups(boxes)
    total = np.bincount(groups, weights)
    for group in np.flatnonzero(total >= letters):
        yield np.flatnonzero(groups == group)


def _groups(boxes: Numbers) -> Numbers:
    top, bottom, left, right = boxes.T
    high = bottom - top
    # Both ends of each piece stand in the tree, so that a wide one finds its neighbours too.
    ends = np.concatenate([np.column_stack([left, bottom]), np.column_stack([right, bottom])])
    near = cKDTree(ends).query_pairs(float(high.max() * 1.2 + 1), output_type="ndarray") % len(boxes)
    one, other = near[near[:, 0] != near[:, 1]].T
    one, other = np.where(left[one] <= left[other], (one, other), (other, one))
    taller, smaller = np.maximum(high[one], high[other]), np.minimum(high[one], high[other])
    gap = left[other] - right[one]
    # Letters stand on one line, or those that reach below it have their tops in line: "ер".
    apart = np.minimum(np.abs(bottom[one] - bottom[other]), np.abs(top[one] - top[other]))
    follows = (
        (gap <= 0.9 * taller)
        & (gap >= -0.3 * taller)
        & (smaller >= 0.6 * taller)
        & (apart <= np.maximum(1, 0.13 * taller))
    )
    links = coo_matrix((np.ones(follows.sum(), bool), (one[follows], other[follows])), shape=(len(boxes), len(boxes)))
    groups: Numbers = connected_components(links, directed=False)[1]
    return groups


def _core(own: Numbers) -> Box:
    (top, left), (bottom, right) = own[:, [0, 2]].min(axis=0), own[:, [1, 3]].max(axis=0)
    return Box(int(left), int(top), int(right - left), int(bottom - top))


def _grown(own: Numbers, boxes: Numbers) -> Box:
    """Take what stands on the line before and after: letters that are taller or reach below it, the next word."""
    top, bottom = int(own[:, 0].min()), int(own[:, 1].max())
    left, right, high = int(own[:, 2].min()), int(own[:, 3].max()), int(np.median(own[:, 1] - own[:, 0]))
    tall = boxes[:, 1] - boxes[:, 0]
    stops = np.abs(boxes[:, 1] - bottom) <= max(1, _BESIDE / 2 * high)
    fits = (boxes[:, 0] >= top - _BESIDE * high) & (boxes[:, 1] <= bottom + _BESIDE * high)
    fits &= (tall >= _BESIDE * high) | stops
    on_line = boxes[fits & (boxes[:, 3] - boxes[:, 2] <= _WIDEST * high)]
    while True:
        near = on_line[(on_line[:, 3] > left - _GROW * high) & (on_line[:, 2] < right + _GROW * high)]
        wider = min(left, int(near[:, 2].min())), max(right, int(near[:, 3].max()))
        if wider == (left, right):
            top, bottom = min(top, int(near[:, 0].min())), max(bottom, int(near[:, 1].max()))
            return Box(left, top, right - left, bottom - top)
        left, right = wider
