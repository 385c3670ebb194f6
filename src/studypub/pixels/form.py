"""The form of the samples: what the Image Pixel module says of them (PS3.3 C.7.6.3)."""

from dataclasses import dataclass, replace
from typing import Final

from pydicom.dataset import Dataset

from studypub.deid import elements
from studypub.pixels.unreadable import Unreadable

# Samples of one frame: 134 million, as a frame of 8192 x 5461 in colour, six times a mammogram.
LARGEST_FRAME: Final = 1 << 27

MONOCHROME: Final = frozenset({"MONOCHROME1", "MONOCHROME2"})
PALETTE: Final = "PALETTE COLOR"
SUBSAMPLED: Final = "YBR_FULL_422"
YBR: Final = frozenset({"YBR_FULL", SUBSAMPLED})
# Transforms of a JPEG 2000 code stream; what its decoder returns is RGB (PS3.3 C.7.6.3.1.2).
TRANSFORMED: Final = frozenset({"YBR_ICT", "YBR_RCT"})
_COLOURS: Final = frozenset({"RGB"}) | YBR | TRANSFORMED


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """How the samples of a frame are told."""

    rows: int
    columns: int
    samples: int  # of a pixel
    allocated: int  # bits of a sample
    stored: int  # bits of it that are its value
    low_bit: int  # the lowest of these; overlays used to lie in the rest
    signed: bool
    planar: bool  # plane by plane
    photometric: str
    count: int  # frames

    def within(self, precision: int, photometric: str) -> "Form":
        """Return the form of samples as a decoder returns them: so many bits, perhaps in other colours."""
        fits = self.low_bit + self.stored <= precision
        low_bit, stored = (self.low_bit, self.stored) if fits else (0, precision)
        return replace(self, allocated=precision, stored=stored, low_bit=low_bit, photometric=photometric, planar=False)


def form(header: Dataset) -> Form:
    """Return the form that a header tells.

    Raises Unreadable where there is no image, or its form is retired, contradictory or too large.
    """
    samples = elements.number(header, 0x00280002, 1)
    allocated = elements.number(header, 0x00280100)
    stored = elements.number(header, 0x00280101, allocated)
    told = Form(
        rows=elements.number(header, 0x00280010),
        columns=elements.number(header, 0x00280011),
        samples=samples,
        allocated=allocated,
        stored=stored,
        low_bit=elements.number(header, 0x00280102, stored - 1) + 1 - stored,
        signed=elements.number(header, 0x00280103) == 1,
        planar=samples > 1 and elements.number(header, 0x00280006) == 1,
        photometric=elements.string(header, 0x00280004),
        count=_count(header),
    )
    _check(told)
    return told


def _count(header: Dataset) -> int:
    frames = elements.string(header, 0x00280008).partition("\\")[0]
    return int(frames) if frames.isdigit() and int(frames) > 0 else 1


def _check(told: Form) -> None:
    colour = told.photometric in _COLOURS and told.samples == 3 and told.allocated > 1
    grey = told.photometric in MONOCHROME | {PALETTE} and told.samples == 1
    if not (colour or grey) or told.allocated not in {1, 8, 16, 32}:
        raise Unreadable("form")
    if told.stored < 1 or told.low_bit < 0 or told.low_bit + told.stored > told.allocated:
        raise Unreadable("bits")
    if not 0 < told.rows * told.columns * told.samples <= LARGEST_FRAME:
        raise Unreadable("size")
