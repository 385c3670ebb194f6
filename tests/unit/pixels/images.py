"""Builds images in every form and coding, by other programs than those under test where there are any."""

import subprocess
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import Any, Final

import jpeg_ls
import numpy as np
from numpy.typing import NDArray
from openjpeg.utils import encode_array
from pydicom import dcmread, dcmwrite
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.encaps import encapsulate, generate_frames, parse_basic_offsets
from pydicom.uid import UID

from studypub.deid import frames as published

IMPLICIT: Final = "1.2.840.10008.1.2"
EXPLICIT: Final = "1.2.840.10008.1.2.1"
DEFLATED: Final = "1.2.840.10008.1.2.1.99"
BIG_ENDIAN: Final = "1.2.840.10008.1.2.2"
RLE: Final = "1.2.840.10008.1.2.5"
JPEG: Final = "1.2.840.10008.1.2.4."

Samples = NDArray[Any]

# Beside the pixels: must come out as it went in.
_HEADER: Final = {
    "SOPClassUID": "1.2.840.10008.5.1.4.1.1.7",
    "SOPInstanceUID": "1.2.3.4",
    "StudyInstanceUID": "1.2.3",
    "SeriesInstanceUID": "1.2.3.1",
    "SpecificCharacterSet": "ISO_IR 144",
    "PatientName": "Иванов^Иван",
    "PatientID": "1",
    "Modality": "OT",
    "ConversionType": "WSD",
}


@dataclass(frozen=True)
class Image:
    """An image's form; its samples are numbers of (frames, rows, columns, samples)."""

    photometric: str = "MONOCHROME2"
    allocated: int = 8
    stored: int = 0  # 0: as allocated
    low_bit: int = 0
    signed: bool = False
    planar: int = 0
    frames: int = 1
    rows: int = 40
    columns: int = 50
    more: dict[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        form = f"{self.photometric}-{'s' if self.signed else 'u'}{self.bits}.{self.low_bit}of{self.allocated}"
        return f"{form}-{self.frames}x{self.rows}x{self.columns}{'-planar' * self.planar}"

    @property
    def samples(self) -> int:
        return 1 if self.photometric.startswith(("MONOCHROME", "PALETTE")) else 3

    @property
    def bits(self) -> int:
        return self.stored or self.allocated

    def range(self) -> tuple[int, int]:
        low = -(1 << self.bits - 1) if self.signed else 0
        return low, low + (1 << self.bits) - 1

    def noise(self) -> Samples:
        low, high = self.range()
        shape = self.frames, self.rows, self.columns, self.samples
        return np.random.default_rng(1).integers(low, high, shape, np.int64, endpoint=True)

    def smooth(self) -> Samples:
        """Slow waves, which lossy codings keep well."""
        low, high = self.range()
        places = np.indices((self.frames, self.rows, self.columns, self.samples))
        waves = np.sin(places[1] / 17 + places[0]) + np.cos(places[2] / 13 + 2 * places[3])
        return np.asarray((waves / 4 + 0.5) * (high - low) * 0.9 + low, np.int64)

    def cells(self, samples: Samples) -> Samples:
        """Return samples as their cells: shifted, the sign repeated above."""
        if self.allocated == 1:
            return samples.astype(np.uint8)
        width = self.allocated // 8
        return (samples << self.low_bit).astype(f"<i{width}").view(f"<u{width}")

    def dataset(self, syntax: str) -> FileDataset:
        meta = FileMetaDataset()
        meta.TransferSyntaxUID = UID(syntax)
        meta.MediaStorageSOPClassUID = UID(_HEADER["SOPClassUID"])
        meta.MediaStorageSOPInstanceUID = UID(_HEADER["SOPInstanceUID"])
        dataset = FileDataset(
            BytesIO(), {}, bytes(128), meta, is_implicit_VR=syntax == IMPLICIT, is_little_endian=syntax != BIG_ENDIAN
        )
        for name, value in (_HEADER | self._module() | self.more).items():
            setattr(dataset, name, value)
        return dataset

    def _module(self) -> dict[str, Any]:
        found = {
            "Rows": self.rows,
            "Columns": self.columns,
            "SamplesPerPixel": self.samples,
            "PhotometricInterpretation": self.photometric,
            "BitsAllocated": self.allocated,
            "BitsStored": self.bits,
            "HighBit": self.low_bit + self.bits - 1,
            "PixelRepresentation": int(self.signed),
        }
        if self.samples > 1:
            found["PlanarConfiguration"] = self.planar
        return found | ({"NumberOfFrames": self.frames} if self.frames > 1 else {})

    def raw(self, samples: Samples) -> bytes:
        """Return native pixel data, little endian."""
        cells = self.cells(samples)
        if self.allocated == 1:  # bit after bit, also across frames
            return np.packbits(cells.reshape(-1), bitorder="little").tobytes()
        if self.photometric == "YBR_FULL_422":
            luma = cells[..., 0].reshape(self.frames, self.rows, -1, 2)
            return np.concatenate([luma, cells[:, :, ::2, 1:]], axis=3).tobytes()
        return (np.moveaxis(cells, 3, 1) if self.planar else cells).tobytes()


def native(path: Path, image: Image, samples: Samples, syntax: str = EXPLICIT) -> Path:
    """Write an image that is not compressed."""
    value = image.raw(samples)
    value += bytes(len(value) % 2)
    dataset = image.dataset(syntax)
    vr = "OW" if image.allocated > 8 or syntax in {IMPLICIT, BIG_ENDIAN} else "OB"
    dataset.add_new(0x7FE00010, vr, value)
    if syntax == BIG_ENDIAN:
        for element in dataset:
            if element.VR == "OW":
                width = max(2, image.allocated // 8) if element.tag == 0x7FE00010 else 2
                element.value = np.frombuffer(element.value, f"<u{width}").astype(f">u{width}").tobytes()
    dcmwrite(path, dataset, enforce_file_format=True)
    return path


def encapsulated(path: Path, image: Image, frames: list[bytes], syntax: str) -> Path:
    """Write compressed frames."""
    dataset = image.dataset(syntax)
    dataset.PixelData = encapsulate(frames)
    dataset["PixelData"].VR = "OB"
    dataset.save_as(path)
    return path


def by_dcmtk(path: Path, image: Image, samples: Samples, *command: str) -> Path:
    """Write an image that a program of DCMTK has compressed."""
    plain = native(path.with_suffix(".plain"), image, samples)
    subprocess.run([*command, plain, path], check=True, capture_output=True)
    return path


def jpeg_2000(path: Path, image: Image, samples: Samples, *, ratio: int = 0) -> Path:
    """Write an image in JPEG 2000; with a ratio, with loss."""
    frames = [
        encode_array(
            np.ascontiguousarray(frame.astype(f"{'i' if image.signed else 'u'}{image.allocated // 8}").squeeze()),
            bits_stored=image.bits,
            photometric_interpretation=1 if image.photometric in {"YBR_RCT", "YBR_ICT"} else 0,
            compression_ratios=[ratio] if ratio else None,
        )
        for frame in samples
    ]
    return encapsulated(path, image, frames, JPEG + ("91" if ratio else "90"))


def jpeg_ls_by_plane(path: Path, image: Image, samples: Samples) -> Path:
    """Write colours in JPEG-LS plane by plane (ILV 0), as DCMTK does not."""
    frames = [
        bytes(
            jpeg_ls.encode_buffer(
                np.ascontiguousarray(np.moveaxis(image.cells(frame), 2, 0)).tobytes(),
                image.rows,
                image.columns,
                3,
                image.bits,
                interleave_mode=0,
            )
        )
        for frame in samples
    ]
    return encapsulated(path, image, frames, JPEG + "80")


def htj2k(path: Path, image: Image, samples: Samples, *, reversible: bool = True) -> Path:
    """Write an image that OpenJPH has compressed."""
    syntax = JPEG + ("201" if reversible else "203")
    return encapsulated(path, image, [_by_openjph(path, image, frame, reversible) for frame in samples], syntax)


def _by_openjph(path: Path, image: Image, frame: Samples, reversible: bool) -> bytes:
    picture = path.with_suffix(".ppm" if image.samples == 3 else ".pgm")
    head = f"P{6 if image.samples == 3 else 5} {image.columns} {image.rows} {(1 << image.bits) - 1}\n"
    picture.write_bytes(head.encode() + frame.astype(f">u{image.allocated // 8}").tobytes())
    target = path.with_suffix(".j2c")
    options = ["-reversible", str(reversible).lower(), "-num_decomps", "3"]
    subprocess.run(["ojph_compress", "-i", picture, "-o", target, *options], check=True, capture_output=True)
    return target.read_bytes()


def plain_samples(path: Path, *command: str) -> Samples:
    """Return the cells of a file as another program decodes them: (frames, rows, columns, samples)."""
    plain = path
    if command:
        plain = path.with_suffix(".decoded")
        subprocess.run([*command, path, plain], check=True, capture_output=True)
    dataset = dcmread(plain)
    return cells(dataset)


def cells(dataset: FileDataset) -> Samples:
    """Return the raw samples of a dataset by pydicom, GDCM for JPEG 2000."""
    plugin = "gdcm" if dataset.file_meta.TransferSyntaxUID in {JPEG + "90", JPEG + "91"} else ""
    dataset.pixel_array_options(raw=True, decoding_plugin=plugin)
    shape = int(dataset.get("NumberOfFrames") or 1), dataset.Rows, dataset.Columns, dataset.SamplesPerPixel
    return np.asarray(dataset.pixel_array).reshape(shape)


def mask(rows: int, columns: int) -> NDArray[np.bool_]:
    hidden = np.zeros((rows, columns), bool)
    hidden[3 : rows // 2, 4 : columns // 2] = True
    hidden[-1, -2:] = True
    return hidden


def whole(dataset: FileDataset) -> None:
    """Check that de-identification accepts the pixels, and carries them over as they are."""
    syntax = str(dataset.file_meta.TransferSyntaxUID)
    element = dataset.get_item("PixelData")
    assert element is not None
    if syntax in {IMPLICIT, EXPLICIT, BIG_ENDIAN}:
        assert published.native(dataset, 0x7FE00010) is not None
    else:
        carried = published.encapsulated(dataset, syntax)
        assert carried is not None
        count = int(dataset.get("NumberOfFrames") or 1)
        assert carried.value is not None
        assert list(generate_frames(carried.value, number_of_frames=count))
        offsets = parse_basic_offsets(dataset.PixelData)
        assert len(offsets) == count
