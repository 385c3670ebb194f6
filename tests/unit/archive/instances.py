"""Instances as de-identification leaves them."""

import gc
import io
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from pydicom import Dataset, FileDataset
from pydicom.dataset import FileMetaDataset
from pydicom.fileset import FileInstance, FileSet
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, generate_uid

T = TypeVar("T")
STUDY = "2.25.1000"
SERIES = "2.25.1001"


def instance(*, syntax: Any = ExplicitVRLittleEndian, **elements: Any) -> FileDataset:
    """Return a small CT image of one patient, study and series; keywords set an element, None empties it."""
    meta = FileMetaDataset()
    meta.TransferSyntaxUID = syntax
    dataset = FileDataset("", Dataset(), file_meta=meta, preamble=bytes(128))
    dataset.SpecificCharacterSet = "ISO_IR 192"
    dataset.PatientID, dataset.PatientName = "P1", "ANON^P1"
    dataset.StudyInstanceUID, dataset.SeriesInstanceUID = STUDY, SERIES
    dataset.SOPClassUID, dataset.SOPInstanceUID = CTImageStorage, generate_uid()
    dataset.StudyDate, dataset.StudyTime, dataset.StudyID = "20250201", "161802", "7"
    dataset.Modality, dataset.SeriesNumber, dataset.InstanceNumber = "CT", 3, 4
    for keyword, value in elements.items():
        setattr(dataset, keyword, value)
    meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = dataset.SOPClassUID, dataset.SOPInstanceUID
    return dataset


def part10(dataset: FileDataset) -> bytes:
    """Return the bytes of the instance's file (PS3.10)."""
    buffer = io.BytesIO()
    dataset.save_as(buffer, enforce_file_format=True)
    return buffer.getvalue()


def in_file_set(dicomdir: Path, tell: Callable[[FileInstance], T]) -> list[T]:
    """Return what `tell` says of each instance that pydicom finds in the directory."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)  # a FileSet drops its temporary folder without closing it
        found = FileSet(dicomdir)
        told = [tell(one) for one in found]
        del found
        gc.collect()
    return told
