"""Draws images that are looked at before they are published, names in their pixels, in every form and coding."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from pydicom import dcmread
from pydicom.dataset import Dataset, FileDataset
from pydicom.sequence import Sequence
from tests.peers.corpus import codings, hiding, images
from tests.unit.pixels import burned_in
from tests.unit.pixels.images import Image, Samples, by_dcmtk, htj2k, jpeg_2000, native

_CLASS: Final = "1.2.840.10008.5.1.4.1.1."
US, US_CINE, XA, RF = _CLASS + "6.1", _CLASS + "3.1", _CLASS + "12.1", _CLASS + "12.2"
CAPTURE, BYTES, WORDS, COLOURS = _CLASS + "7", _CLASS + "7.2", _CLASS + "7.3", _CLASS + "7.4"
ENDOSCOPE, PHOTOGRAPH, CT, CR, DX = _CLASS + "77.1.1", _CLASS + "77.1.4", _CLASS + "2", _CLASS + "1", _CLASS + "1.1"

SIDES: Final = (256, 320)  # rows, columns
_BANNER: Final = 40  # rows above the region that the header tells
_NAMES: Final = (
    "Канарейкин Анна", "KANAREIKA ANNA", "КАНАРЕЙКИН А.А.", "Kanareika, Anna 01.03.1921", "ID 7730162455 Канарейкин",
)  # fmt: skip
_FULL: Final = Image(rows=SIDES[0], columns=SIDES[1])
_DEEP: Final = replace(_FULL, allocated=16, stored=12)

Coding = Callable[[Path, Image, Samples], Path]


@dataclass(frozen=True)
class Drawn:
    """Where letters are: in these frames, at these pixels; `lossless`: no sample may change where none is covered."""

    frames: tuple[int, ...]
    letters: burned_in.Mask
    lossless: bool


@dataclass(frozen=True)
class Case:
    """An image: its class, what it shows, how high its letters are (0: none), its form and its coding.

    `told`: the header says where the image is, and the letters stand outside of it unless they are `inside`.
    """

    sop_class: str
    ground: str
    height: int = 14
    form: Image = _FULL
    coding: Coding = native
    told: bool = False
    inside: bool = False
    name: str = "as it is"
    header: dict[str, Any] = field(default_factory=dict)


def rgb(form: Image = _FULL, **more: Any) -> Image:
    """Return the form in three colours."""
    return replace(form, photometric="RGB", **more)


def coded(*command: str) -> Coding:
    """Return a coding by a program of dcmtk."""
    return lambda path, form, samples: by_dcmtk(path, form, samples, *command)


def lossy_2000(path: Path, form: Image, samples: Samples) -> Path:
    """Write JPEG 2000 with some loss."""
    return jpeg_2000(path, form, samples, ratio=5)


_BASELINE: Final = coded("dcmcjpeg", "+eb", "+un")
_LOSSLESS_JPEG: Final = coded("dcmcjpeg", "+e1", "+un")
_JPEG_LS: Final = coded("dcmcjpls", "+el", "+un")
_RLE: Final = coded("dcmcrle", "+un")
LOSSY: Final = (_BASELINE, lossy_2000)
_PALETTE: Final = {
    name + "PaletteColorLookupTable" + part: value
    for name in ("Red", "Green", "Blue")
    for part, value in (("Descriptor", [256, 0, 16]), ("Data", (np.arange(255, -1, -1) * 257).astype("<u2").tobytes()))
}
_COLOURED: Final = replace(_FULL, photometric="PALETTE COLOR", more=_PALETTE)
_FILM: Final = {"ImageType": ["DERIVED", "SECONDARY"], "BurnedInAnnotation": "YES"}

CASES: Final = (
    Case(US, "speckle", told=True, name="told"),
    Case(US, "speckle", 11, rgb(), told=True, name="told, RGB"),
    Case(US, "speckle", 12, rgb(planar=1), _RLE, told=True, name="told, planes, RLE"),
    Case(US, "speckle", 16, _COLOURED, told=True, name="told, palette"),
    Case(US, "speckle", 16, replace(_FULL, photometric="YBR_FULL_422"), told=True, name="told, YBR_FULL_422"),
    Case(US, "speckle", 14, rgb(), _BASELINE, told=True, name="told, JPEG"),
    Case(US, "speckle", 14, _FULL, _LOSSLESS_JPEG, told=True, name="told, lossless JPEG"),
    Case(US, "speckle", 14, _FULL, _JPEG_LS, told=True, name="told, JPEG-LS"),
    Case(US, "speckle", 14, rgb(), jpeg_2000, told=True, name="told, JPEG 2000"),
    Case(US, "speckle", 14, _FULL, htj2k, told=True, name="told, HTJ2K"),
    Case(US, "speckle", 13, name="untold"),
    Case(US, "speckle", 18, rgb(), _RLE, name="untold, RGB, RLE"),
    Case(US, "speckle", 0, name="untold, no text"),
    Case(US, "speckle", 14, told=True, inside=True, name="told, text inside"),
    Case(US_CINE, "speckle", 14, replace(_FULL, frames=3), told=True, name="told"),
    Case(US_CINE, "speckle", 16, replace(_FULL, frames=3), _RLE, told=True, inside=True, name="told, text inside, RLE"),
    Case(US_CINE, "speckle", 12, rgb(frames=3), _BASELINE, told=True, name="told, JPEG"),
    Case(US_CINE, "speckle", 15, replace(_FULL, frames=3), _JPEG_LS, name="untold, JPEG-LS"),
    Case(XA, "vessels", 14, replace(_DEEP, frames=3), name="12 bits"),
    Case(XA, "vessels", 18, replace(_FULL, frames=3), _LOSSLESS_JPEG, name="lossless JPEG"),
    Case(XA, "vessels", 20, replace(_DEEP, frames=2), jpeg_2000, name="12 bits, JPEG 2000"),
    Case(XA, "vessels", 0, replace(_FULL, frames=2), name="no text"),
    Case(RF, "slices", 13, replace(_FULL, photometric="MONOCHROME1"), name="MONOCHROME1"),
    Case(RF, "slices", 16, _DEEP, _RLE, name="12 bits, RLE"),
    Case(RF, "slices", 0, name="no text"),
    Case(CAPTURE, "bright", 14),
    Case(CAPTURE, "black", 12, rgb(), _JPEG_LS, name="RGB, JPEG-LS"),
    Case(CAPTURE, "slices", 10, rgb(), lossy_2000, name="RGB, JPEG 2000 with loss"),
    Case(BYTES, "black", 16, replace(_FULL, frames=2), _RLE, name="RLE"),
    Case(WORDS, "slices", 16, replace(_DEEP, frames=2), name="12 bits"),
    Case(COLOURS, "black", 20, rgb(frames=2), _BASELINE, name="JPEG"),
    Case(PHOTOGRAPH, "bright", 22, rgb(), _BASELINE, name="JPEG"),
    Case(PHOTOGRAPH, "bright", 14, replace(_FULL, photometric="YBR_FULL_422")),
    Case(ENDOSCOPE, "black", 12, rgb(), jpeg_2000, name="JPEG 2000"),
    Case(ENDOSCOPE, "bright", 0, rgb(), name="no text"),
    Case(CT, "slices", 14, name="8 bits"),
    Case(CR, "bright", 18, _DEEP, _JPEG_LS, name="film", header=_FILM),
)
# Whose headers give nothing away: nobody looks at these.
UNSUSPECTED: Final = (
    Case(CT, "slices", 14, _DEEP, name="12 bits"),
    Case(CR, "bright", 18, _DEEP, name="12 bits"),
    Case(DX, "bright", 18, _DEEP, jpeg_2000, name="12 bits, JPEG 2000"),
)


def pictures(number: int, cases: tuple[Case, ...] = CASES) -> Iterator[tuple[str, bytes, Drawn]]:
    """Yield name, file, and where its letters are."""
    with TemporaryDirectory() as folder:
        for place, case in enumerate(cases):
            drawn, samples = draw(case, (CASES + UNSUSPECTED).index(case))
            path = case.coding(Path(folder) / f"{place}", case.form, samples)
            dataset = _instance(case, number + place, dcmread(path))
            yield f"{dataset.Modality}, {case.ground}, {case.name}", codings.part10(dataset), drawn


def draw(case: Case, seed: int) -> tuple[Drawn, Samples]:
    """Return where the letters are, and the samples of the frames: (frames, rows, columns, samples)."""
    text = _NAMES[seed % len(_NAMES)]
    beside = case.told and not case.inside
    where = (0.03, 0.02) if beside else (0.1 + 0.13 * (seed % 6), 0.25 + 0.11 * (seed % 6))
    ink = 20 if case.ground == "bright" else 255
    planted = burned_in.Planted(text, burned_in.FONTS[seed % 2], case.height or 9, *where, ink)
    letters = np.zeros(SIDES, bool)
    shown = case.form.frames // 2 if case.form.frames > 1 and not beside else None
    frames = []
    for frame in range(case.form.frames):
        grey = burned_in.GROUNDS[case.ground](*SIDES, 31 * seed + frame)
        if case.told:
            grey[:_BANNER] = 0
        if case.height and shown in {frame, None}:
            grey, letters = burned_in.plant(grey, planted)
        frames.append(grey)
    seen = tuple(range(case.form.frames)) if shown is None else (shown,)
    return Drawn(seen if case.height else (), letters, case.coding not in LOSSY), _samples(np.stack(frames), case.form)


def _samples(grey: NDArray[np.uint8], form: Image) -> Samples:
    deep = grey.astype(np.int64) << max(0, form.bits - 8)
    if form.photometric == "RGB":
        return np.stack([deep, deep, deep * 3 // 4], axis=3)
    if form.photometric.startswith("YBR"):
        return np.stack([deep, np.full_like(deep, 118), np.full_like(deep, 134)], axis=3)
    inverted = form.photometric in {"MONOCHROME1", "PALETTE COLOR"}
    return ((1 << form.bits) - 1 - deep if inverted else deep)[..., None]


def _instance(case: Case, number: int, pixels: FileDataset) -> FileDataset:
    """Put the pixels into an instance whose header and container are full of canaries."""
    dataset = images.image(case.sop_class, number)
    hiding.everywhere(dataset)
    dataset.pop(0x00186011, None)
    for tag in [*range(0x00280002, 0x00280200), *range(0x00281050, 0x00283011)]:
        dataset.pop(tag, None)
    dataset.update({element.tag: element for element in pixels.group_dataset(0x0028)})
    dataset["PixelData"] = pixels["PixelData"]
    dataset.file_meta.TransferSyntaxUID = pixels.file_meta.TransferSyntaxUID
    dataset.BurnedInAnnotation, dataset.RecognizableVisualFeatures = "NO", "NO"
    for keyword, value in case.header.items():
        setattr(dataset, keyword, value)
    if case.told:
        dataset.SequenceOfUltrasoundRegions = Sequence([_region()])
    return dataset


def _region() -> Dataset:
    region = Dataset()
    region.RegionSpatialFormat, region.RegionDataType, region.RegionFlags = 1, 1, 0
    region.RegionLocationMinX0, region.RegionLocationMinY0 = 0, _BANNER
    region.RegionLocationMaxX1, region.RegionLocationMaxY1 = SIDES[1] - 1, SIDES[0] - 1
    region.PhysicalUnitsXDirection = region.PhysicalUnitsYDirection = 3
    region.PhysicalDeltaX = region.PhysicalDeltaY = 0.02
    return region
