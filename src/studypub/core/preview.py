"""What a preview tells: series, the windows through which they are seen, and where each picture is."""

from dataclasses import dataclass
from typing import Final, NamedTuple

import msgspec

from studypub.errors import Sentence


class Window(NamedTuple):
    """What is black and what is white, in the units of the image (of a CT: HU); PS3.3 C.11.2.1.2, C.11.2.1.3."""

    centre: float
    width: float
    function: str = "LINEAR"


# What radiologists ask a CT for. The name is what pages call them by.
CT_WINDOWS: Final = {
    "soft": Window(40, 400),
    "lung": Window(-600, 1500),
    "bone": Window(400, 1800),
    "brain": Window(40, 80),
}
INDEX: Final = "preview"  # the part of a companion that tells where its pictures are
OWN: Final = "own"  # the window that the image itself asks for


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """One image of a series, from 1 on, and the part that holds its picture; None: it could not be shown.

    `instance`, `frame`: which image that is, in the first stack of a series; empty where that was not noted.
    """

    image: int
    part: int | None
    width: int = 0
    height: int = 0
    instance: str = ""
    frame: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Stack:
    """The pictures of a series through one window."""

    window: str
    pictures: tuple[Picture, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """A series as it is shown; `title` is what the profile kept of its description. The first stack is its own."""

    uid: str = ""
    modality: str
    title: str
    images: int
    stacks: tuple[Stack, ...]
    thumbnail: int | None = None

    @property
    def shown(self) -> int:
        """How many of its images there are pictures of."""
        return sum(picture.part is not None for picture in self.stacks[0].pictures)

    @property
    def broken(self) -> int:
        """How many images should have been shown, and could not be."""
        return len(self.stacks[0].pictures) - self.shown


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """A study as it is shown: its series, how many files have no image, and what was held back."""

    series: tuple[Series, ...]
    others: int = 0
    held_back: tuple[tuple[Sentence, int], ...] = ()


def opening(preview: Preview) -> int:
    """Return the place of the series that is shown first: not a scout of an image or two, where there is more."""
    shown = [series.shown for series in preview.series]
    return next((place for place, count in enumerate(shown) if count > 3), shown.index(max(shown)) if shown else 0)


def name_of(part: int) -> str:
    """Return the name of the part of a companion that holds a picture."""
    return f"preview/{part}"


def encoded(preview: Preview) -> bytes:
    """Return what is kept of a preview beside its pictures."""
    return msgspec.json.encode(preview)


def decoded(content: bytes) -> Preview:
    """Return the preview. Raises msgspec.MsgspecError."""
    return msgspec.json.decode(content, type=Preview)
