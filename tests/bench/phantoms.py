"""Makes large studies that are like real ones in what costs time: their headers, and how well their pixels compress.

A body in air, whose organs change from slice to slice, and noise that neighbours share, as the filter of a
scanner leaves it: zlib at level 6 makes 0.42 of CT, 0.47 of MR. Each image refers to others of its own.
"""

from collections.abc import Iterator
from copy import deepcopy
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset, FileDataset
from pydicom.uid import UID
from tests.peers.studies import make_study

_Plane = NDArray[np.float32]


class _Kind(NamedTuple):
    """Pixels of a side; series; the standard deviation of noise in air and in the body; how many pixels share it."""

    side: int
    series: int
    in_air: float
    in_body: float
    shared: float


_KINDS: Final = {"CT": _Kind(512, 4, 11, 24, 0.8), "MR": _Kind(256, 10, 11, 11, 0.6)}
_AIR, _FAT, _MUSCLE, _BONE = -1000, -95, 45, 450
# Where organs lie and how they move: across, down, radius, HU.
_ORGANS: Final = (
    (-0.45, -0.05, 0.17, 110), (0.4, -0.1, 0.13, 60), (0.15, 0.1, 0.06, 150), (-0.15, 0.12, 0.06, -60),
    (-0.3, 0.22, 0.09, 30), (0.32, 0.2, 0.09, 30), (0.05, -0.25, 0.1, -850), (-0.05, 0.05, 0.04, 300),
)  # fmt: skip


def study(kind: str, count: int, accession: str, seed: int) -> Iterator[FileDataset]:
    """Yield so many slices of a patient P1, in several series."""
    of = _KINDS[kind]
    noise = _Noise(seed, of)
    (first,) = make_study(patient_id="P1", accession_number=accession, seed=seed, modality=kind, instances=1)
    sop_class, series, root = first.SOPClassUID, first.SeriesInstanceUID, first.SOPInstanceUID.rpartition(".")[0]
    for number in range(count):
        dataset = deepcopy(first)
        uid = UID(f"{root}.{number}")
        dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = uid
        dataset.SeriesNumber = 1 + number * of.series // count
        dataset.SeriesInstanceUID = f"{series}.{dataset.SeriesNumber}"
        dataset.InstanceNumber = number + 1
        dataset.ImagePositionPatient = [-180, -180, round(0.7 * number, 1)]
        dataset.ReferencedImageSequence = [_reference(sop_class, f"{uid}.{other}") for other in range(3)]
        dataset.SourceImageSequence = [_reference(sop_class, f"{uid}.3", _source_image())]
        dataset.Rows = dataset.Columns = of.side
        dataset.PixelData = _pixels(kind, noise, number / count).tobytes()
        yield dataset


def _reference(sop_class: str, sop_instance: str, purpose: Dataset | None = None) -> Dataset:
    found = Dataset()
    found.ReferencedSOPClassUID, found.ReferencedSOPInstanceUID = sop_class, sop_instance
    if purpose:
        found.PurposeOfReferenceCodeSequence = [purpose]
    return found


def _source_image() -> Dataset:
    code = Dataset()
    code.CodeValue, code.CodingSchemeDesignator, code.CodeMeaning = "121322", "DCM", "Source image"
    return code


class _Noise:
    """A field of which each slice shows another part."""

    def __init__(self, seed: int, kind: _Kind) -> None:
        self.kind = kind
        self._choose = np.random.default_rng(seed)
        side = 3 * kind.side
        field = np.fft.rfft2(self._choose.standard_normal((side, side)))
        down, across = np.fft.fftfreq(side)[:, None], np.fft.rfftfreq(side)[None, :]
        field *= np.exp(-2 * (np.pi * kind.shared) ** 2 * (down**2 + across**2))
        smooth = np.fft.irfft2(field, (side, side))
        self._field: _Plane = (smooth / smooth.std()).astype(np.float32)

    def part(self) -> _Plane:
        """Return another part."""
        down, across = self._choose.integers(0, 2 * self.kind.side, 2)
        return self._field[down : down + self.kind.side, across : across + self.kind.side]


def _pixels(kind: str, noise: _Noise, height: float) -> NDArray[np.uint16]:
    """Return a slice at a height from 0 to 1."""
    side = noise.kind.side
    down, across = np.mgrid[-1 : 1 : side * 1j, -1 : 1 : side * 1j].astype(np.float32)
    body = _body(down, across, height)
    of_air = body < _AIR + 100
    signal = body + 1024 if kind == "CT" else np.where(of_air, 4, np.clip(body + 400, 20, 900) * 0.7)
    signal = np.abs(signal + noise.part() * np.where(of_air, noise.kind.in_air, noise.kind.in_body))
    if kind == "CT":  # nothing is measured beyond the circle
        signal[down**2 + across**2 > 1] = 0
    return signal.clip(0, 4095).astype("<u2")


def _body(down: _Plane, across: _Plane, height: float) -> _Plane:
    """Return HU."""
    found = np.full(down.shape, _AIR, np.float32)
    width = 0.78 + 0.06 * np.sin(6 * height)
    found[(across / width) ** 2 + (down / 0.6) ** 2 < 1] = _FAT
    found[(across / (width - 0.08)) ** 2 + (down / 0.52) ** 2 < 1] = _MUSCLE
    for number, (x, y, radius, hu) in enumerate(_ORGANS):
        turn = 6 * height + number
        at = (across - x - 0.1 * np.sin(turn)) ** 2 + (down - y - 0.05 * np.cos(turn)) ** 2
        found[at < (radius * (1 + 0.3 * np.sin(turn))) ** 2] = hu
    found[(across / 0.09) ** 2 + ((down - 0.33) / 0.07) ** 2 < 1] = _BONE
    return found
