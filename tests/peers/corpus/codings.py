"""Writes instances in every transfer syntax, with canaries in what surrounds the samples."""

import struct
import subprocess
from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import numpy as np
import pydicom
from pydicom.data import get_testdata_file
from pydicom.dataset import Dataset, FileDataset
from pydicom.encaps import encapsulate, generate_frames
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_file_meta_info
from pydicom.uid import (
    UID,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ImplicitVRLittleEndian,
)
from tests.peers.corpus import canaries, headers, hiding, images

from studypub.deid import encode

DX: Final = "1.2.840.10008.5.1.4.1.1.1.1"
NATIVE: Final = (ImplicitVRLittleEndian, ExplicitVRBigEndian, DeflatedExplicitVRLittleEndian)
# Samples that ship with pydicom, one image each; dcmtk's encoder makes those that are missing.
_SAMPLES: Final = {
    "RLE": "MR_small_RLE.dcm", "JPEG extended": "JPGExtended.dcm", "JPEG-LS": "MR_small_jpeg_ls_lossless.dcm",
    "JPEG-LS, near lossless": "JPEGLSNearLossless_16.dcm", "JPEG 2000, lossless": "MR_small_jp2klossless.dcm",
    "JPEG 2000": "693_J2KI.dcm",
}  # fmt: skip
_ENCODERS: Final = {"JPEG baseline": "+eb", "JPEG lossless": "+el", "JPEG lossless, first selection": "+e1"}
# Not decoded by anybody here: bytes that only claim to be of that coding.
_UNSUPPORTED: Final = ("1.2.840.10008.1.2.4.102", "1.2.840.10008.1.2.4.107", "1.2.840.10008.1.2.4.110")
_MODULE: Final = (*range(0x00280002, 0x00280009), 0x00280010, 0x00280011, *range(0x00280100, 0x00280104))


def part10(dataset: FileDataset) -> bytes:
    """Return a file with the preamble and file meta that the data set has, and every byte of its values."""
    buffer = DicomBytesIO()
    buffer.is_little_endian, buffer.is_implicit_VR = True, False
    dataset.file_meta.MediaStorageSOPClassUID = dataset.SOPClassUID
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    write_file_meta_info(buffer, dataset.file_meta, enforce_standard=False)
    body = b"".join(encode._level(dataset))
    return (dataset.preamble or bytes(128)) + b"DICM" + buffer.getvalue() + body


def native(number: int) -> Iterator[tuple[str, bytes, bytes]]:
    """Yield a CT slice in each uncompressed transfer syntax, and in Explicit VR Little Endian."""
    for syntax in NATIVE:
        explicit = part10(_slice(number, hiding.container))
        dataset = pydicom.dcmread(BytesIO(explicit))
        for _ in dataset.iterall():  # decodes all values, for they are coded anew
            pass
        dataset.file_meta.TransferSyntaxUID = syntax
        if syntax == ExplicitVRBigEndian:
            dataset["PixelData"].value = np.frombuffer(dataset.PixelData, "<u2").astype(">u2").tobytes()
        buffer = BytesIO()
        implicit, little = syntax == ImplicitVRLittleEndian, syntax != ExplicitVRBigEndian
        pydicom.dcmwrite(buffer, dataset, implicit_vr=implicit, little_endian=little, force_encoding=True)
        yield syntax.name, buffer.getvalue(), explicit
        number += 1


def compressed(number: int) -> Iterator[tuple[str, bytes]]:
    """Yield an image in each coding that is published, comments and trailing bytes among its frames."""
    for name, sample in (*_samples(), *_encoded()):
        eight_bits = sample.BitsStored == 8  # a slice of so few would be taken for a screen
        dataset = images.image(DX if eight_bits else headers.CT, number)
        hiding.everywhere(dataset)
        _with_pixels_of(dataset, sample)
        yield name, part10(dataset)
        number += 1


def unsupported(number: int) -> Iterator[tuple[str, bytes]]:
    """Yield images in codings that nobody takes apart."""
    for syntax in _UNSUPPORTED:
        dataset = _slice(number, hiding.everywhere)
        _encapsulate(dataset, UID(syntax), [canaries.word(syntax).encode() * 5])
        yield syntax, part10(dataset)
        number += 1


def with_overlay_in_samples(number: int) -> bytes:
    """Return a slice that has an overlay in the unused high bits of its samples (PS3.5 8.1.2)."""
    dataset = _slice(number, hiding.everywhere)
    samples = np.frombuffer(dataset.PixelData[: 2 * images.SIDE**2], "<u2").copy()
    samples[::3] |= 0x8000
    dataset["PixelData"].value = samples.tobytes()
    dataset.add_new(0x60000100, "US", 16)
    dataset.add_new(0x60000102, "US", 15)
    return part10(dataset)


def _slice(number: int, hide: Callable[[FileDataset], None]) -> FileDataset:
    dataset = images.image(headers.CT, number)
    hide(dataset)
    return dataset


def _samples() -> Iterator[tuple[str, FileDataset]]:
    for name, file in _SAMPLES.items():
        yield name, pydicom.dcmread(get_testdata_file(file) or "")


def _encoded() -> Iterator[tuple[str, FileDataset]]:
    with TemporaryDirectory() as folder:
        coded = Path(folder) / "coded.dcm"
        for name, option in _ENCODERS.items():
            subprocess.run(["dcmcjpeg", option, get_testdata_file("CT_small.dcm") or "", coded], check=True)
            yield name, pydicom.dcmread(coded)


def _with_pixels_of(dataset: FileDataset, sample: FileDataset) -> None:
    for tag in _MODULE:
        dataset.pop(tag, None)
        if tag in sample:
            dataset[tag] = sample[tag]
    dataset.pop("NumberOfFrames", None)
    syntax = sample.file_meta.TransferSyntaxUID
    (frame,) = generate_frames(sample.PixelData, number_of_frames=1)
    _encapsulate(dataset, syntax, [_commented(frame, syntax)])


def _encapsulate(dataset: Dataset, syntax: UID, frames: list[bytes]) -> None:
    dataset.file_meta.TransferSyntaxUID = syntax
    dataset.PixelData = encapsulate(frames)
    dataset["PixelData"].VR, dataset["PixelData"].is_undefined_length = "OB", True


def _commented(frame: bytes, syntax: str) -> bytes:
    """Put canaries where decoders do not look."""
    tail = canaries.word(f"behind the end of {syntax}").encode()
    if syntax.endswith(".1.2.5"):
        return frame + tail
    if frame.startswith(b"\xff\x4f"):
        behind_size = 4 + int.from_bytes(frame[4:6])
        comment = b"\xff\x64" + _counted(b"\0\1" + canaries.word("comment of JPEG 2000").encode())
        return frame[:behind_size] + comment + frame[behind_size:] + tail
    markers = {0xFE: "comment", 0xE1: "EXIF", 0xE0: "APP0", 0xED: "IPTC", 0xEF: "APP15"}
    segments = (
        b"\xff" + bytes([marker]) + _counted(canaries.word(f"{name} of JPEG").encode())
        for marker, name in markers.items()
    )
    return frame[:2] + b"".join(segments) + frame[2:] + tail


def _counted(content: bytes) -> bytes:
    return struct.pack(">H", len(content) + 2) + content
