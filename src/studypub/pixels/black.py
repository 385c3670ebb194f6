"""What a covered pixel holds: the darkest that is displayed."""

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from studypub.pixels import display, palette
from studypub.pixels.decoded import Decoded
from studypub.pixels.form import MONOCHROME, PALETTE, YBR, Form
from studypub.pixels.values import all_values, values

_RED, _GREEN, _BLUE = 299, 587, 114  # ITU-R BT.601, in thousandths


class Black:
    """The black of an instance."""

    def __init__(self, form: Form, header: Dataset) -> None:
        """Take from the header what it says. Raises Unreadable for a palette that cannot be read."""
        self._windowed = display.has_window(display.rules(header, 0))
        self._darkest = _darkest_entry(header, form) if form.photometric == PALETTE else 0

    def of(self, frame: Decoded, hidden: NDArray[np.bool_]) -> list[int]:
        """Return the stored black of each sample of a pixel: bits that are not its value are 0, or repeat the sign."""
        form = frame.form
        if form.photometric in YBR:
            return [0, 1 << form.stored - 1 << form.low_bit, 1 << form.stored - 1 << form.low_bit]
        if form.photometric not in MONOCHROME | {PALETTE}:
            return [0, 0, 0]
        value = self._darkest if form.photometric == PALETTE else self._monochrome(frame, hidden)
        return [(value << form.low_bit) & ((1 << form.allocated) - 1)]

    def _monochrome(self, frame: Decoded, hidden: NDArray[np.bool_]) -> int:
        """Return the darkest value.

        Where a window tells what is seen, and in samples of up to 8 bits: of all that can be stored, black under any
        window. Elsewhere viewers stretch what a frame holds, and such an outlier would flatten the rest, together with
        text that was overlooked: there, the darkest that remains visible.
        """
        form = frame.form
        inverted = form.photometric == "MONOCHROME1"
        if form.stored > 8 and not self._windowed and not hidden.all():
            visible = values(frame.samples[:, :, 0][~hidden], form)
            return int(visible.max() if inverted else visible.min())
        lowest = -(1 << form.stored - 1) if form.signed else 0
        return lowest + (1 << form.stored) - 1 if inverted else lowest


def _darkest_entry(header: Dataset, form: Form) -> int:
    found = palette.colours(header, form).astype(np.int64) @ np.array([_RED, _GREEN, _BLUE])
    return int(all_values(form)[found.argmin()])
