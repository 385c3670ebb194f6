"""What the test studies say: who, where, when, and how the images are made."""

from typing import Any

SIDE = 64
"""Pixels along a side of an image."""
PATIENT = {
    "IssuerOfPatientID": "KHIMKI-MIS",
    "PatientBirthDate": "19791123",
    "PatientBirthTime": "043000",
    "PatientSex": "F",
    "PatientAge": "045Y",
    "PatientSize": "1.71",
    "PatientWeight": "68",
    "OtherPatientIDsSequence": [{"PatientID": "SNILS-112-233-445-95", "TypeOfPatientID": "TEXT"}],
    "OtherPatientNames": "Ковалевская^Софья^Юрьевна",
    "PatientBirthName": "Верещагина^Софья^Юрьевна",
    "PatientMotherBirthName": "Полежаева^Нина",
    "PatientAddress": "141407, Химки, Нагорная 11-48",
    "PatientTelephoneNumbers": ["+7 916 555-01-17", "84955550118"],
    "MedicalRecordLocator": "ARCHIVE-SHELF-3381",
    "PatientReligiousPreference": "",
    "PatientComments": "Полис 7750830849001234, мать Полежаева",
    "AdditionalPatientHistory": "Со слов Софьи Юрьевны, после ДТП",
    "MilitaryRank": "Капитан",
    "Occupation": "Юрист",
    "PatientInsurancePlanCodeSequence": [
        {"CodeValue": "OMS-7750", "CodingSchemeDesignator": "99TEST", "CodeMeaning": "Ромашка-Мед"}
    ],
}
STUDY = {
    "StudyDate": "20250203",
    "StudyTime": "091733.120",
    "StudyID": "STUDYID-90417",
    "StudyDescription": "Исследование (Ковалевская С.Ю.)",
    "ReferringPhysicianName": "Бехтерев^Аркадий^Львович",
    "ReferringPhysicianTelephoneNumbers": "+7 495 555-02-19",
    "ReferringPhysicianAddress": "Химки, Ленинский пр. 2",
    "PhysiciansOfRecord": "Склифосовская^Инна",
    "NameOfPhysiciansReadingStudy": "Боткина^Вера^Павловна",
    "AdmittingDiagnosesDescription": "Травма, карта 2025-88-1207",
    "AdmissionID": "ADMISSION-55102",
    "InstitutionName": "Клиника в Химках на Нагорной",
    "InstitutionAddress": "141407, Химки, Нагорная 2",
    "InstitutionalDepartmentName": "Рентгенкабинет 17",
    "RequestingPhysician": "Бехтерев^Аркадий^Львович",
    "RequestingService": "Травмпункт Нагорный",
    "RequestedProcedureDescription": "По просьбе Бехтерева",
    "CurrentPatientLocation": "Палата 614",
    "ResponsiblePerson": "Ковалевский^Юрий",
    "ResponsiblePersonRole": "PARENT",
    "ResponsibleOrganization": "ООО Ромашка-Мед",
    "PersonIdentificationCodeSequence": [
        {"CodeValue": "PERSON-4471", "CodingSchemeDesignator": "99TEST", "CodeMeaning": "Боткина Вера"}
    ],
    "ProcedureCodeSequence": [
        {"CodeValue": "A06.30.005", "CodingSchemeDesignator": "99TEST", "CodeMeaning": "Tomography"}
    ],
}
SERIES = {
    "SeriesDate": "20250203",
    "SeriesTime": "091801",
    "SeriesDescription": "Серия для Бехтерева",
    "ProtocolName": "Routine",
    "OperatorsName": "Лаврентьева^Зоя",
    "PerformingPhysicianName": "Боткина^Вера^Павловна",
    "PerformedProcedureStepID": "STEP-733012",
    "PerformedProcedureStepStartDate": "20250203",
    "PerformedProcedureStepStartTime": "091800",
    "StationName": "CABINET17",
    "DeviceSerialNumber": "SERIAL-66120-K",
    "Manufacturer": "Test Works",
    "ManufacturerModelName": "Model T",
    "SoftwareVersions": "2.0",
    "PerformedStationAETitle": "KHIMKI-AE-17",
    "ScheduledStudyLocation": "Каб. 17 Нагорная",
    "DateOfLastCalibration": "20250127",
}
MODALITY: dict[str, dict[str, Any]] = {
    "CT": {
        "ImageType": ["ORIGINAL", "PRIMARY", "AXIAL"],
        "BodyPartExamined": "CHEST",
        "PatientPosition": "HFS",
        "KVP": "120",
        "AcquisitionNumber": 1,
        "RescaleIntercept": "-1024",
        "RescaleSlope": "1",
        "RescaleType": "HU",
        "WindowCenter": "40",
        "WindowWidth": "400",
    },
    "MR": {
        "ImageType": ["ORIGINAL", "PRIMARY", "M"],
        "BodyPartExamined": "KNEE",
        "Laterality": "L",
        "PatientPosition": "HFS",
        "ScanningSequence": "SE",
        "SequenceVariant": "NONE",
        "ScanOptions": "",
        "MRAcquisitionType": "2D",
        "RepetitionTime": "2500",
        "EchoTime": "30",
        "EchoTrainLength": "8",
        "AcquisitionNumber": 1,
        "WindowCenter": "600",
        "WindowWidth": "1200",
    },
    "CR": {
        "ImageType": ["ORIGINAL", "PRIMARY"],
        "BodyPartExamined": "CHEST",
        "ViewPosition": "PA",
        "PatientOrientation": ["L", "F"],
        "AcquisitionNumber": 1,
        "WindowCenter": "600",
        "WindowWidth": "1200",
    },
}
PLANE = {
    "ImageOrientationPatient": [1, 0, 0, 0, 1, 0],
    "PixelSpacing": [2, 2],
    "SliceThickness": "5",
    "PositionReferenceIndicator": "",
}
PIXELS = {
    "SamplesPerPixel": 1,
    "PhotometricInterpretation": "MONOCHROME2",
    "Rows": SIDE,
    "Columns": SIDE,
    "BitsAllocated": 16,
    "BitsStored": 12,
    "HighBit": 11,
    "PixelRepresentation": 0,
}
# Text that names nobody by its VR, but was planted to identify.
HARMLESS_TEXT = frozenset(
    {"PatientSex", "MilitaryRank", "Occupation", "ResponsiblePersonRole"}
    | {"ProtocolName", "Manufacturer", "ManufacturerModelName", "SoftwareVersions"}
)
IDENTIFYING_TEXT = frozenset(
    {"PatientID", "AccessionNumber", "ImageComments", "TextValue", *PATIENT, *STUDY, *SERIES}
    | {"RequestedProcedureID", "ScheduledProcedureStepID", "ReasonForTheRequestedProcedure"}
).difference(HARMLESS_TEXT)
IDENTIFYING_CODES = frozenset({"OMS-7750", "Ромашка-Мед", "PERSON-4471", "Боткина Вера"})
TEXT_VRS = frozenset({"AE", "CS", "LO", "LT", "SH", "ST", "UC", "UT"})
STANDARD_UIDS = "1.2.840.10008."
