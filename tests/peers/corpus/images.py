"""Makes an image of each SOP class with a header full of canaries and pixels of its kind."""

import re
from io import BytesIO
from typing import Final

import numpy as np
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.sequence import Sequence
from pydicom.uid import ExplicitVRLittleEndian
from tests.peers.corpus import canaries, headers

from studypub.deid import elements, tables

STUDY: Final = canaries.uid("study")
SIDE: Final = 16
# Kinds of images that are not published by their header alone: text or a person may be seen on them.
UNSEEN: Final = re.compile(
    r"secondary-capture|ultrasound|enhanced-us|photoacoustic|angiographic-image$|radiofluoroscopic|enhanced-x(a|rf)"
    r"|^vl-(?!whole)|^video|photograph|confocal|corneal"
)
_NEVER_UNSEEN: Final = frozenset({"x-ray-3d-angiographic-image"})
_MODALITIES: Final = {
    "ct": "CT", "mr": "MR", "positron": "PT", "pet": "PT", "nuclear": "NM", "computed-radiography": "CR",
    "mammography": "MG", "breast": "MG", "intra-oral": "IO", "digital-x-ray": "DX", "ultrasound": "US",
    "enhanced-us": "US", "secondary": "SC", "angiographic": "XA", "xa": "XA", "xrf": "RF", "segmentation": "SEG",
    "radiofluoroscopic": "RF", "vl-": "XC", "endoscopic": "ES", "rt-": "RTIMAGE", "whole-slide": "SM",
    "intravascular": "IVOCT", "ophthalmic": "OPT", "x-ray-3d": "XA",
}  # fmt: skip
# What a capture device leaves; no image of a scanner has it.
_CAPTURE: Final = (0x00080064, 0x00181010, 0x00181012, 0x00181014, 0x00181016, 0x00181018, 0x00181019)
_FLOATS: Final = frozenset({"parametric-map", "height-map-segmentation"})
_OTHER_PIXELS: Final = (0x7FE00001, 0x7FE00002, 0x7FE00003, 0x7FE00008, 0x7FE00009, 0x00287FE0)


def image(sop_class: str, number: int, *, hostile: bool = False) -> FileDataset:
    """Return the image; `number` tells it from the others, in the UID and the instance number."""
    iod = tables.sop_classes()[sop_class].iod
    meta = FileMetaDataset()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset = FileDataset(BytesIO(), {}, bytes(128), meta, is_implicit_VR=False, is_little_endian=True)
    for element in headers.filled(tables.iods()[iod], hostile=hostile).values():
        dataset[element.tag] = element
    for tag in (*_CAPTURE, *_OTHER_PIXELS):
        dataset.pop(tag, None)
    _identify(dataset, sop_class, number)
    _describe(dataset, iod)
    _draw(dataset, iod, number)
    return dataset


def is_published(iod: str) -> bool:
    """Say whether an image of that kind is published without a look at its pixels."""
    return iod in _NEVER_UNSEEN or not UNSEEN.search(iod)


def _identify(dataset: FileDataset, sop_class: str, number: int) -> None:
    dataset.SOPClassUID, dataset.SOPInstanceUID = sop_class, canaries.uid(f"instance {number}")
    dataset.StudyInstanceUID, dataset.SeriesInstanceUID = STUDY, canaries.uid(f"series of {sop_class}")
    dataset.SpecificCharacterSet = "ISO_IR 192"
    dataset.PatientName, dataset.PatientID = canaries.name("patient"), canaries.word("patient's ID")
    dataset.AccessionNumber = canaries.word("accession")
    dataset.InstanceNumber = number


def _describe(dataset: FileDataset, iod: str) -> None:
    """Say that the image comes from a scanner and shows no text."""
    kinds = [modality for part, modality in _MODALITIES.items() if part in iod]
    dataset.Modality = kinds[-1] if kinds else "CT"
    third = {"ct-image": "AXIAL", "mr-image": "STIR"}.get(iod, "VOLUME")
    dataset.ImageType = ["ORIGINAL", "PRIMARY", third, "NONE", canaries.word("ImageType, fifth")]
    dataset.BurnedInAnnotation, dataset.RecognizableVisualFeatures = "NO", "NO"
    dataset.SpecimenLabelInImage = "NO"
    dataset.ImagePositionPatient, dataset.ImageOrientationPatient = [1, 2, 3], [1, 0, 0, 0, 1, 0]
    for keyword in ("SeriesDescription", "StudyDescription"):
        setattr(dataset, keyword, f"{dataset.Modality} {canaries.word(keyword)} head")


def _draw(dataset: FileDataset, iod: str, number: int) -> None:
    rng = np.random.default_rng(number)
    if iod in _FLOATS:
        _draw_floats(dataset, rng)
        return
    frames = 1 if tables.sop_classes()[dataset.SOPClassUID].kind == "image" else 2
    _count_frames(dataset, frames)
    dataset.Rows = dataset.Columns = SIDE
    colour = iod.startswith("vl-") or "true-color" in iod or "dermoscopic" in iod
    single_bit, bytes_only = iod == "segmentation" or "single-bit" in iod, "grayscale-byte" in iod or colour
    stored = 1 if single_bit else 8 if bytes_only else 12
    dataset.SamplesPerPixel = 3 if colour else 1
    dataset.PhotometricInterpretation = "RGB" if colour else "MONOCHROME2"
    if colour:
        dataset.PlanarConfiguration = 0
    dataset.BitsAllocated = 1 if single_bit else 8 if bytes_only else 16
    dataset.BitsStored, dataset.HighBit, dataset.PixelRepresentation = stored, stored - 1, 0
    dataset.pop("PixelPaddingValue", None)
    shape = (frames, SIDE, SIDE, dataset.SamplesPerPixel)
    samples = rng.integers(0, 1 << stored, shape, dtype="<u2" if stored == 12 else "u1")
    pixels = np.packbits(samples, bitorder="little").tobytes() if single_bit else samples.tobytes()
    dataset[0x7FE00010] = elements.raw(0x7FE00010, "OW" if stored == 12 else "OB", pixels)


def _draw_floats(dataset: FileDataset, rng: np.random.Generator) -> None:
    _count_frames(dataset, 2)
    dataset.Rows = dataset.Columns = SIDE
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation, dataset.BitsAllocated = 1, "MONOCHROME2", 32
    dataset.pop("PixelData", None)
    dataset.FloatPixelData = rng.random((2, SIDE, SIDE), dtype="<f4").tobytes()


def _count_frames(dataset: FileDataset, frames: int) -> None:
    if frames == 1:
        dataset.pop("NumberOfFrames", None)
        return
    dataset.NumberOfFrames = frames
    groups = dataset.get(0x52009230)
    if groups is not None:
        items: list[Dataset] = [*groups.value] * frames
        dataset[0x52009230] = DataElement(0x52009230, "SQ", Sequence(items))
