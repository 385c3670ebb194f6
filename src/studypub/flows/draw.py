"""A picture is drawn of what is published, when somebody asks for it; whoever asks, it is little at a time."""

import asyncio
import tempfile
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from studypub.core.preview import Window
from studypub.core.publication import Publication
from studypub.flows.view import Found, Views
from studypub.pixels.drawing import Drawing, Piece, Shot
from studypub.pixels.painter import Painter

_SECONDS: Final = 20.0  # of a frame, and of the start of the process before the first
_MOST_WAITING: Final = 24
_MOST_OF_ONE: Final = 8  # of one publication: as many as a browser or two ask for at once
_IDLE_SECONDS: Final = 60.0
_LARGEST_SIDE: Final = 4096  # pixels


class Crowded(Exception):
    """So many wait for a picture already that nobody else is let in."""


class Unfinished(Exception):
    """Whoever drew the picture died over it, or took too long."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """How a frame is to be seen; `window` None: as its header says."""

    window: Window | None = None
    otherwise: Window | None = None
    viewport: tuple[int, int] | None = None
    coding: Literal["JPEG", "PNG"] = "JPEG"
    quality: int = 80


class Easel:
    """One process draws, one frame after the other, and ends where nobody asks for a minute; for the event loop."""

    def __init__(self, views: Views) -> None:
        self._views = views
        self._asked: Counter[str] = Counter()
        self._stop = threading.Event()
        self._thread = ThreadPoolExecutor(1, "draw")
        self._painter: Painter | None = None
        self._rest: asyncio.TimerHandle | None = None

    async def draw(self, publication: Publication, found: Found, number: int, wish: Wish) -> bytes | None:
        """Return the picture of a frame, from 1 on; None where it cannot be shown.

        Raises Crowded, Unfinished; Stopped at the end of the program; StorageUnavailable, StorageRefused.
        """
        key, loop = publication.object_key, asyncio.get_running_loop()
        if self._asked.total() >= _MOST_WAITING or self._asked[key] >= _MOST_OF_ONE:
            raise Crowded
        if self._rest is not None:
            self._rest.cancel()
        self._asked[key] += 1
        try:
            return await loop.run_in_executor(self._thread, self._drawn, publication, found, number, wish)
        finally:
            self._asked[key] -= 1
            self._asked += Counter()  # without those that are nought
            if not self._asked:
                self._rest = loop.call_later(_IDLE_SECONDS, self._thread.submit, self._end)

    def close(self) -> None:
        """End, whoever waits."""
        self._stop.set()
        if self._rest is not None:
            self._rest.cancel()
        self._thread.shutdown(cancel_futures=True)
        self._end()

    def _drawn(self, publication: Publication, found: Found, number: int, wish: Wish) -> bytes | None:
        with tempfile.NamedTemporaryFile(prefix="studypub-") as file:
            if not self._views.write_frame(publication, found.instance, number, file):
                return None
            file.flush()
            path = Path(file.name)
            drawing = Drawing(
                pieces=(Piece(path, 0, path.stat().st_size),),
                shots=(Shot(number - 1, (wish.window,)),),
                side=_LARGEST_SIDE,
                otherwise=wish.otherwise,
                viewport=wish.viewport,
                coding=wish.coding,
                quality=wish.quality,
            )
            self._painter = self._painter or Painter(self._stop, _SECONDS)
            (slide,) = self._painter.draw(drawing)
        if slide.is_unfinished:
            raise Unfinished
        return slide.pictures[0].content if slide.pictures else None

    def _end(self) -> None:
        painter, self._painter = self._painter, None
        if painter is not None:
            painter.close()
