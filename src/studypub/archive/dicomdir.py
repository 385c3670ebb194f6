"""Builds the DICOMDIR: the directory of all instances of an archive (PS3.10 Section 8, PS3.3 Annex F)."""

import hashlib
import re
import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice

from pydicom import Dataset
from pydicom.dataelem import RawDataElement
from pydicom.dataset import FileMetaDataset
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_dataset, write_file_meta_info
from pydicom.uid import (
    PYDICOM_IMPLEMENTATION_UID,
    PYDICOM_ROOT_UID,
    UID,
    ExplicitVRLittleEndian,
    MediaStorageDirectoryStorage,
    generate_uid,
)

from studypub.archive.records import INSTANCE_KEYS, PATIENT_KEYS, SERIES_KEYS, STUDY_KEYS, copy_keys, record_type

# A record begins with three elements whose size never changes (PS3.3 F.3.2.2): Offset of the Next Directory Record,
# Record In-use Flag and Offset of Referenced Lower-Level Directory Entity; before them the tag and length of the item.
_ITEM = struct.Struct("<HHL HH2sHL HH2sHH HH2sHL")
_ITEM_HEADER_BYTES = 8
_SEQUENCE = struct.Struct("<HH2sHL")
_SHORT = struct.Struct("<HH2sH")
# PS3.3 F.3.2.2, F.3.2.3: elements of group 0004
_DIRECTORY_RECORD_TYPE, _REFERENCED_FILE_ID = 0x1430, 0x1500
_REFERENCED_SOP_CLASS_UID_IN_FILE, _REFERENCED_SOP_INSTANCE_UID_IN_FILE = 0x1510, 0x1511
_REFERENCED_TRANSFER_SYNTAX_UID_IN_FILE = 0x1512
_INSTANCE_NUMBER = 0x00200013
_RECORDS_OF_A_PIECE = 256
_DIGITS = re.compile(rb"[0-9]{1,11} ?")


@dataclass(slots=True)
class _Record:
    """One record, all but its links, encoded; and what stands below it."""

    body: bytes
    lower: "dict[str, _Record]" = field(default_factory=dict)

    @property
    def own_size(self) -> int:
        return _ITEM.size + len(self.body)

    @property
    def whole_size(self) -> int:
        return self.own_size + sum(record.whole_size for record in self.lower.values())


class Directory:
    """Collects what the DICOMDIR says of each instance, encoded at once: no data set is kept."""

    def __init__(self) -> None:
        self._patients: dict[str, _Record] = {}
        self._hash = hashlib.sha256()

    def add(self, dataset: Dataset, file_id: tuple[str, ...]) -> None:
        """Enter an instance that lies at this File ID: up to 8 components of up to 8 of A-Z, 0-9, _ (PS3.10 8.2)."""
        patient = _child(self._patients, str(dataset.get("PatientID", "")), "PATIENT", dataset, PATIENT_KEYS)
        study = _child(patient, str(dataset.get("StudyInstanceUID", "")), "STUDY", dataset, STUDY_KEYS)
        series = _child(study, str(dataset.get("SeriesInstanceUID", "")), "SERIES", dataset, SERIES_KEYS)
        kind = record_type(dataset.SOPClassUID)
        reference = (
            _short(_REFERENCED_FILE_ID, b"CS", "\\".join(file_id))
            + _short(_REFERENCED_SOP_CLASS_UID_IN_FILE, b"UI", dataset.SOPClassUID)
            + _short(_REFERENCED_SOP_INSTANCE_UID_IN_FILE, b"UI", dataset.SOPInstanceUID)
            + _short(_REFERENCED_TRANSFER_SYNTAX_UID_IN_FILE, b"UI", dataset.file_meta.TransferSyntaxUID)
        )
        body = _body(kind, dataset, INSTANCE_KEYS[kind], reference)
        series[str(dataset.SOPInstanceUID)] = _Record(body)
        self._hash.update(body)

    def encode(self) -> bytes:
        """Return the file's bytes; the same instances in the same order give the same bytes."""
        head, length, records = self._encoded()
        return b"".join([head, _sequence(length), *records])

    def pieces(self) -> Iterator[bytes]:
        """Yield files of some records each that hold all that it does: whoever walks through one holds little."""
        head, _, records = self._encoded()
        while some := list(islice(records, 2 * _RECORDS_OF_A_PIECE)):
            yield b"".join([head, _sequence(sum(map(len, some))), *some])

    def _encoded(self) -> tuple[bytes, int, Iterator[bytes]]:
        """Return what stands before the records, how long all are, and each as two parts."""
        patients = list(self._patients.values())
        length = sum(record.whole_size for record in patients)
        preamble = bytes(128) + b"DICM" + _file_meta(generate_uid(PYDICOM_ROOT_UID, [self._hash.hexdigest()]))
        start = len(preamble) + len(_file_set(0, 0)) + _SEQUENCE.size
        first = start if patients else 0
        last = start + length - patients[-1].whole_size if patients else 0
        return preamble + _file_set(first, last), length, _linked(patients, start)


def _child(
    siblings: dict[str, _Record], key: str, kind: str, dataset: Dataset, keywords: tuple[str, ...]
) -> dict[str, _Record]:
    """Return what stands below the record of that key, which is made where this is its first instance."""
    if key not in siblings:
        siblings[key] = _Record(_body(kind, dataset, keywords))
    return siblings[key].lower


def _body(kind: str, dataset: Dataset, keywords: tuple[str, ...], reference: bytes = b"") -> bytes:
    """Return a record of that type behind its links: the reference to a file, where it has one, and its keys."""
    encoded = _number(dataset) if keywords == ("InstanceNumber",) else b""
    if not encoded:
        keys = Dataset()
        copy_keys(dataset, keys, keywords)
        if not all(str(element.value).isascii() for element in keys.iterall()):
            keys.SpecificCharacterSet = "ISO_IR 192"
        encoded = _explicit(keys)
    return _short(_DIRECTORY_RECORD_TYPE, b"CS", kind) + reference + encoded


def _number(dataset: Dataset) -> bytes:
    """Return InstanceNumber, which most records have alone, as the instance has it; nothing where it is no number."""
    found: object = dataset.get_item(_INSTANCE_NUMBER)
    value = found.value if isinstance(found, RawDataElement) and found.VR == "IS" else None
    if not value or len(value) % 2 or not _DIGITS.fullmatch(value):
        return b""
    return _SHORT.pack(_INSTANCE_NUMBER >> 16, _INSTANCE_NUMBER & 0xFFFF, b"IS", len(value)) + value


def _sequence(length: int) -> bytes:
    """Return what stands before the records."""
    return _SEQUENCE.pack(0x0004, 0x1220, b"SQ", 0, length)


def _short(number: int, vr: bytes, value: str) -> bytes:
    """Return an element of group 0004 whose value is short and ASCII (PS3.5 7.1.2)."""
    content = value.encode("ascii")
    content += (b"\0" if vr == b"UI" else b" ") * (len(content) % 2)
    return _SHORT.pack(4, number, vr, len(content)) + content


def _linked(siblings: Iterable[_Record], offset: int) -> Iterator[bytes]:
    """Yield the records of one level, each followed by all below it; `offset` is where the first one begins."""
    records = list(siblings)
    for position, record in enumerate(records, 1):
        end = offset + record.whole_size
        after = end if position < len(records) else 0
        below = offset + record.own_size if record.lower else 0
        length = record.own_size - _ITEM_HEADER_BYTES
        yield _ITEM.pack(
            *(0xFFFE, 0xE000, length),
            *(0x0004, 0x1400, b"UL", 4, after),
            *(0x0004, 0x1410, b"US", 2, 0xFFFF),
            *(0x0004, 0x1420, b"UL", 4, below),
        )
        yield record.body
        yield from _linked(record.lower.values(), offset + record.own_size)
        offset = end


def _file_set(first: int, last: int) -> bytes:
    header = Dataset()
    header.FileSetID = ""
    header.OffsetOfTheFirstDirectoryRecordOfTheRootDirectoryEntity = first
    header.OffsetOfTheLastDirectoryRecordOfTheRootDirectoryEntity = last
    header.FileSetConsistencyFlag = 0
    return _explicit(header)


def _file_meta(instance: UID) -> bytes:
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = MediaStorageDirectoryStorage
    meta.MediaStorageSOPInstanceUID = instance
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    meta.ImplementationClassUID = PYDICOM_IMPLEMENTATION_UID
    buffer = DicomBytesIO()
    write_file_meta_info(buffer, meta, enforce_standard=True)
    return buffer.getvalue()


def _explicit(dataset: Dataset) -> bytes:
    buffer = DicomBytesIO()
    buffer.is_little_endian = True
    buffer.is_implicit_VR = False
    write_dataset(buffer, dataset)
    return buffer.getvalue()
