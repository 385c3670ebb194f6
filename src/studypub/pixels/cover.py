"""Covers places of every frame, and writes the instance anew around them."""

from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from studypub.pixels import header
from studypub.pixels.black import Black
from studypub.pixels.coded import Coded
from studypub.pixels.decoded import Decoded
from studypub.pixels.encode import coding
from studypub.pixels.form import SUBSAMPLED, Form
from studypub.pixels.fragments import Fragments
from studypub.pixels.native import Native, Stored, by_pixel
from studypub.pixels.part10 import Part10, opened
from studypub.pixels.unreadable import Unreadable, damage

Mask = NDArray[np.bool_]


def cover(source: Path, target: Path, hidden: Mask) -> None:
    """Write the instance with `hidden` (rows, columns; True: covered) black in every frame.

    `target` becomes a Part 10 file with the header of the original, changed only where the new coding demands it; what
    stood behind the pixel data (signatures, padding, private groups) is left out. Uncompressed pixels stay in their
    coding, RLE, JPEG-LS and JPEG 2000 in theirs, but without loss; JPEG becomes JPEG-LS, HTJ2K JPEG 2000. Where nothing
    was lost before, every sample that is not hidden stays what it was.

    Raises Unreadable, and OSError, also if `target` is there already; no half-written file is left behind.
    """
    with opened(source) as file:
        if hidden.shape != (file.form.rows, file.form.columns):
            raise Unreadable("the mask is of another size")
        with target.open("xb") as written:
            try:
                with damage():
                    _write(file, written, hidden)
            except (Unreadable, OSError):
                target.unlink()
                raise


def _write(file: Part10, target: BinaryIO, hidden: Mask) -> None:
    black = Black(file.form, file.header)
    if file.native:
        _native(file, target, hidden, black)
    else:
        _encapsulated(file, target, hidden, black)


def _native(file: Part10, target: BinaryIO, hidden: Mask, black: Black) -> None:
    frames = Native(file)
    header.native(target, file.header, file.encoding, file.vr, frames.size + frames.size % 2)
    for several in frames.steps():
        for stored in several:
            _cover_stored(stored, file.form, hidden, black)
        target.write(frames.to_bytes(several))
    target.write(bytes(frames.size % 2))


def _cover_stored(stored: Stored, form: Form, hidden: Mask, black: Black) -> None:
    """Cover a stored frame; of YBR_FULL_422 both pixels of a pair, since they share their colour."""
    if form.photometric == SUBSAMPLED:
        stored[hidden.reshape(form.rows, -1, 2).any(axis=2)] = [0, 0, 128, 128]
    else:
        _cover_pixels(Decoded(by_pixel(stored, form), form), hidden, black)


def _cover_pixels(frame: Decoded, hidden: Mask, black: Black) -> None:
    frame.samples[hidden] = black.of(frame, hidden)


def _encapsulated(file: Part10, target: BinaryIO, hidden: Mask, black: Black) -> None:
    frames = Coded(file)
    chosen = coding(file.syntax)
    fragments = Fragments(target, file.form.count)
    for number, frame in enumerate(frames.frames()):
        _cover_pixels(frame, hidden, black)
        if not number:
            header.encapsulated(target, file.header, chosen.syntax, frame)
            fragments.begin(frame.samples.nbytes)
        fragments.add(chosen.encode(frame))
    fragments.end()
