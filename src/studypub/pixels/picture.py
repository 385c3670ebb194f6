"""A frame as a person sees it."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from pydicom.dataset import Dataset

from studypub.pixels import display, palette
from studypub.pixels.decoded import Decoded
from studypub.pixels.form import MONOCHROME, PALETTE, YBR, Form
from studypub.pixels.native import Stored
from studypub.pixels.values import patterns, values

Bytes = NDArray[np.uint8]


def grey(frame: Decoded, header: Dataset, rules: Dataset) -> Bytes:
    """Return (rows, columns); colours by their luminance (ITU-R BT.601)."""
    if frame.form.photometric in MONOCHROME:
        return _monochrome(frame.samples[:, :, 0], frame.form, rules)
    if frame.form.photometric in YBR:
        return _to_bytes(frame.samples[:, :, 0], frame.form)
    return np.asarray(Image.fromarray(colour(frame, header, rules)).convert("L"))


def colour(frame: Decoded, header: Dataset, rules: Dataset) -> Bytes:
    """Return (rows, columns, 3) as RGB, or (rows, columns) of what has no colours."""
    form = frame.form
    if form.photometric in MONOCHROME:
        return grey(frame, header, rules)
    if form.photometric == PALETTE:
        return palette.colours(header, form)[patterns(frame.samples[:, :, 0], form)]
    pixels = np.ascontiguousarray(_to_bytes(frame.samples, form))
    if form.photometric in YBR:
        return np.asarray(Image.frombytes("YCbCr", (form.columns, form.rows), pixels.tobytes()).convert("RGB"))
    return pixels


def _monochrome(samples: Stored, form: Form, rules: Dataset) -> Bytes:
    return monochrome(samples, form, [rules])[0]


def monochrome(samples: Stored, form: Form, ways: Sequence[Dataset]) -> list[Bytes]:
    """Return (rows, columns) as it is seen by each of these rules."""
    if form.stored > 16:
        numbers = values(samples, form)
        shown = [display.grey(numbers, rules, int(numbers.min()), int(numbers.max())) for rules in ways]
    else:
        places = patterns(samples, form)
        if form.signed:
            places ^= places.dtype.type(1 << form.stored - 1)  # in the order of their values
        lowest, highest = int(places.min()), int(places.max())
        places -= places.dtype.type(lowest)
        least = lowest - (1 << form.stored - 1 if form.signed else 0)
        levels = np.arange(least, least + highest - lowest + 1, dtype=np.int64)
        ends = int(levels[0]), int(levels[-1])
        shown = [np.take(display.grey(levels, rules, *ends), places) for rules in ways]
    return [255 - one if form.photometric == "MONOCHROME1" else one for one in shown]


def _to_bytes(samples: Stored, form: Form) -> Bytes:
    """Scale colours of any depth to 8 bits."""
    found = patterns(samples, form)
    if form.stored <= 8:
        return (found.astype(np.uint16) * 255 // ((1 << form.stored) - 1)).astype(np.uint8)
    return (found >> found.dtype.type(form.stored - 8)).astype(np.uint8)
