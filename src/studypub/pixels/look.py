"""Decides what becomes of an instance: finds the text in its frames, covers it, and looks again."""

import time
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Final

import numpy as np

from studypub.pixels import lines, views
from studypub.pixels.arrays import Mask
from studypub.pixels.cover import cover
from studypub.pixels.finding import Found, by_reading, by_shape
from studypub.pixels.frames import Frames, Unreadable
from studypub.pixels.job import Job, Outcome, Report
from studypub.pixels.known import Known
from studypub.pixels.novelty import Seen
from studypub.pixels.text import CannotRead, can_read
from studypub.pixels.thumbnail import thumbnail
from studypub.pixels.views import Frame

_MOST_FRAMES: Final = 40  # that are read; all are looked at
_SECONDS: Final = 150.0
_MOST_COVERED: Final = 0.5  # of what is shown
_LOOKS: Final = 3


class _Unsure(Exception):
    """Something may remain, or nobody could look."""


def look(job: Job, scratch: Path, seconds: float = _SECONDS) -> Report:
    """Look at every frame of the instance and write it anew, covered, if it shows text; see `Outcome`.

    `scratch`: a folder for what has to lie on the disk meanwhile.

    Raises OSError if the file cannot be read or the target cannot be written.
    """
    try:
        with Frames(job.source) as frames:
            if job.only_picture:
                return Report(outcome=Outcome.UNSURE, why="only_picture", thumbnail=thumbnail(frames))
            return _Looking(job, frames, scratch, time.monotonic() + seconds).report()
    except Unreadable:
        return Report(outcome=Outcome.UNREADABLE, why="coding")


class _Looking:
    """One instance: what is to be hidden in all its frames grows with every look."""

    def __init__(self, job: Job, frames: Frames, scratch: Path, until: float) -> None:
        self._job, self._frames, self._scratch, self._until = job, frames, scratch, until
        self._known = Known(job.identifiers)
        self._hidden = _certain(job, (frames.rows, frames.columns))
        self._boxes = len(job.hide) + len(job.show)
        self._words = self._identifiers = 0
        self._telling: int | None = None  # the first frame with text
        self._can_read = can_read()

    def report(self) -> Report:
        """Find, cover, look again; write the target if that is what it comes to."""
        try:
            self._require_reader()
            self._verify(self._find())
            self._require_picture()
        except _Unsure as unsure:
            return self._reported(Outcome.UNSURE, str(unsure))
        why = "" if self._can_read else "no_ocr"
        if not self._hidden.any():
            return self._reported(Outcome.CLEAN, why)
        cover(self._job.source, self._job.target, self._hidden)
        return self._reported(Outcome.MASKED, why)

    def _require_reader(self) -> None:
        if not self._can_read and not self._job.cover_doubtful:
            raise _Unsure("no_ocr")

    def _require_picture(self) -> None:
        """Ask a person where hardly anything of the picture would be left."""
        shown = ~_certain(self._job, self._hidden.shape)
        if not self._job.cover_doubtful and self._hidden[shown].sum() > _MOST_COVERED * shown.sum():
            raise _Unsure("much_covered")

    def _find(self) -> list[int]:
        """Look at all frames, and read those that show something new; return which were read."""
        last = self._frames.count - 1
        always, seen = {0, last // 2, last}, Seen()
        read: list[int] = []
        for number in range(self._frames.count):
            frame = self._frame(number)
            if number in always or seen.is_new(frame, self._hidden) or by_shape(frame).doubtful:
                self._require_few(read)
                self._look_first(frame)
                read.append(number)
                seen.add(frame)
        return read

    def _look_first(self, frame: Frame) -> None:
        """Cover what is read; what else looks like text may be but the spaces between the lines, and is judged then."""
        found = self._look_at(frame, again=False)
        self._cover(frame, found if self._job.cover_doubtful else replace(found, doubtful=()))
        if found.doubtful:
            self._still_shows(frame.number, again=True)

    def _verify(self, read: Iterable[int]) -> None:
        """Look at the covered frames by other means, until nothing is left."""
        left = list(read)
        for turn in range(_LOOKS):
            left = [number for number in left if self._still_shows(number, again=turn % 2 == 0)]
            if not left:
                return
        raise _Unsure("text_remains")

    def _still_shows(self, number: int, *, again: bool) -> bool:
        self._require_few(())
        frame = self._frame(number)
        return self._cover(frame, self._look_at(frame, again=again))

    def _look_at(self, frame: Frame, *, again: bool) -> Found:
        if not self._can_read:
            return by_shape(frame)
        try:
            return by_reading(frame, self._known, self._scratch, again=again)
        except CannotRead:
            raise _Unsure("no_ocr") from None

    def _cover(self, frame: Frame, found: Found) -> bool:
        """Add to what is hidden; say whether there was anything. Raises _Unsure where nobody knows if it is text."""
        boxes = [*found.lines, *found.doubtful]
        if boxes and self._telling is None:
            self._telling = frame.number
        self._words += len(found.words)
        self._identifiers += sum(self._known.names(word.text) for word in found.words)
        self._boxes += len(boxes)
        self._hidden |= lines.hidden(self._hidden.shape, boxes, frame.views)
        if found.doubtful and not self._job.cover_doubtful:
            raise _Unsure("looks_like_text")
        return bool(boxes)

    def _frame(self, number: int) -> Frame:
        return views.frame(self._frames, number).covered(self._hidden)

    def _require_few(self, read: Iterable[int]) -> None:
        if len(list(read)) >= _MOST_FRAMES or time.monotonic() > self._until:
            raise _Unsure("too_many_frames")

    def _reported(self, outcome: Outcome, why: str) -> Report:
        picture = None
        if outcome is not Outcome.CLEAN:
            with suppress(Unreadable):
                picture = thumbnail(self._frames, self._telling or 0)
        return Report(
            outcome=outcome,
            why=why,
            boxes=self._boxes,
            words=self._words,
            identifiers=self._identifiers,
            thumbnail=picture,
        )


def _certain(job: Job, shape: tuple[int, int]) -> Mask:
    """Return what is covered in any case."""
    mask = np.zeros(shape, bool)
    if job.show:
        lines.fill(mask, job.show)
        mask = ~mask
    lines.fill(mask, job.hide)
    return mask
