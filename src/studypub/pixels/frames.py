"""The frames of a file, decoded one at a time, to be looked at."""

from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from studypub.pixels import display, picture
from studypub.pixels.coded import Coded
from studypub.pixels.decoded import Decoded
from studypub.pixels.form import MONOCHROME
from studypub.pixels.native import Native, by_pixel
from studypub.pixels.part10 import opened
from studypub.pixels.unreadable import Unreadable, damage

Window = tuple[float, float] | tuple[float, float, str]  # centre, width, function

__all__ = ["Frames", "Unreadable"]


class Frames:
    """The frames of a Part 10 file; numbers count from 0."""

    def __init__(self, path: Path) -> None:
        """Open the file; it stays open until `close`. Raises Unreadable, OSError."""
        with ExitStack() as stack:
            self._file = stack.enter_context(opened(path))
            self._source = Native(self._file) if self._file.native else Coded(self._file)
            self._stack = stack.pop_all()
        self.count = self._file.form.count
        self.rows = self._file.form.rows
        self.columns = self._file.form.columns
        self.stretch = display.stretch(self._file.header)

    def grey(self, number: int, *, windowed: bool = True) -> NDArray[np.uint8]:
        """Return a frame as (rows, columns), black 0, white 255; colours by their luminance.

        Values are seen through the window of the header. Without one, or if not `windowed`, they are stretched from the
        darkest to the brightest of the frame, which also shows what the window would hide. Raises Unreadable.
        """
        self._check(number)
        with damage():
            return picture.grey(self._decoded(number), self._file.header, self._rules(number, windowed))

    def colour(self, number: int) -> NDArray[np.uint8]:
        """Return a frame as RGB: (rows, columns, 3); (rows, columns) where it has no colours. Raises Unreadable."""
        self._check(number)
        with damage():
            return picture.colour(self._decoded(number), self._file.header, self._rules(number, windowed=True))

    def through(
        self, number: int, windows: Sequence[Window | None], otherwise: Window | None = None
    ) -> list[NDArray[np.uint8]]:
        """Return a frame as `colour` does, once for each window; None is that of the header, or `otherwise`.

        What has colours knows no windows, and comes but once. Quick in any order. Raises Unreadable.
        """
        self._check(number)
        with damage():
            frame, rules = self._decoded(number, anywhere=True), self._rules(number, windowed=True)
            if frame.form.photometric not in MONOCHROME:
                return [picture.colour(frame, self._file.header, rules)]
            own = display.through(rules, *otherwise) if otherwise and not display.has_window(rules) else rules
            ways = [display.through(rules, *window) if window else own for window in windows]
            return picture.monochrome(frame.samples[:, :, 0], frame.form, ways)

    def _check(self, number: int) -> None:
        if not 0 <= number < self.count:
            raise IndexError(number)

    def _decoded(self, number: int, *, anywhere: bool = False) -> Decoded:
        if isinstance(self._source, Coded):
            return self._source.at(number) if anywhere else self._source.frame(number)
        return Decoded(by_pixel(self._source.frame(number), self._file.form), self._file.form)

    def _rules(self, number: int, windowed: bool) -> Dataset:
        return display.rules(self._file.header, number) if windowed else Dataset()

    def close(self) -> None:
        """Close the file."""
        self._stack.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
