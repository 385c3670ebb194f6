"""Writes the header of a covered instance: the original's elements, and what the new coding demands."""

import struct
from typing import BinaryIO, Final

from pydicom import dcmwrite
from pydicom.dataset import FileDataset
from pydicom.uid import UID, ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian

from studypub.pixels.decoded import Decoded
from studypub.pixels.encode import LOSSY

_EXTENDED_OFFSETS: Final = (0x7FE00001, 0x7FE00002)
_UNCOMPRESSED: Final = {
    (True, True): ImplicitVRLittleEndian,
    (False, True): ExplicitVRLittleEndian,
    (False, False): ExplicitVRBigEndian,
}


def native(target: BinaryIO, header: FileDataset, encoding: tuple[bool, bool], vr: str, size: int) -> None:
    """Write everything before uncompressed pixels; `encoding`: implicit VR, little endian, as the file really is."""
    header.file_meta.TransferSyntaxUID = _UNCOMPRESSED[encoding]
    implicit, little = encoding
    dcmwrite(target, header, implicit_vr=implicit, little_endian=little)
    order = "<" if little else ">"
    coded_vr = b"" if implicit else struct.pack(f"{order}2sH", vr.encode(), 0)
    target.write(struct.pack(f"{order}HH", 0x7FE0, 0x0010) + coded_vr + struct.pack(f"{order}I", size))


def encapsulated(target: BinaryIO, header: FileDataset, syntax: str, frame: Decoded) -> None:
    """Write everything before compressed pixels of which `frame` is one (PS3.5 A.4)."""
    if str(header.file_meta.TransferSyntaxUID) in LOSSY and not header.get("LossyImageCompression"):
        header.LossyImageCompression = "01"
    header.PhotometricInterpretation = "YBR_RCT" if frame.transformed else frame.form.photometric
    if frame.form.samples > 1:
        header.PlanarConfiguration = 0
    for tag in _EXTENDED_OFFSETS:
        header.pop(tag, None)
    header.file_meta.TransferSyntaxUID = UID(syntax)
    dcmwrite(target, header, implicit_vr=False, little_endian=True)
    target.write(struct.pack("<HH2sHI", 0x7FE0, 0x0010, b"OB", 0, 0xFFFFFFFF))
