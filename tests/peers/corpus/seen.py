"""Says whether letters that were drawn into pixels are still seen there: it decodes and compares, and finds nothing."""

import subprocess
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from pydicom import dcmread
from pydicom.dataset import FileDataset
from pydicom.encaps import generate_frames
from pydicom.pixels.processing import apply_color_lut
from pydicom.uid import HTJ2K, HTJ2KLossless, HTJ2KLosslessRPCL, JPEGExtended12Bit
from scipy import ndimage
from tests.peers.corpus.files import Planted
from tests.peers.corpus.pictures import Drawn

Samples = NDArray[np.int64]

# Of the brightness around a letter with its shape. Covered letters have none, seen ones nearly 1.
LEGIBLE: Final = 0.5
_AROUND: Final = 2  # pixels
_LEAST: Final = 10  # pixels of ink; dots are no letters
_NEIGHBOURS: Final = np.ones((3, 3), bool)


def samples(path: Path) -> Samples:
    """Return the decoded samples, colours as RGB: (frames, rows, columns, samples), by pydicom's decoders."""
    dataset = decodable(dcmread(path))
    if dataset.file_meta.TransferSyntaxUID in {HTJ2K, HTJ2KLossless, HTJ2KLosslessRPCL}:
        found = _decoded_by_openjph(dataset)
    else:
        found = dataset.pixel_array
    if dataset.PhotometricInterpretation == "PALETTE COLOR":
        found = apply_color_lut(found, dataset)
    colours = 3 if dataset.SamplesPerPixel == 3 or dataset.PhotometricInterpretation == "PALETTE COLOR" else 1
    return np.asarray(found, np.int64).reshape(-1, dataset.Rows, dataset.Columns, colours)


def decodable(dataset: FileDataset) -> FileDataset:
    """Have dcmtk decode what pydicom's decoders do not: 12 bits under the DCT."""
    if dataset.file_meta.TransferSyntaxUID != JPEGExtended12Bit:
        return dataset
    with TemporaryDirectory() as folder:
        coded, plain = Path(folder) / "coded.dcm", Path(folder) / "plain.dcm"
        dataset.save_as(coded)
        subprocess.run(["dcmdjpeg", coded, plain], check=True)
        return dcmread(BytesIO(plain.read_bytes()))


def _decoded_by_openjph(dataset: FileDataset) -> NDArray[np.uint8]:
    with TemporaryDirectory() as folder:
        coded, plain = Path(folder) / "coded.j2c", Path(folder) / "plain.pgm"
        frames = []
        for frame in generate_frames(dataset.PixelData, number_of_frames=int(dataset.get("NumberOfFrames") or 1)):
            coded.write_bytes(frame)
            subprocess.run(["ojph_expand", "-i", coded, "-o", plain], check=True, capture_output=True)
            frames.append(np.asarray(Image.open(plain)))
    return np.stack(frames)


def legibility(planted: Planted, path: Path) -> float:
    """Return how much is seen in the file of the most legible letter that was drawn: 0 nothing, 1 all."""
    return 0.0 if planted.drawn is None else _legibility(planted.drawn, samples(path))


def _legibility(drawn: Drawn, found: Samples) -> float:
    grey = found.mean(axis=3)
    labels, _ = ndimage.label(drawn.letters, structure=_NEIGHBOURS)
    places = [_widened(place) for place in ndimage.find_objects(labels)]
    letters = [(place, drawn.letters[place]) for place in places if drawn.letters[place].sum() >= _LEAST]
    return max((_alike(grey[frame][place], ink) for frame in drawn.frames for place, ink in letters), default=0.0)


def _widened(place: tuple[slice, slice]) -> tuple[slice, slice]:
    rows, columns = (slice(max(0, side.start - _AROUND), side.stop + _AROUND) for side in place)
    return rows, columns


def _alike(grey: NDArray[np.float64], ink: NDArray[np.bool_]) -> float:
    """Return the correlation of brightness and ink, bright on dark or dark on bright."""
    if np.ptp(grey) == 0:
        return 0.0
    return abs(float(np.corrcoef(grey.ravel(), ink.ravel())[0, 1]))


def changed_elsewhere(before: Samples, after: Samples) -> bool:
    """Say whether a sample changed that was not covered: what is covered has one value in each frame."""
    differ = (before != after).any(axis=3)
    return any(len(np.unique(now[where], axis=0)) > 1 for now, where in zip(after, differ, strict=True))
