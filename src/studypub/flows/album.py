"""Pictures of a study are drawn, of what is published and nothing else, while that is searched."""

import logging
import os
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Final, NamedTuple, Self

from pydicom import FileDataset

from studypub.archive.whole_file import disk_errors
from studypub.config import Preview as Settings
from studypub.core.preview import CT_WINDOWS, OWN, Picture, Preview, Series, Stack
from studypub.core.task import LeftOut
from studypub.flows import sitting
from studypub.flows.sitting import Job, Seen
from studypub.log import describe
from studypub.pixels.drawing import Drawn, Piece, Slide
from studypub.pixels.painter import Painter, Stopped

log = logging.getLogger(__name__)

_SECONDS: Final = 60.0  # for all pictures of a study
_MOST_BYTES: Final = 64 << 20
ROOM_BYTES: Final = 2 * _MOST_BYTES  # while they are put into the companion
# A study has one process that draws, and a second one while there is a processor left for that.
_SECOND_HANDS: Final = threading.Semaphore((os.cpu_count() or 1) - 1)
_WORTH_A_SECOND: Final = 8  # files


class Pictures(NamedTuple):
    """A preview, and its pictures: the parts lie in this file one after the other, so many bytes each."""

    preview: Preview
    path: Path
    sizes: tuple[int, ...]

    def contents(self) -> Iterator[bytes]:
        """Yield the parts. Raises DiskFull."""
        with disk_errors(), self.path.open("rb") as file:
            for size in self.sizes:
                yield file.read(size)


@dataclass
class _Pages:
    """The pictures of a series: which part shows an image through a window; None: it could not be drawn."""

    pictures: dict[str, dict[int, Picture]] = field(default_factory=dict)
    small: int | None = None


class _Sheet:
    """What is drawn and what is to be, for several that draw at once."""

    def __init__(self, jobs: Iterable[Job], series: int, target: BinaryIO, closed: threading.Event) -> None:
        self.pages = [_Pages() for _ in range(series)]
        self.sizes: list[int] = []
        self._jobs = iter(jobs)
        self._target = target
        self._closed = closed
        self._lock = threading.Lock()
        self._until = time.monotonic() + _SECONDS

    def fill(self, painter: Painter) -> None:
        """Draw what nobody draws yet, as long as there is time and room. Raises Stopped, OSError."""
        while job := self._next():
            for at, slide in enumerate(painter.draw(job.drawing)):
                if self._closed.is_set():
                    raise Stopped
                self._take(job, at, slide)
                if self._is_full():
                    break

    def _next(self) -> Job | None:
        with self._lock:
            return None if self._is_full() else next(self._jobs, None)

    def _take(self, job: Job, at: int, slide: Slide) -> None:
        with self._lock:
            for drawn in _put(self.pages[job.series], job, at, slide, len(self.sizes)):
                self._target.write(drawn.content)
                self.sizes.append(len(drawn.content))

    def _is_full(self) -> bool:
        return time.monotonic() > self._until or sum(self.sizes) > _MOST_BYTES


class Album:
    """The pictures of one publication; whoever begins it ends it with `close`."""

    def __init__(self, settings: Settings, folder: Path, stop: threading.Event) -> None:
        """Draw into the folder."""
        self._settings = settings
        self._path = folder / "pictures"
        self._stop = stop
        self._closed = threading.Event()
        self._series: dict[str, Seen] = {}
        self._others = 0
        # A thread of its own: the process that draws starts while images still come.
        self._thread = ThreadPoolExecutor(1, "draw")
        self._painter = self._thread.submit(Painter, stop) if settings.enabled else None
        self._drawing: Future[Pictures | None] | None = None

    def note(self, dataset: FileDataset, pieces: tuple[Piece, ...]) -> None:
        """Take note of an instance that is packed, and of where its bytes lie."""
        if self._painter is None:
            return
        if not sitting.has_pixels(dataset):
            self._others += 1
            return
        uid = sitting.series_of(dataset)
        series = self._series.get(uid)
        if series is None:
            series = self._series[uid] = sitting.begun(dataset)
        series.images.append(sitting.image_of(dataset, pieces))

    def begin(self, left_out: Sequence[LeftOut]) -> None:
        """Draw what was noted, beside whatever else is done."""
        if self._painter is not None:
            self._drawing = self._thread.submit(self._draw, self._painter, left_out)

    def finish(self) -> Pictures | None:
        """Return the pictures, when they are drawn; None where there is no preview. Raises Stopped."""
        try:
            return self._drawing.result() if self._drawing else None
        except OSError as error:  # no process, no room: what is published does not depend on pictures of it
            log.warning("Предпросмотр не подготовлен: %s", describe(error))
            return None

    def close(self) -> None:
        """Leave nothing of it."""
        self._closed.set()
        self._thread.submit(self._end)
        self._thread.shutdown()

    def _end(self) -> None:
        if self._painter is not None and not self._painter.exception():
            self._painter.result().close()
        self._path.unlink(missing_ok=True)

    def _draw(self, painter: "Future[Painter]", left_out: Sequence[LeftOut]) -> Pictures | None:
        series = sorted(self._series.values(), key=lambda one: one.number)
        for one in series:
            one.images.sort(key=lambda image: image.number)
        jobs = sitting.jobs(series, self._settings.images_per_series, self._settings.images_per_study)
        with self._path.open("wb") as target, ThreadPoolExecutor(1, "draw") as another:
            sheet = _Sheet(jobs, len(series), target, self._closed)
            second = another.submit(self._second, sheet) if len(jobs) >= _WORTH_A_SECOND else None
            sheet.fill(painter.result())
            if second:
                second.result()
        told = tuple(_told(one, page) for one, page in zip(series, sheet.pages, strict=True))
        held_back = tuple((group.sentence, group.count) for group in left_out)
        return Pictures(Preview(series=told, others=self._others, held_back=held_back), self._path, tuple(sheet.sizes))

    def _second(self, sheet: "_Sheet") -> None:
        """Draw beside the first process, if nobody else has a second one."""
        if not _SECOND_HANDS.acquire(blocking=False):
            return
        with ExitStack() as used:
            used.callback(_SECOND_HANDS.release)
            try:
                painter = used.enter_context(Painter(self._stop))
            except OSError:  # the first one goes on alone
                return
            sheet.fill(painter)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _put(pages: _Pages, job: Job, at: int, slide: Slide, part: int) -> list[Drawn]:
    """Put the pictures of a shot into their places, and return what are to be the next parts."""
    place, names = job.places[at], job.windows[at]
    parts: list[Drawn] = []
    for name, drawn in zip(names, slide.pictures, strict=False):
        instance, frame = (job.instance, job.drawing.shots[at].frame + 1) if name == OWN else ("", 0)
        picture = Picture(
            image=place + 1,
            part=part + len(parts),
            width=drawn.width,
            height=drawn.height,
            instance=instance,
            frame=frame,
        )
        pages.pictures.setdefault(name, {})[place] = picture
        parts.append(drawn)
    if not slide.pictures:
        pages.pictures.setdefault(OWN, {})[place] = Picture(image=place + 1, part=None)
    if slide.small:
        pages.small = part + len(parts)
        parts.append(slide.small)
    return parts


def _told(series: Seen, pages: _Pages) -> Series:
    stacks = tuple(
        Stack(window=name, pictures=tuple(picture for _, picture in sorted(pages.pictures[name].items())))
        for name in (OWN, *CT_WINDOWS)
        if name in pages.pictures
    )
    return Series(
        uid=series.uid,
        modality=series.modality,
        title=series.title,
        images=series.count,
        stacks=stacks or (Stack(window=OWN, pictures=()),),
        thumbnail=pages.small,
    )
