"""A study of many kinds of images, each of which shows a picture of its own that is known."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from openjpeg.utils import encode_array
from PIL import Image
from pydicom.dataset import Dataset, FileDataset
from pydicom.encaps import encapsulate
from pydicom.sequence import Sequence
from pydicom.uid import (
    UID,
    CTImageStorage,
    DigitalXRayImageStorageForPresentation,
    ExplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGLSLossless,
    MRImageStorage,
    UltrasoundMultiFrameImageStorage,
)
from tests.peers.house import ACCESSION, PATIENT
from tests.peers.studies import make_study

SIDE = 128
SLICES, FRAMES = 16, 2
SERIES = {"CT": 11, "J2K": 12, "JLS": 13, "US": 14, "DX": 15, "MR": 16}
"""What each series is called here, and its number."""

Picture = NDArray[np.uint8]


def picture(series: str, number: int) -> Picture:
    """Return what an image or frame of a series shows: waves, and slopes where letters are sought."""
    if series == "US":
        across, down = np.meshgrid(np.linspace(0, 1, SIDE), np.linspace(0, 1, SIDE))
        slope = across * number + down * (FRAMES + 1 - number)
        return _levels(slope)
    waves = np.random.default_rng(SERIES[series] * 1000 + number).normal(0, 1, (5, 5))
    smooth = Image.fromarray(waves.astype(np.float32)).resize((SIDE, SIDE), Image.Resampling.BICUBIC)
    return _levels(np.asarray(smooth))


def ct_study() -> list[FileDataset]:
    """Return the CT alone."""
    return _slices("CT", CTImageStorage, SLICES, ExplicitVRLittleEndian)


def mixed_study() -> list[FileDataset]:
    """Return it: a CT, one as JPEG 2000, an MR as JPEG-LS and one as it is, a clip in colour, an inverted X-ray."""
    made = [
        *ct_study(),
        *_slices("J2K", CTImageStorage, 2, JPEG2000Lossless),
        *_slices("JLS", MRImageStorage, 2, JPEGLSLossless),
        *_slices("MR", MRImageStorage, 2, ExplicitVRLittleEndian),
        _clip(),
        _x_ray(),
    ]
    for dataset in made:
        for keyword in ("StudyInstanceUID", "PatientName", "StudyDate"):
            setattr(dataset, keyword, getattr(made[0], keyword))
    return made


def _levels(values: NDArray[np.floating[Any]]) -> Picture:
    levels: Picture = ((values - values.min()) / np.ptp(values) * 255).astype(np.uint8)
    return levels


def _series(name: str, instances: int, modality: str) -> list[FileDataset]:
    made = make_study(
        patient_id=PATIENT,
        accession_number=ACCESSION,
        seed=2000 + SERIES[name],
        instances=instances,
        modality=modality,
    )
    for dataset in made:
        dataset.SeriesNumber, dataset.Rows, dataset.Columns = SERIES[name], SIDE, SIDE
    return made


def _slices(name: str, sop_class: UID, count: int, syntax: UID) -> list[FileDataset]:
    made = _series(name, count, "CT" if sop_class == CTImageStorage else "MR")
    for number, dataset in enumerate(made, start=1):
        dataset.WindowCenter, dataset.WindowWidth = (1024, 4096) if sop_class == CTImageStorage else (2048, 4096)
        samples = picture(name, number).astype("<u2") * 16
        dataset.PixelData = samples.tobytes()
        if syntax == JPEGLSLossless:
            dataset.compress(syntax, generate_instance_uid=False)
        elif syntax == JPEG2000Lossless:
            coded = encode_array(samples, bits_stored=12)
            dataset.PixelData = encapsulate([coded])
            dataset["PixelData"].is_undefined_length = True
            dataset.file_meta.TransferSyntaxUID = syntax
    return made


def _clip() -> FileDataset:
    (dataset,) = _series("US", 1, "CR")
    _become(dataset, UltrasoundMultiFrameImageStorage, "US")
    dataset.NumberOfFrames, dataset.FrameTime, dataset.FrameIncrementPointer = FRAMES, 100, 0x00181063
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation, dataset.PlanarConfiguration = 3, "RGB", 0
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = 8, 8, 7
    frames = [np.repeat(picture("US", number)[..., None], 3, axis=2) for number in range(1, FRAMES + 1)]
    dataset.PixelData = np.stack(frames).tobytes()
    dataset["PixelData"].VR = "OB"
    region = Dataset()
    region.RegionLocationMinX0 = region.RegionLocationMinY0 = 0
    region.RegionLocationMaxX1 = region.RegionLocationMaxY1 = SIDE - 1
    dataset.SequenceOfUltrasoundRegions = Sequence([region])
    del dataset.WindowCenter, dataset.WindowWidth
    return dataset


def _x_ray() -> FileDataset:
    (dataset,) = _series("DX", 1, "CR")
    _become(dataset, DigitalXRayImageStorageForPresentation, "DX")
    dataset.PhotometricInterpretation, dataset.PresentationIntentType = "MONOCHROME1", "FOR PRESENTATION"
    dataset.PixelIntensityRelationship, dataset.PixelIntensityRelationshipSign = "LIN", 1
    dataset.RescaleIntercept, dataset.RescaleSlope, dataset.RescaleType = 0, 1, "US"
    dataset.WindowCenter, dataset.WindowWidth = 2048, 4096
    dataset.PixelData = ((255 - picture("DX", 1).astype("<u2")) * 16).tobytes()
    return dataset


def _become(dataset: FileDataset, sop_class: UID, modality: str) -> None:
    dataset.SOPClassUID = dataset.file_meta.MediaStorageSOPClassUID = sop_class
    dataset.Modality = modality
