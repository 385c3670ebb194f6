"""Builds instances with canaries wherever DICOM can hold them."""

import re
from io import BytesIO
from typing import Final

import pydicom
from pydicom.datadict import dictionary_has_tag, dictionary_VM
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.sequence import Sequence
from pydicom.uid import ExplicitVRLittleEndian

from studypub.deid import elements, encode, tables
from studypub.deid.choices import _vr
from studypub.deid.instance import Deidentifier, Kept, LeftOut
from studypub.deid.profile import load

CT: Final = "1.2.840.10008.5.1.4.1.1.2"
MR: Final = "1.2.840.10008.5.1.4.1.1.4"
DX: Final = "1.2.840.10008.5.1.4.1.1.1.1"
HEIGHT_MAP: Final = "1.2.840.10008.5.1.4.1.1.66.8"  # the one kind of object that has floats only
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
    if sop_class == HEIGHT_MAP:
        del dataset.PixelData, dataset.BitsStored, dataset.HighBit, dataset.PixelRepresentation
        dataset.BitsAllocated, dataset.FloatPixelData = 32, b"\0\0\x80?" * 4
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


def filled(iod: str, sop_class: str) -> FileDataset:
    """Return an instance with every attribute of the IOD at every depth, each with a plausible value."""
    dataset = image(sop_class)
    for element in _filled(tables.iods()[iod], 0).values():
        if element.tag not in dataset and element.tag.group != 0x7FE0:
            dataset[element.tag] = element
    return dataset


def _filled(number: int, depth: int) -> Dataset:
    dataset = Dataset()
    entries = tables.level(number)
    coded = any(entry.tag == 0x00080100 for entry in entries)
    for entry in entries:
        vr = vr_of(entry.tag)
        if coded and entry.tag in _CODE:
            dataset[entry.tag] = elements.raw(entry.tag, vr, _CODE[entry.tag])
        elif vr == "SQ":
            items = [_filled(entry.below, depth + 1)] if entry.below else []
            dataset[entry.tag] = DataElement(entry.tag, "SQ", Sequence(items))
        elif not (coded and entry.tag in {0x00080119, 0x00080120}) and entry.tag != 0x00080005:
            dataset[entry.tag] = elements.raw(entry.tag, vr[-2:], _plausible(entry.tag, vr))
    return dataset


_CODE: Final = {0x00080100: b"51185008", 0x00080102: b"SCT", 0x00080104: b"Thoracic structure"}
_PLAUSIBLE: Final = {
    "DS": b"1.5", "IS": b"1", "US": b"\1\0", "SS": b"\1\0", "UL": b"\1\0\0\0", "SL": b"\1\0\0\0", "AS": b"045Y",
    "FL": b"\0\0\x80?", "FD": b"\0\0\0\0\0\0\xf0?", "DA": b"20200102", "TM": b"101010", "DT": b"20200102101010",
    "UI": b"1.2.3.4", "AT": b"\x20\0\x32\0", "OB": b"\1\0", "OW": b"\1\0", "OF": b"\0\0\x80?",
}  # fmt: skip


def _plausible(tag: int, vr: str) -> bytes:
    value = tables.values().get(tag)
    if value is not None and value.rule.startswith("enumerated:"):
        argument = value.rule.removeprefix("enumerated:")
        if argument.startswith("1="):
            return b"ORIGINAL\\PRIMARY\\OTHER\\NONE"
        return b"L\\P" if argument.startswith("/") else argument.partition("|")[0].encode()
    if value is not None and vr == "UI" and value.rule == "pass":
        return CT.encode()
    return repeated(_PLAUSIBLE[vr[-2:]], tag, vr) if vr[-2:] in _PLAUSIBLE else b"TEXT"


def repeated(number: bytes, tag: int, vr: str) -> bytes:
    """Return the number as often as there must be one at least (PS3.6)."""
    least = re.match(r"\d+", dictionary_VM(tag)) if dictionary_has_tag(tag) else None
    separator = b"" if elements.width(vr[-2:]) else b"\\"
    return separator.join([number] * (int(least[0]) if least else 1))
