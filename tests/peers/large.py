"""Writes instances as large, and studies as long, as one likes, quickly."""

import struct
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any, Final

import numpy as np
from pydicom.dataset import Dataset, FileDataset
from pydicom.filewriter import dcmwrite
from pydicom.sequence import Sequence
from pydicom.uid import UID, EnhancedCTImageStorage, ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian
from tests.peers.desk import ACCESSION, PATIENT
from tests.peers.studies import make_study

_NUMBER: Final = b"8000000"
_FRAME: Final[dict[str, dict[str, Any]]] = {
    "PixelMeasuresSequence": {"SliceThickness": 1, "PixelSpacing": [0.5, 0.5]},
    "PlaneOrientationSequence": {"ImageOrientationPatient": [1, 0, 0, 0, 1, 0]},
    "FrameVOILUTSequence": {"WindowCenter": 40, "WindowWidth": 400},
    "PixelValueTransformationSequence": {"RescaleIntercept": -1024, "RescaleSlope": 1, "RescaleType": "HU"},
    "CTImageFrameTypeSequence": {
        "FrameType": ["ORIGINAL", "PRIMARY", "VOLUME", "NONE"],
        "PixelPresentation": "MONOCHROME",
        "VolumetricProperties": "VOLUME",
        "VolumeBasedCalculationTechnique": "NONE",
    },
    "CTExposureSequence": {"ExposureTimeInms": 500.0, "XRayTubeCurrentInmA": 200.0, "CTDIvol": 5.0},
}


def multi_frame(frames: int, syntax: UID = ExplicitVRLittleEndian, side: int = 1024) -> FileDataset:
    """Return an Enhanced CT of so many frames (PS3.3 A.38) without its pixel data."""
    (dataset,) = make_study(patient_id=PATIENT, accession_number=ACCESSION, seed=50, instances=1)
    meta = dataset.file_meta
    dataset.SOPClassUID = meta.MediaStorageSOPClassUID = EnhancedCTImageStorage
    meta.TransferSyntaxUID = syntax
    dataset.ImageType = ["ORIGINAL", "PRIMARY", "VOLUME", "NONE"]
    dataset.BodyPartExamined = "CHEST"
    dataset.Rows = dataset.Columns = side
    dataset.NumberOfFrames = frames
    dataset.PerFrameFunctionalGroupsSequence = Sequence(_frame(number) for number in range(1, frames + 1))
    del dataset.PixelData
    return dataset


def write(path: Path, dataset: FileDataset) -> None:
    """Write the instance with its pixel data.

    Of uncompressed ones all samples are zero but the last, which have bits that no sample of 12 bits may have: all have
    to be gone through once more. Compressed ones have a comment in each frame, which has to go.
    """
    syntax, size = dataset.file_meta.TransferSyntaxUID, 2 * dataset.Rows * dataset.Columns
    order = ">" if syntax == ExplicitVRBigEndian else "<"
    tag = struct.pack(f"{order}HH", 0x7FE0, 0x0010)
    with path.open("wb") as file:
        file.write(_header(dataset))
        if syntax.is_encapsulated:
            file.writelines(_fragments(tag, dataset.NumberOfFrames, size // 4))
            return
        whole = dataset.NumberOfFrames * size
        implicit = syntax == ImplicitVRLittleEndian
        file.write(tag + (struct.pack("<L", whole) if implicit else struct.pack(f"{order}2sHL", b"OW", 0, whole)))
        file.seek(whole - size, 1)  # a hole: it takes neither time nor room
        file.write(np.full(size // 2, 0xF123, f"{order}u2").tobytes())


def slices(count: int, side: int) -> Iterator[bytes]:
    """Yield the files of so many CT slices of one study, which differ in number, place and noise."""
    (dataset,) = make_study(patient_id=PATIENT, accession_number=ACCESSION, seed=51, instances=1)
    dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = UID(
        "1.2.826.0.1.3680043.10.1511.51.8000000"
    )
    dataset.InstanceNumber = 8000000
    dataset.ImagePositionPatient = [-64, -64, 8000000]
    dataset.Rows = dataset.Columns = side
    dataset.PixelData = bytes(2 * side * side)
    header = _header(dataset)[: -2 * side * side]
    noise = np.random.default_rng(7).integers(0, 4096, (side * side + count,), dtype="<u2")
    for number in range(1, count + 1):
        samples = noise[number : number + side * side].tobytes()
        yield header.replace(_NUMBER, b"%07d" % (1_000_000 + number)) + samples


def write_slices(folder: Path, count: int, side: int) -> None:
    """Write so many CT slices."""
    for number, content in enumerate(slices(count, side), 1):
        (folder / f"{number:08}.dcm").write_bytes(content)


def _frame(number: int) -> Dataset:
    content = {"StackID": "1", "InStackPositionNumber": number, "DimensionIndexValues": [1, number]}
    content |= {"FrameAcquisitionDateTime": "20250203101010.5", "FrameAcquisitionDuration": 10.0}
    place = {"ImagePositionPatient": [-100, -100, number]}
    groups = _FRAME | {"FrameContentSequence": content, "PlanePositionSequence": place}
    frame = Dataset()
    for keyword, values in groups.items():
        item = Dataset()
        for name, value in values.items():
            setattr(item, name, value)
        setattr(frame, keyword, Sequence([item]))
    return frame


def _header(dataset: FileDataset) -> bytes:
    buffer = BytesIO()
    dcmwrite(buffer, dataset, enforce_file_format=True)
    return buffer.getvalue()


def _fragments(tag: bytes, frames: int, size: int) -> Iterator[bytes]:
    """Yield pixel data of JPEG streams that no decoder has to like."""
    comment = b"\xff\xfe\0\x08SECRET"
    scan = b"\xff\xda\0\x08\1\1\0\0\x3f\0" + b"\x12" * size
    frame = b"\xff\xd8" + comment + scan + b"\xff\xd9"
    yield tag + struct.pack("<2sHL", b"OB", 0, 0xFFFFFFFF) + b"\xfe\xff\0\xe0\0\0\0\0"
    for _ in range(frames):
        yield b"\xfe\xff\0\xe0" + struct.pack("<L", len(frame))
        yield frame
    yield b"\xfe\xff\xdd\xe0\0\0\0\0"
