"""Reads uncompressed frames off the disk, a few at a time, in the form in which they are stored (PS3.5 8.1, 8.2)."""

from collections.abc import Iterator
from math import gcd
from typing import Any

import numpy as np
from numpy.typing import NDArray

from studypub.pixels.form import SUBSAMPLED, TRANSFORMED, Form
from studypub.pixels.part10 import Part10
from studypub.pixels.unreadable import Unreadable

# Samples as unsigned integers of the cell's width; a bit is an integer of one byte.
Stored = NDArray[np.unsignedinteger[Any]]


class Native:
    """The frames of a file whose pixels are not compressed."""

    def __init__(self, file: Part10) -> None:
        """Work out where frames lie. Raises Unreadable where the frames are not all there."""
        self._file = file
        self._layout = _layout(file.form)
        self._bits = int(np.prod(self._layout)) * file.form.allocated
        # Words are swapped whole in big endian; a frame of single bits may end within a byte.
        self._unit = _unit(file)
        self._step = self._unit // gcd(self._unit, self._bits)  # so many frames end together with a unit
        self.size = self._bytes(file.form.count)
        if file.length is None or self.size > file.length + file.length % 2:
            raise Unreadable("truncated")

    def frame(self, number: int) -> Stored:
        """Return one frame as it is stored."""
        first = number - number % self._step
        frame: Stored = self._read(first)[number - first]
        return frame

    def steps(self) -> Iterator[Stored]:
        """Yield all frames, as few at a time as end with a byte, mostly one: (frames, *layout)."""
        for first in range(0, self._file.form.count, self._step):
            yield self._read(first)

    def to_bytes(self, frames: Stored) -> bytes:
        """Return frames, as `steps` yields them, in the bytes in which they are stored."""
        bits = self._file.form.allocated == 1
        content = np.packbits(frames.reshape(-1), bitorder="little").tobytes() if bits else frames.tobytes()
        return self._swapped(content.ljust(self._bytes(len(frames)), b"\0"))

    def _read(self, first: int) -> Stored:
        form = self._file.form
        count = min(self._step, form.count - first)
        self._file.stream.seek(self._file.start + first * self._bits // 8)
        content = self._swapped(self._file.stream.read(self._bytes(count)))
        if form.allocated == 1:
            bits = np.unpackbits(np.frombuffer(content, np.uint8), bitorder="little", count=count * self._bits)
            return bits.reshape(count, *self._layout)
        cells = np.frombuffer(bytearray(content), f"<u{form.allocated // 8}", count * self._bits // form.allocated)
        return cells.reshape(count, *self._layout)

    def _bytes(self, count: int) -> int:
        """Return the bytes of so many frames, in whole units."""
        return -(-count * self._bits // self._unit) * self._unit // 8

    def _swapped(self, content: bytes) -> bytes:
        if self._file.encoding[1]:
            return content
        width = self._unit // 8
        return np.frombuffer(content, f">u{width}").astype(f"<u{width}").tobytes()


def _unit(file: Part10) -> int:
    """Return the bits that belong together: of a byte, or of a word in big endian (PS3.5 7.3, 8.1.1)."""
    if file.encoding[1]:
        return 8
    return max(file.form.allocated, 16 if file.vr == "OW" else 8)


def _layout(form: Form) -> tuple[int, ...]:
    """Return the shape of a stored frame; of YBR_FULL_422 two pixels are told in Y, Y, Cb, Cr (PS3.3 C.7.6.3.1.2)."""
    if form.photometric in TRANSFORMED:
        raise Unreadable("a transform of compressed pixels only")
    if form.photometric == SUBSAMPLED:
        if form.columns % 2 or form.allocated != 8:
            raise Unreadable("half a pair of pixels")
        return form.rows, form.columns // 2, 4
    if form.samples == 1:
        return form.rows, form.columns, 1
    return (3, form.rows, form.columns) if form.planar else (form.rows, form.columns, 3)


def by_pixel(stored: Stored, form: Form) -> Stored:
    """Return a stored frame as (rows, columns, samples)."""
    if form.photometric == SUBSAMPLED:
        chroma = np.repeat(stored[:, :, 2:], 2, axis=1)
        return np.concatenate((stored[:, :, :2].reshape(form.rows, form.columns, 1), chroma), axis=2)
    return np.moveaxis(stored, 0, -1) if form.planar else stored
