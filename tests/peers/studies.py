"""Builds small valid studies full of identifying data, and lists what was planted in them."""

import random
from collections.abc import Iterator
from typing import Any

import numpy as np
from PIL import Image, ImageDraw, ImageFont
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.sequence import Sequence
from pydicom.uid import (
    UID,
    BasicTextSRStorage,
    ComputedRadiographyImageStorage,
    CTImageStorage,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    MRImageStorage,
    RLELossless,
    SecondaryCaptureImageStorage,
    UltrasoundImageStorage,
)
from tests.peers.study_headers import (
    IDENTIFYING_CODES,
    IDENTIFYING_TEXT,
    MODALITY,
    PATIENT,
    PIXELS,
    PLANE,
    SERIES,
    SIDE,
    STANDARD_UIDS,
    STUDY,
    TEXT_VRS,
)

ENCODINGS = ("utf-8", "cp1251", "iso-8859-5", "koi8-r", "utf-16-le", "utf-16-be")
"""How a Cyrillic name may be spelled in the bytes of an archive."""

_ROOT = "1.2.826.0.1.3680043.10.1511"
_SOP_CLASSES = {"CT": CTImageStorage, "MR": MRImageStorage, "CR": ComputedRadiographyImageStorage}
BANNER = 40
"""Rows above the image of `scan_with_banner`."""

_PRIVATE_CREATOR = "TEST WORKS 2.0"


def make_study(
    *,
    patient_id: str,
    accession_number: str,
    instances: int = 5,
    modality: str = "CT",
    patient_name: str = "Ковалевская^Софья^Юрьевна",
    seed: int = 0,
    transfer_syntax: UID = ExplicitVRLittleEndian,
    character_set: str = "ISO_IR 192",
    misdeclared: bool = False,
) -> list[FileDataset]:
    """Return one series of a study; the same arguments give the same bytes.

    `modality` is CT, MR or CR; `transfer_syntax` Implicit or Explicit VR Little Endian, or RLE Lossless.
    `misdeclared` writes the Cyrillic text in cp1251 and calls it ISO_IR 100, as many Russian modalities do.
    """
    uids = _Uids(seed)
    series = uids.new()
    frame, study = uids.new(), uids.new()
    instance_uids = [uids.new() for _ in range(instances)]
    made = []
    for number, instance_uid in enumerate(instance_uids, start=1):
        dataset = _blank(_SOP_CLASSES[modality], instance_uid, character_set)
        _fill(dataset, {"PatientID": patient_id, "PatientName": patient_name, "AccessionNumber": accession_number})
        _describe(dataset, study, series, modality, number)
        _fill(dataset, MODALITY[modality])
        if modality != "CR":
            _fill(dataset, PLANE)
            dataset.FrameOfReferenceUID = frame
            dataset.ImagePositionPatient = [-64, -64, 5 * number]
        _plant_references(dataset, accession_number, instance_uids)
        _plant_private(dataset, patient_id, instance_uids[0])
        _draw(dataset, seed + number)
        made.append(_finished(dataset, transfer_syntax, misdeclared=misdeclared))
    return made


def structured_report(study: list[FileDataset]) -> FileDataset:
    """Return a report (Basic Text SR, PS3.3 A.35.1) that belongs to the study and names the patient in its text."""
    dataset = _companion(study, BasicTextSRStorage, "SR", 901)
    dataset.CompletionFlag, dataset.VerificationFlag = "COMPLETE", "UNVERIFIED"
    dataset.ReferencedPerformedProcedureStepSequence = Sequence()
    dataset.PerformedProcedureCodeSequence = Sequence()
    dataset.ValueType, dataset.ContinuityOfContent = "CONTAINER", "SEPARATE"
    dataset.ConceptNameCodeSequence = Sequence([_code("18782-3", "LN", "Radiology Study observation")])
    text = _fill(Dataset(), {"RelationshipType": "CONTAINS", "ValueType": "TEXT"})
    text.ConceptNameCodeSequence = Sequence([_code("121071", "DCM", "Finding")])
    text.TextValue = "У пациентки Ковалевской без патологии. Врач Боткина."
    dataset.ContentSequence = Sequence([text])
    return _finished(dataset, ExplicitVRLittleEndian)


def secondary_capture(study: list[FileDataset]) -> FileDataset:
    """Return a screenshot (Secondary Capture, PS3.3 A.8.1) that belongs to the study, with text in its pixels."""
    dataset = _companion(study, SecondaryCaptureImageStorage, "OT", 902)
    dataset.ImageType = ["DERIVED", "SECONDARY"]
    dataset.ConversionType = "WSD"
    dataset.PatientOrientation = dataset.Laterality = ""
    _draw_screen(dataset)
    return _finished(dataset, ExplicitVRLittleEndian)


def ultrasound(study: list[FileDataset]) -> FileDataset:
    """Return an ultrasound image (PS3.3 A.6) that belongs to the study, with a banner in its pixels."""
    dataset = _companion(study, UltrasoundImageStorage, "US", 903)
    dataset.ImageType = ["ORIGINAL", "PRIMARY", "ABDOMINAL", "0001"]
    dataset.PatientOrientation = dataset.Laterality = ""
    _draw_screen(dataset)
    return _finished(dataset, ExplicitVRLittleEndian)


def scan_with_banner(study: list[FileDataset], *, printed: str, number: int = 904) -> FileDataset:
    """Return an ultrasound image (PS3.3 A.6) of the study: a fan of speckle, and `printed` in a banner above it."""
    dataset = _companion(study, UltrasoundImageStorage, "US", number)
    dataset.ImageType = ["ORIGINAL", "PRIMARY", "ABDOMINAL", "0001"]
    dataset.PatientOrientation = dataset.Laterality = ""
    _fill(dataset, PIXELS)
    rows, columns = 480, 640
    _fill(dataset, {"BitsAllocated": 8, "BitsStored": 8, "HighBit": 7, "Rows": rows, "Columns": columns})
    picture = Image.new("L", (columns, rows))
    picture.paste(_speckle(rows - BANNER, columns), (0, BANNER))
    font = ImageFont.truetype("DejaVuSans.ttf", 18)
    ImageDraw.Draw(picture).text((12, 8), printed, fill=255, font=font)
    dataset.PixelData = picture.tobytes()
    dataset["PixelData"].VR = "OB"
    return _finished(dataset, ExplicitVRLittleEndian)


def with_region(dataset: FileDataset) -> FileDataset:
    """Return it with the place of the image itself in its header (PS3.3 C.8.5.5)."""
    region = Dataset()
    region.RegionLocationMinX0, region.RegionLocationMinY0 = 0, BANNER
    region.RegionLocationMaxX1, region.RegionLocationMaxY1 = int(dataset.Columns) - 1, int(dataset.Rows) - 1
    dataset.SequenceOfUltrasoundRegions = Sequence([region])
    return dataset


def _speckle(rows: int, columns: int) -> Image.Image:
    noise = np.random.default_rng(5).rayleigh(38, (rows // 2, columns // 2)).clip(0, 200).astype(np.uint8)
    return Image.fromarray(noise).resize((columns, rows), Image.Resampling.BILINEAR)


def planted(study: list[FileDataset]) -> list[str]:
    """Return every identifying text of the study, sorted: names and their parts, numbers, dates, UIDs, free text."""
    found: set[str] = set()
    for dataset in study:
        found.update(_identifying(dataset))
        found.add(str(dataset.file_meta.SourceApplicationEntityTitle))
    return sorted(found)


def spellings(text: str) -> list[bytes]:
    """Return the text's bytes in every encoding of ENCODINGS that has its letters."""
    spelled = set()
    for encoding in ENCODINGS:
        encoded = text.encode(encoding, errors="ignore")
        if encoded.decode(encoding) == text:
            spelled.add(encoded)
    return sorted(spelled)


class _Uids:
    """UIDs in a row; each seed has a row of its own."""

    def __init__(self, seed: int | str) -> None:
        self._random = random.Random(str(seed))

    def new(self) -> UID:
        return UID(f"{_ROOT}.{self._random.getrandbits(60)}.{self._random.getrandbits(40)}")


def _blank(sop_class: UID, instance_uid: UID, character_set: str) -> FileDataset:
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = sop_class, instance_uid
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    meta.ImplementationClassUID = UID(f"{_ROOT}.1")
    meta.SourceApplicationEntityTitle = "KHIMKI-SRC-AE"
    dataset = FileDataset("", {}, file_meta=meta, preamble=bytes(128))
    dataset.SpecificCharacterSet = character_set
    dataset.SOPClassUID, dataset.SOPInstanceUID = sop_class, instance_uid
    return dataset


def _describe(dataset: Dataset, study: UID, series: UID, modality: str, number: int) -> None:
    for values in (PATIENT, STUDY, SERIES):
        _fill(dataset, values)
    dataset.StudyInstanceUID, dataset.SeriesInstanceUID = study, series
    dataset.Modality, dataset.SeriesNumber, dataset.InstanceNumber = modality, 1, number
    dataset.InstanceCreationDate = dataset.AcquisitionDate = dataset.ContentDate = "20250203"
    dataset.InstanceCreationTime = dataset.AcquisitionTime = dataset.ContentTime = f"0918{number % 60:02d}"
    dataset.ImageComments = "Пересмотрено: Боткина Вера"
    dataset.BurnedInAnnotation = "NO"


def _plant_references(dataset: Dataset, accession_number: str, instance_uids: list[UID]) -> None:
    """Refer to the study's other instances, and to the request, from nested sequences."""
    request = _fill(Dataset(), {"RequestedProcedureID": "REQUEST-31187", "ScheduledProcedureStepID": "SPS-31188"})
    request.AccessionNumber = accession_number
    request.RequestingPhysician = STUDY["RequestingPhysician"]
    request.ReasonForTheRequestedProcedure = "Звонить Ковалевской вечером"
    dataset.RequestAttributesSequence = Sequence([request])
    others = [uid for uid in instance_uids if uid != dataset.SOPInstanceUID]
    dataset.ReferencedImageSequence = Sequence([_reference(dataset.SOPClassUID, uid) for uid in others])
    source = _reference(dataset.SOPClassUID, instance_uids[0])
    source.PurposeOfReferenceCodeSequence = Sequence(
        [_code("121322", "DCM", "Source image for image processing operation")]
    )
    dataset.SourceImageSequence = Sequence([source])


def _plant_private(dataset: Dataset, patient_id: str, referred: UID) -> None:
    block = dataset.private_block(0x0033, _PRIVATE_CREATOR, create=True)
    block.add_new(0x10, "PN", "Ковалевская^Софья")
    block.add_new(0x11, "LO", f"private-{patient_id}")
    block.add_new(0x12, "UI", referred)
    block.add_new(0x13, "DS", "3.25")
    nested = Dataset()
    nested.PatientName = "Ковалевская^С.Ю."
    nested.private_block(0x0035, _PRIVATE_CREATOR, create=True).add_new(0x01, "LT", "Вложено для Бехтерева")
    block.add_new(0x14, "SQ", Sequence([nested]))


def _companion(study: list[FileDataset], sop_class: UID, modality: str, number: int) -> FileDataset:
    first = study[0]
    uids = _Uids(f"{first.StudyInstanceUID} {modality}")
    dataset = _blank(sop_class, uids.new(), "ISO_IR 192")
    identity = {keyword: first[keyword].value for keyword in ("PatientID", "PatientName", "AccessionNumber")}
    _fill(dataset, identity)
    _describe(dataset, first.StudyInstanceUID, uids.new(), modality, 1)
    dataset.SeriesNumber = number
    if sop_class == BasicTextSRStorage:
        del dataset.BurnedInAnnotation, dataset.ImageComments
    return dataset


def _draw(dataset: Dataset, seed: int) -> None:
    _fill(dataset, PIXELS)
    rows, columns = np.mgrid[0:SIDE, 0:SIDE]
    disc = np.hypot(rows - SIDE / 2, columns - SIDE / 2) < SIDE * 0.4
    noise = np.random.default_rng(seed).integers(0, 60, (SIDE, SIDE))
    dataset.PixelData = (np.where(disc, 1050, 20) + noise).astype("<u2").tobytes()
    dataset["PixelData"].VR = "OW"


def _draw_screen(dataset: Dataset) -> None:
    """Draw a grey picture with white dashes along its top, where a console writes the patient's name."""
    _fill(dataset, PIXELS)
    _fill(dataset, {"BitsAllocated": 8, "BitsStored": 8, "HighBit": 7, "BurnedInAnnotation": "YES"})
    screen = np.full((SIDE, SIDE), 60, dtype=np.uint8)
    screen[2:9, ::3] = 255
    dataset.PixelData = screen.tobytes()
    dataset["PixelData"].VR = "OB"


def _finished(dataset: FileDataset, transfer_syntax: UID, *, misdeclared: bool = False) -> FileDataset:
    if misdeclared:
        dataset.SpecificCharacterSet = "ISO_IR 100"
        dataset.walk(_misdeclare)
    # pynetdicom goes by this, not by the transfer syntax in the file meta information.
    dataset.set_original_encoding(transfer_syntax.is_implicit_VR, transfer_syntax.is_little_endian)
    if transfer_syntax == RLELossless:
        dataset.compress(RLELossless, generate_instance_uid=False)
    elif transfer_syntax not in (ImplicitVRLittleEndian, ExplicitVRLittleEndian):
        raise ValueError(f"no encoder for {transfer_syntax.name}")
    dataset.file_meta.TransferSyntaxUID = transfer_syntax
    return dataset


def _misdeclare(_: Dataset, element: DataElement) -> None:
    if element.VR in TEXT_VRS | {"PN"} and not element.is_empty:
        values = [str(value).encode("cp1251").decode("latin-1") for value in _values(element)]
        element.value = values if len(values) > 1 else values[0]


def _identifying(dataset: Dataset) -> Iterator[str]:
    for element in dataset.iterall():
        texts = [str(value) for value in _values(element)] if element.VR != "SQ" else []
        if dataset.get("SpecificCharacterSet") == "ISO_IR 100":
            texts = [text.encode("latin-1").decode("cp1251") for text in texts]
        for text in texts:
            yield from _telling(element, text)


def _telling(element: DataElement, text: str) -> Iterator[str]:
    if element.VR == "PN":
        yield from (part for part in (text, *text.split("^")) if len(part) > 4)
    elif element.VR == "UI":
        yield from () if text.startswith(STANDARD_UIDS) else (text,)
    elif element.VR == "DA":
        yield text
    elif element.VR in TEXT_VRS and text:
        private = element.tag.is_private and not element.tag.is_private_creator
        if private or element.keyword in IDENTIFYING_TEXT or text in IDENTIFYING_CODES:
            yield text


def _reference(sop_class: UID, instance_uid: UID) -> Dataset:
    return _fill(Dataset(), {"ReferencedSOPClassUID": sop_class, "ReferencedSOPInstanceUID": instance_uid})


def _code(value: str, scheme: str, meaning: str) -> Dataset:
    return _fill(Dataset(), {"CodeValue": value, "CodingSchemeDesignator": scheme, "CodeMeaning": meaning})


def _fill(dataset: Dataset, values: dict[str, Any]) -> Dataset:
    """Set elements by keyword; a list of dictionaries becomes a sequence."""
    for keyword, value in values.items():
        nested = isinstance(value, list) and isinstance(value[0], dict)
        setattr(dataset, keyword, Sequence([_fill(Dataset(), item) for item in value]) if nested else value)
    return dataset


def _values(element: DataElement) -> list[object]:
    if element.is_empty:
        return []
    return list(element.value) if element.VM > 1 else [element.value]
