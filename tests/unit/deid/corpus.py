"""Builds instances with canaries wherever DICOM can hold them."""

from io import BytesIO
from typing import Final

import pydicom
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.sequence import Sequence
from pydicom.uid import ExplicitVRLittleEndian

from studypub.deid import elements, encode, tables
from studypub.deid.instance import Deidentifier, Kept, LeftOut
from studypub.deid.plan import _vr
from studypub.deid.profile import load

CT: Final = "1.2.840.10008.5.1.4.1.1.2"
MR: Final = "1.2.840.10008.5.1.4.1.1.4"
DX: Final = "1.2.840.10008.5.1.4.1.1.1.1"
KEY: Final = bytes(range(32))

WORD: Final = "KANAREIKA"
DATE: Final = "19370213"
TIME: Final = "131619"
ROOT: Final = "1.2.3.7771"

_VALUES: Final = {
    "AS": b"077Y",
    "DA": DATE.encode(),
    "TM": TIME.encode(),
    "DT": (DATE + TIME).encode(),
    "UI": f"{ROOT}.5".encode(),
    "PN": f"{WORD}^{WORD}=Канарейка".encode(),
    "AT": b"\x11\0\x11\0",
}
CANARIES: Final = (WORD.encode(), "Канарейка".encode(), DATE.encode(), TIME.encode(), ROOT.encode(), b"077Y")


def image(sop_class: str = CT, *, modality: str = "CT") -> FileDataset:
    """Return a small image that may be published."""
    meta = FileMetaDataset()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset = FileDataset(BytesIO(), {}, bytes(128), meta, is_implicit_VR=False, is_little_endian=True)
    dataset.SOPClassUID, dataset.SOPInstanceUID = sop_class, f"{ROOT}.1.1.1"
    dataset.StudyInstanceUID, dataset.SeriesInstanceUID = f"{ROOT}.1", f"{ROOT}.1.1"
    dataset.PatientName, dataset.PatientID = f"{WORD}^Anna", f"ID-{WORD}"
    dataset.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
    dataset.Modality = modality
    dataset.StudyDate, dataset.StudyTime = DATE, TIME
    dataset.AccessionNumber = WORD
    dataset.ImagePositionPatient, dataset.ImageOrientationPatient = [1.5, 2, 3], [1, 0, 0, 0, 1, 0]
    dataset.PixelSpacing = [0.5, 0.5]
    dataset.InstanceNumber = 7
    dataset.Rows = dataset.Columns = 2
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit, dataset.PixelRepresentation = 16, 12, 11, 0
    dataset.add_new(0x7FE00010, "OW", b"\1\2\3\4\5\6\7\x08")
    return dataset


def planted(iod: str, sop_class: str) -> FileDataset:
    """Return an instance with every attribute of the IOD that could pass, at every depth, each a canary."""
    dataset = image(sop_class)
    whole = _level(tables.iods()[iod])
    for element in whole.values():
        if element.tag not in dataset:
            dataset[element.tag] = element
    return dataset


def _level(number: int) -> Dataset:
    dataset = Dataset()
    for entry in tables.level(number):
        if entry.tag == 0x00080005:
            continue
        vr = vr_of(entry.tag)
        if vr == "SQ":
            items = [_level(entry.below)] if entry.below else [Dataset()]
            dataset[entry.tag] = DataElement(entry.tag, "SQ", Sequence(items))
        else:
            dataset[entry.tag] = elements.raw(entry.tag, vr[-2:], canary(vr))
    add_unlisted(dataset)
    return dataset


def vr_of(tag: int) -> str:
    """Return the VR by our tables."""
    row = tables.confidentiality().get(tag) or tables.values().get(tag)
    return row.vr if row is not None and row.vr else _vr(tag)


def canary(vr: str) -> bytes:
    """Return a value of the VR that must not come out."""
    return _VALUES.get(vr[-2:], WORD.encode())


def add_unlisted(dataset: Dataset) -> None:
    """Add what no IOD knows: private blocks, a sequence hidden in UN, unknown even groups, padding, group length."""
    hidden = encode._level(_texts())
    for tag, vr, value in (
        (0x00090010, "LO", WORD.encode()),
        (0x00091001, "LO", WORD.encode()),
        (0x00091002, "UN", b"\xfe\xff\0\xe0" + b"".join(hidden)),
        (0x00880200, "UN", WORD.encode()),
        (0x00700001, "UN", WORD.encode()),
        (0x66660001, "LO", WORD.encode()),
        (0x00080000, "UL", b"\1\0\0\0"),
        (0xFFFCFFFC, "OB", WORD.encode()),
    ):
        dataset[tag] = elements.raw(tag, vr, value)


def _texts() -> Dataset:
    dataset = Dataset()
    dataset[0x00100010] = elements.raw(0x00100010, "PN", WORD.encode())
    return dataset


def run(original: FileDataset, profile: str = "basic") -> Kept | LeftOut:
    """De-identify with the test's key."""
    return Deidentifier(load(profile), KEY).instance(original)


def published(original: FileDataset, profile: str = "basic") -> bytes:
    """Return the bytes that would be published; fails where the instance is left out."""
    result = run(original, profile)
    assert isinstance(result, Kept), result
    return encode.to_part10(result.dataset)


def reopened(original: FileDataset, profile: str = "basic") -> FileDataset:
    """Return what a reader of the published bytes sees."""
    return pydicom.dcmread(BytesIO(published(original, profile)))


def leaks(content: bytes) -> list[bytes]:
    """Return the canaries found."""
    return [canary for canary in CANARIES if canary in content]
