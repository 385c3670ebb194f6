"""Has frames drawn by a process of its own, which may crash or hang without harm: then a picture is missing."""

import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from types import TracebackType
from typing import Final, Self

import msgspec

from studypub.pixels.drawing import Drawing, Slide
from studypub.pixels.message import DrawRequest, draw_request_line, slide_of
from studypub.pixels.nursery import NURSERY
from studypub.pixels.servant import NoAnswer, Servant, Stopped

__all__ = ["Painter", "Stopped"]

_MODULE: Final = "studypub.pixels.draw_child"
_NICE: Final = 10  # everything else goes first
_SECONDS: Final = 15.0  # of a frame


def prepare() -> None:
    """Let the first study of this process find as quick a start as all others; nobody waits for it."""
    with suppress(OSError):  # then it is that study's to wait
        NURSERY.prepare(_MODULE)


class Painter:
    """One child process for the images of one study, started at once; to be closed by whoever made it."""

    def __init__(self, stop: threading.Event, seconds: float = _SECONDS) -> None:
        """Allow each frame that many seconds; `stop` ends the one under way. Raises OSError."""
        self._stop, self._seconds = stop, seconds
        self._child: Servant | None = Servant(_MODULE, nice=_NICE)

    @property
    def pid(self) -> int | None:
        """The child's process ID; None where there is none."""
        return self._child.pid if self._child else None

    def draw(self, drawing: Drawing) -> Iterator[Slide]:
        """Yield a slide for each shot, in their order; one that cannot be drawn, or not within the limits, is empty.

        Raises Stopped, OSError where no child can be started.
        """
        done = 0
        child = self._running()
        try:
            child.ask(draw_request_line(DrawRequest(drawing=drawing, seconds=self._seconds * len(drawing.shots))))
            while done < len(drawing.shots):
                slide = slide_of(child.answer(time.monotonic() + self._seconds, self._stop))
                done += 1
                yield slide
        except (NoAnswer, msgspec.DecodeError):
            pass
        finally:
            if done < len(drawing.shots):  # whatever it would still answer is of no use
                self.close()
        yield from [Slide(is_unfinished=True)] * (len(drawing.shots) - done)

    def _running(self) -> Servant:
        if self._child and not self._child.is_alive:
            self.close()
        self._child = self._child or Servant(_MODULE, nice=_NICE)
        return self._child

    def close(self) -> None:
        """End the child."""
        child, self._child = self._child, None
        if child:
            child.end()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
