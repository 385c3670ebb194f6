"""Draws frames as small pictures for a browser."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from studypub.pixels.drawing import Drawing, Drawn, Piece, Shot, Slide
from studypub.pixels.frames import Frames, Unreadable

_SMALL: Final = 160  # pixels
_SUBSAMPLING: Final = "4:2:0"


def draw(drawing: Drawing) -> Iterator[Slide]:
    """Yield a slide for each shot, in their order; one that cannot be drawn is empty."""
    done = 0
    try:
        with _one_file(drawing.pieces) as path, Frames(path) as frames:
            for shot in drawing.shots:
                yield _slide(frames, shot, drawing)
                done += 1
    except (Unreadable, OSError, MemoryError):
        yield from [Slide()] * (len(drawing.shots) - done)


def _slide(frames: Frames, shot: Shot, drawing: Drawing) -> Slide:
    try:
        seen = frames.through(shot.frame, shot.windows, drawing.otherwise)
        small = _drawn(seen[0], frames.stretch, replace(drawing, side=_SMALL)) if shot.small else None
        return Slide(pictures=tuple(_drawn(pixels, frames.stretch, drawing) for pixels in seen), small=small)
    except (Unreadable, IndexError, MemoryError):
        return Slide()


def _drawn(pixels: NDArray[np.uint8], stretch: float, drawing: Drawing) -> Drawn:
    picture = Image.fromarray(pixels)
    size = fitted(picture.width, picture.height, stretch, drawing.side, drawing.viewport)
    if size != picture.size:
        picture = picture.resize(size, Image.Resampling.BICUBIC, reducing_gap=2.0)
    target = BytesIO()
    picture.save(target, drawing.coding, quality=drawing.quality, subsampling=_SUBSAMPLING)
    return Drawn(*size, target.getvalue())


def fitted(
    width: int, height: int, stretch: float, side: int, viewport: tuple[int, int] | None = None
) -> tuple[int, int]:
    """Return the size of a picture whose pixels are `stretch` times as high as wide, as it is to be shown.

    It is made smaller, never larger, to have no side that is longer; or to fill the viewport, if there is one.
    """
    wide, high = (float(width), height * stretch) if stretch >= 1 else (width / stretch, float(height))
    scale = min(viewport[0] / wide, viewport[1] / high) if viewport else min(1.0, side / max(wide, high))
    return max(1, round(wide * scale)), max(1, round(high * scale))


@contextmanager
def _one_file(pieces: tuple[Piece, ...]) -> Iterator[Path]:
    """Show the pieces as one file; more than one are put together in memory."""
    (first, *others) = pieces
    if not others and not first.begin and first.end == first.path.stat().st_size:
        yield first.path
        return
    memory = os.memfd_create("image", os.MFD_CLOEXEC)
    try:
        with os.fdopen(os.dup(memory), "wb") as target:
            for piece in pieces:
                with piece.path.open("rb") as source:
                    source.seek(piece.begin)
                    target.write(source.read(piece.end - piece.begin))
        yield Path(f"/proc/self/fd/{memory}")
    finally:
        os.close(memory)
