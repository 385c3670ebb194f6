"""One frame in memory."""

from dataclasses import dataclass

from studypub.pixels.form import Form
from studypub.pixels.native import Stored


@dataclass(frozen=True, slots=True)
class Decoded:
    """A frame's samples, pixel by pixel."""

    samples: Stored  # (rows, columns, samples)
    form: Form  # of these samples
    signed: bool = False  # a JPEG 2000 code stream that tells them with a sign
    transformed: bool = False  # it told them by a transform of RGB
