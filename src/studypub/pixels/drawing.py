"""What is asked of the process that draws previews, and what that answers."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple

from studypub.core.preview import Window


class Piece(NamedTuple):
    """Bytes of a file."""

    path: Path
    begin: int
    end: int


class Shot(NamedTuple):
    """A frame, from 0 on, and the windows through which it is drawn; None is that of the header.

    `small`: a small picture through the first window is wanted, too.
    """

    frame: int
    windows: tuple[Window | None, ...]
    small: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawing:
    """Frames of one Part 10 file, which is made of these pieces; no side of a picture is longer than `side`, pixels.

    `otherwise`: the window where the header has none; None: from the darkest to the brightest of the frame.
    `viewport`: width and height that a picture fills as far as its shape lets it. `coding`: as Pillow calls it;
    `quality`: of a JPEG, from 1 to 100.
    """

    pieces: tuple[Piece, ...]
    shots: tuple[Shot, ...]
    side: int
    otherwise: Window | None = None
    viewport: tuple[int, int] | None = None
    coding: Literal["JPEG", "PNG"] = "JPEG"
    quality: int = 80


class Drawn(NamedTuple):
    """A picture: its size in pixels, and how it is coded."""

    width: int
    height: int
    content: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Slide:
    """What became of one shot: a picture for each window, one for all where it has colours, none if it is broken.

    `is_unfinished`: whoever was to draw it died over it, or took too long.
    """

    pictures: tuple[Drawn, ...] = ()
    small: Drawn | None = None
    is_unfinished: bool = False
