"""Codes one frame anew, without loss."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import jpeg_ls
import numpy as np
from openjpeg.utils import encode_array

from studypub.pixels import rle
from studypub.pixels.decoded import Decoded

_RLE: Final = "1.2.840.10008.1.2.5"
_JPEG: Final = "1.2.840.10008.1.2.4."
_JPEG_LS: Final = _JPEG + "80"
_JPEG_2000: Final = _JPEG + "90"

# Syntaxes that lose, or may (PS3.3 C.7.6.1.1.5).
LOSSY: Final = frozenset(_JPEG + number for number in ("50", "51", "81", "91", "203"))


@dataclass(frozen=True, slots=True)
class Coding:
    """How frames that were compressed are compressed again."""

    syntax: str
    encode: Callable[[Decoded], bytes]


def _by_rle(frame: Decoded) -> bytes:
    return rle.encode(frame.samples)


def _by_jpeg_ls(frame: Decoded) -> bytes:
    """Colours by pixel (ILV 2). Samples of one bit are told in two, the least that there is."""
    rows, columns, count = frame.samples.shape
    content = np.ascontiguousarray(frame.samples).tobytes()
    bits = max(2, frame.form.allocated)
    return bytes(jpeg_ls.encode_buffer(content, rows, columns, count, bits, interleave_mode=2))


def _by_jpeg_2000(frame: Decoded) -> bytes:
    """RGB is transformed to YBR_RCT where the original was transformed, by any transform."""
    samples = frame.samples
    if frame.signed:
        sign = samples.dtype.type(1 << (frame.form.allocated - 1))
        samples = ((samples ^ sign) - sign).view(f"i{samples.dtype.itemsize}")
    return bytes(
        encode_array(
            np.ascontiguousarray(samples if samples.shape[2] > 1 else samples[:, :, 0]),
            bits_stored=frame.form.allocated,
            photometric_interpretation=1 if frame.transformed else 0,
            use_mct=frame.transformed,
        )
    )


def coding(syntax: str) -> Coding:
    """Return how frames of a transfer syntax are coded again: JPEG becomes JPEG-LS, HTJ2K JPEG 2000."""
    if syntax == _RLE:
        return Coding(_RLE, _by_rle)
    if int(syntax.rpartition(".")[2]) < 90:
        return Coding(_JPEG_LS, _by_jpeg_ls)
    return Coding(_JPEG_2000, _by_jpeg_2000)
