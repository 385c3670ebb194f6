"""The sample study: an invented patient's CT of chest and abdomen, with the headers that a real one has."""

import uuid
from collections.abc import Iterator
from typing import Any

from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.sequence import Sequence
from pydicom.uid import UID, CTImageStorage, ExplicitVRLittleEndian

from studypub.dicom.demo_phantom import PIXEL_SPACING, SIZE, SLICES, SPACING_BETWEEN_SLICES, Phantom

PATIENT_ID = "1000001158664"
ACCESSION_NUMBER = "KP125706548L"

_SEED = 20250201
_INTERCEPT = -1024
_TOP = 1650.0  # SliceLocation of the highest slice, millimetres
# Any fixed UUID makes the same UIDs at every start (PS3.5 B.2).
_NAMESPACE = uuid.UUID("9d1d3c3e-66a4-5a1e-8f43-0f5b7a0f9c11")

_PATIENT = {
    "PatientName": "Иванова^Мария^Петровна",
    "PatientID": PATIENT_ID,
    "PatientBirthDate": "19800517",
    "PatientSex": "F",
    "PatientAge": "044Y",
    "PatientSize": "1.68",
    "PatientWeight": "64",
    "OtherPatientNames": "Сидорова^Мария^Петровна",
    "EthnicGroup": "",
    "PatientAddress": "141400, г. Химки, ул. Лесная, д. 4, кв. 12",
    "PatientTelephoneNumbers": "+7 900 000-00-17",
    "PatientComments": "Иванова М.П., полис 5000 0000 0000 0017",
    "PregnancyStatus": 1,
}
_STUDY = {
    "StudyDate": "20250201",
    "StudyTime": "161802.000",
    "StudyID": "48213",
    "AccessionNumber": ACCESSION_NUMBER,
    "StudyDescription": "КТ груди и живота с контрастом",
    "ReferringPhysicianName": "Петров^Сергей^Ильич",
    "NameOfPhysiciansReadingStudy": "Орлова^Анна^Викторовна",
    "AdmittingDiagnosesDescription": "Перед операцией, ИБ 2025-0417",
    "InstitutionName": "Клиника в Химках",
    "InstitutionAddress": "141400, г. Химки, ул. Примерная, д. 1",
    "InstitutionalDepartmentName": "Отделение лучевой диагностики",
    "RequestingPhysician": "Петров^Сергей^Ильич",
    "RequestedProcedureDescription": "КТ с контрастированием",
    "IssuerOfPatientID": "KHIMKI",
}
_SERIES = {
    "Modality": "CT",
    "SeriesNumber": 2,
    "SeriesDate": "20250201",
    "SeriesTime": "162010.000",
    "SeriesDescription": "Венозная фаза 5.0 мм",
    "ProtocolName": "Chest-Abdomen",
    "BodyPartExamined": "CHEST",
    "PatientPosition": "FFS",
    "OperatorsName": "Кузнецова^Ольга",
    "PerformingPhysicianName": "Орлова^Анна^Викторовна",
    "PerformedProcedureStepID": "PPS48213",
    "PerformedProcedureStepStartDate": "20250201",
    "PerformedProcedureStepStartTime": "161802",
    "PerformedProcedureStepDescription": "КТ с контрастированием",
}
_EQUIPMENT = {
    "Manufacturer": "Sample Works",
    "ManufacturerModelName": "Phantom 64",
    "DeviceSerialNumber": "SW-000417",
    "StationName": "CT-KHIMKI-1",
    "SoftwareVersions": "1.0",
    "DateOfLastCalibration": "20250127",
}
_ACQUISITION = {
    "AcquisitionNumber": 1,
    "AcquisitionDate": "20250201",
    "AcquisitionTime": "162011.000",
    "KVP": "120",
    "XRayTubeCurrent": 210,
    "ExposureTime": 500,
    "Exposure": 105,
    "ScanOptions": "HELICAL MODE",
    "DataCollectionDiameter": "500",
    "ReconstructionDiameter": "400",
    "GantryDetectorTilt": "0",
    "TableHeight": "148",
    "RotationDirection": "CW",
    "FilterType": "BODY",
    "ConvolutionKernel": "STANDARD",
    "ContrastBolusAgent": "Йогексол 350",
    "ContrastBolusRoute": "IV",
    "ContrastBolusVolume": "80",
    "SliceThickness": "5",
    "SpacingBetweenSlices": "5",
}
_PLANE = {
    "ImageOrientationPatient": [1, 0, 0, 0, 1, 0],
    "PixelSpacing": [PIXEL_SPACING, PIXEL_SPACING],
    "PositionReferenceIndicator": "",
    "SamplesPerPixel": 1,
    "PhotometricInterpretation": "MONOCHROME2",
    "Rows": SIZE,
    "Columns": SIZE,
    "BitsAllocated": 16,
    "BitsStored": 12,
    "HighBit": 11,
    "PixelRepresentation": 0,
    "RescaleIntercept": _INTERCEPT,
    "RescaleSlope": 1,
    "RescaleType": "HU",
    "WindowCenter": ["40", "-500"],
    "WindowWidth": ["400", "1500"],
    "WindowCenterWidthExplanation": ["SOFT TISSUE", "LUNG"],
}


def slices() -> Iterator[FileDataset]:
    """Yield the study's instances from the feet to the head, the same at every call (CT Image IOD, PS3.3 A.3)."""
    phantom = Phantom(_SEED)
    for index in range(SLICES):
        dataset = _headers(index)
        stored = phantom.slice(index) - _INTERCEPT
        dataset.PixelData = stored.clip(0, 4095).astype("<u2").tobytes()
        dataset["PixelData"].VR = "OW"
        yield dataset


def _headers(index: int) -> FileDataset:
    instance_uid = _uid("instance", index)
    meta = _file_meta(instance_uid)
    # pynetdicom goes by this flag, not by the transfer syntax in the file meta information.
    dataset = FileDataset(
        "", {}, file_meta=meta, preamble=bytes(128), is_implicit_VR=meta.TransferSyntaxUID.is_implicit_VR
    )
    _fill(dataset, {"SpecificCharacterSet": "ISO_IR 192", "ImageType": ["ORIGINAL", "PRIMARY", "AXIAL"]})
    for module in (_PATIENT, _STUDY, _SERIES, _EQUIPMENT, _ACQUISITION, _PLANE):
        _fill(dataset, module)
    dataset.SOPClassUID, dataset.SOPInstanceUID = CTImageStorage, instance_uid
    dataset.StudyInstanceUID, dataset.SeriesInstanceUID = _uid("study"), _uid("series")
    dataset.FrameOfReferenceUID = _uid("frame of reference")
    dataset.InstanceNumber = index + 1
    dataset.InstanceCreationDate = dataset.ContentDate = "20250201"
    dataset.InstanceCreationTime = dataset.ContentTime = f"1620{11 + index // 3}"
    _place(dataset, index)
    _add_sequences(dataset, index)
    _add_private_block(dataset)
    return dataset


def _place(dataset: Dataset, index: int) -> None:
    corner = -(SIZE - 1) / 2 * PIXEL_SPACING
    height = _TOP - (SLICES - 1 - index) * SPACING_BETWEEN_SLICES
    dataset.ImagePositionPatient = [f"{corner:.6f}", f"{corner:.6f}", f"{height:.1f}"]
    dataset.SliceLocation = f"{height:.1f}"


def _add_sequences(dataset: Dataset, index: int) -> None:
    """Add what refers to the request, and to another instance of the study by its UID."""
    request = _fill(Dataset(), {"RequestedProcedureID": "RP48213", "ScheduledProcedureStepID": "SPS48213"})
    request.AccessionNumber = ACCESSION_NUMBER
    request.RequestingPhysician = _STUDY["RequestingPhysician"]
    dataset.RequestAttributesSequence = Sequence([request])
    neighbour = Dataset()
    neighbour.ReferencedSOPClassUID = CTImageStorage
    neighbour.ReferencedSOPInstanceUID = _uid("instance", (index + 1) % SLICES)
    dataset.ReferencedImageSequence = Sequence([neighbour])
    dataset.ProcedureCodeSequence = Sequence([_code("A06.30.005", "99MZ", "КТ органов брюшной полости")])


def _add_private_block(dataset: Dataset) -> None:
    block = dataset.private_block(0x0043, "SAMPLE WORKS CT 1.0", create=True)
    block.add_new(0x01, "LO", "Иванова Мария Петровна, 17.05.1980")
    block.add_new(0x02, "SH", PATIENT_ID)
    block.add_new(0x03, "DS", "0.984375")


def _code(value: str, scheme: str, meaning: str) -> Dataset:
    return _fill(Dataset(), {"CodeValue": value, "CodingSchemeDesignator": scheme, "CodeMeaning": meaning})


def _fill(dataset: Dataset, values: dict[str, Any]) -> Dataset:
    for keyword, value in values.items():
        setattr(dataset, keyword, value)
    return dataset


def _file_meta(instance_uid: UID) -> FileMetaDataset:
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = CTImageStorage
    meta.MediaStorageSOPInstanceUID = instance_uid
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    meta.ImplementationClassUID = _uid("implementation")
    return meta


def _uid(*parts: object) -> UID:
    return UID(f"2.25.{uuid.uuid5(_NAMESPACE, repr(parts)).int}")
