"""What is asked of the process that draws previews, and what that answers."""

from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple


class Piece(NamedTuple):
    """Bytes of a file."""

    path: Path
    begin: int
    end: int


class Shot(NamedTuple):
    """A frame, from 0 on, and the windows (centre, width) through which it is drawn; None is that of the header.

    `small`: a small picture through the first window is wanted, too.
    """

    frame: int
    windows: tuple[tuple[float, float] | None, ...]
    small: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawing:
    """Frames of one Part 10 file, which is made of these pieces; no side of a picture is longer than `side`, pixels.

    `otherwise`: the window where the header has none; None: from the darkest to the brightest of the frame.
    """

    pieces: tuple[Piece, ...]
    shots: tuple[Shot, ...]
    side: int
    otherwise: tuple[float, float] | None = None


class Drawn(NamedTuple):
    """A picture: its pixels, and the JPEG."""

    width: int
    height: int
    jpeg: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Slide:
    """What became of one shot: a picture for each window, one for all where it has colours, none if it is broken."""

    pictures: tuple[Drawn, ...] = ()
    small: Drawn | None = None
