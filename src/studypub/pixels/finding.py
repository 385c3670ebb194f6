"""Looks for text in one frame with both detectors, and weighs what they say against each other."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import numpy as np
from scipy import ndimage

from studypub.core.masking import Box
from studypub.pixels.arrays import Grey
from studypub.pixels.chains import LETTERS, Chain, chains
from studypub.pixels.known import Known
from studypub.pixels.relief import relief
from studypub.pixels.text import Page, Word, words
from studypub.pixels.views import Frame

_PIXELS: Final = 3.2e6  # of a page: more take Tesseract seconds
_LETTER: Final = 32  # pixels: how high Tesseract likes letters to be
_MOST_CROPS: Final = 40
_LARGE: Final = 56  # pixels: Tesseract is sure of words as high as this
_UPWARDS: Final = 6  # letters of a line that runs upwards: such lines are rare
_INK: Final = 0.45  # of what stands out most within _NEAR pixels
_NEAR: Final = 31
_PADDING: Final = 4


@dataclass(frozen=True, slots=True)
class Found:
    """What was read; the lines that are text; and lines that look like it, though nobody can read them."""

    words: tuple[Word, ...] = ()
    lines: tuple[Box, ...] = ()
    doubtful: tuple[Box, ...] = ()


def by_shape(frame: Frame) -> Found:
    """Look without reading: every clear line is doubtful."""
    return Found(doubtful=tuple(chain.box for view in frame.views for chain in chains(view, 2) if chain.clear))


def by_reading(frame: Frame, known: Known, folder: Path, *, again: bool = False) -> Found:
    """Read, and ask Tesseract about every line that has the shape of text.

    `again`: by other means than at first, and also for lines that run upwards; to be used on what is covered so far.

    Raises CannotRead.
    """
    pages = [page for view in frame.views for page in (_other_pages(view) if again else _pages(view))]
    seen = [(view, chain) for view in frame.views for chain in chains(view, 2)]
    pieces = [chain for _, chain in seen]
    read = [word for page in words(pages, folder) for word in page if _is_text(word, pieces, known)]
    lines = [_line(word.box, pieces) for word in read]
    left = [(view, chain) for view, chain in seen if _is_line(chain) and not _is_within(chain.core, lines)]
    more = _read_closely(left, lines, folder)
    turned = _turned(frame, folder) if again else Found()
    return Found(
        (*_distinct([*read, *more.words]), *turned.words),
        (*lines, *more.lines, *turned.lines),
        (*more.doubtful, *turned.doubtful),
    )


def _turned(frame: Frame, folder: Path) -> Found:
    """Look for lines that run upwards or downwards, as on films; the first letters of many lines seem to, too."""
    seen = [(view, chain) for view in map(np.rot90, frame.views) for chain in chains(view, _UPWARDS) if chain.clear]
    found = _read_closely(seen, (), folder, upside_down=True)
    columns = frame.views[0].shape[1]
    return Found(
        tuple(Word(word.text, word.confidence, _back(word.box, columns)) for word in found.words),
        tuple(_back(box, columns) for box in found.lines),
        tuple(_back(box, columns) for box in found.doubtful),
    )


def _back(box: Box, columns: int) -> Box:
    """Return where a box stands once the picture is turned back clockwise."""
    return Box(columns - box.y - box.height, box.x, box.height, box.width)


def _distinct(read: Sequence[Word]) -> list[Word]:
    """Leave out what was read twice, bright and dark, closely and from afar."""
    kept: list[Word] = []
    for word in sorted(read, key=lambda word: -word.confidence):
        if not _is_within(word.box, [other.box for other in kept]):
            kept.append(word)
    return kept


def _pages(view: Grey) -> Iterator[Page]:
    scale = _scale(view, 2)
    for bright in (True, False):
        yield Page(np.invert(relief(view, bright=bright, strict=True)), scale)


def _other_pages(view: Grey) -> Iterator[Page]:
    """Yield it larger and with hard edges; and, for letters too thick to stand out, smaller, as it is."""
    scale = _scale(view, 3)
    for bright in (True, False):
        raised = relief(view, bright=bright, strict=True)
        ink = raised > _INK * ndimage.grey_dilation(raised, size=(_NEAR, _NEAR))
        yield Page(np.where(ink, 0, 255).astype(np.uint8), scale)
        yield Page(np.invert(view) if bright else view, 0.5)


def _scale(view: Grey, most: float) -> float:
    return float(np.clip((_PIXELS * most / 2 / view.size) ** 0.5, 1, most))


def _is_text(word: Word, pieces: Iterable[Chain], known: Known) -> bool:
    """Tell words from what Tesseract makes of speckle: it is seldom sure there, and the pieces form no line."""
    if word.signs >= LETTERS and known.names(word.text):
        return True
    if word.signs < 2 or word.box.height < 5:
        return False
    if word.signs >= LETTERS and word.confidence >= 75:
        return True
    if word.box.height > (_LARGE if word.signs >= LETTERS else _LARGE / 2):
        return False
    sure = {2: 80, 3: 65, 4: 50, 5: 40}.get(word.signs, 0)  # of noise it makes no long words
    return word.confidence >= sure and _share(word.box, [piece.box for piece in pieces]) >= 0.6


def _is_line(chain: Chain) -> bool:
    return chain.clear or chain.letters >= LETTERS


def _line(word: Box, pieces: Iterable[Chain]) -> Box:
    """Widen a word to the line it stands on."""
    line = word
    for piece in pieces:
        if piece.box.height <= 1.3 * word.height and _share(piece.box, [word]) > 0:
            line = _around(line, piece.box)
    return line


def _read_closely(
    left: Sequence[tuple[Grey, Chain]], beside: Sequence[Box], folder: Path, *, upside_down: bool = False
) -> Found:
    """Read lines one by one, at the size that Tesseract reads best."""
    unlike = {(chain.box, chain.bright): (view, chain) for view, chain in left}.values()
    longest = sorted(unlike, key=lambda one: one[1].letters, reverse=True)[:_MOST_CROPS]
    crops = [crop for view, chain in longest for crop in _crops(view, chain)]
    read = words(crops, folder) if crops else []
    if upside_down and crops:
        over = words([replace(crop, grey=np.rot90(crop.grey, 2)) for crop in crops], folder)
        read = [one + other for one, other in zip(read, over, strict=True)]
    found: list[Word] = []
    lines = []
    for (_, chain), *both in zip(longest, read[::2], read[1::2], strict=True):
        legible = [word for page in both for word in page if _is_legible(word)]
        found += legible
        lines += [chain.box] if legible else []
    covered = [*beside, *lines]
    doubtful = (chain.box for _, chain in left if chain.clear and not _is_within(chain.core, covered))
    return Found(tuple(found), tuple(lines), tuple(doubtful))


def _crops(view: Grey, chain: Chain) -> Iterator[Page]:
    """Yield the line as it stands out, and its letters alone."""
    box = chain.box
    beside, above = 2 * box.height, box.height
    x, y = max(0, box.x - beside), max(0, box.y - above)
    part = relief(view[y : box.y + box.height + above, x : box.x + box.width + beside], bright=chain.bright)
    for page in (np.invert(part), np.where(part > chain.level, 0, 255).astype(np.uint8)):
        padded = np.pad(page, _PADDING, constant_values=255)
        yield Page(padded, float(np.clip(_LETTER / box.height, 0.5, 5)), x - _PADDING, y - _PADDING)


def _is_legible(word: Word) -> bool:
    return word.confidence >= {0: 101, 1: 101, 2: 85, 3: 70}.get(word.signs, 50)


def _is_within(box: Box, lines: Sequence[Box]) -> bool:
    return _share(box, lines) >= 0.8


def _share(box: Box, others: Iterable[Box]) -> float:
    """Return how much of the box's width others on the same line take."""
    taken = np.zeros(max(1, box.width), bool)
    for other in others:
        common = min(box.y + box.height, other.y + other.height) - max(box.y, other.y)
        if common > 0.5 * min(box.height, other.height):
            taken[max(0, other.x - box.x) : max(0, other.x + other.width - box.x)] = True
    return float(taken.mean())


def _around(one: Box, other: Box) -> Box:
    x, y = min(one.x, other.x), min(one.y, other.y)
    right = max(one.x + one.width, other.x + other.width)
    bottom = max(one.y + one.height, other.y + other.height)
    return Box(x, y, right - x, bottom - y)
