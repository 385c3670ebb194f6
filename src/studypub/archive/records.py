"""Says what a DICOMDIR tells about an instance: the type of its record and the keys of each (PS3.3 Annex F.5)."""

import re
from functools import cache

from pydicom import DataElement, Dataset
from pydicom.uid import UID

PATIENT_KEYS = ("PatientName", "PatientID")
STUDY_KEYS = ("StudyDate", "StudyTime", "StudyDescription", "StudyInstanceUID", "StudyID", "AccessionNumber")
SERIES_KEYS = ("Modality", "SeriesInstanceUID", "SeriesNumber")

_CONTENT = ("InstanceNumber", "ContentDate", "ContentTime")
_IDENTIFIED = (*_CONTENT, "ContentLabel", "ContentDescription", "ContentCreatorName")
INSTANCE_KEYS = {
    "IMAGE": ("InstanceNumber",),
    "RT DOSE": ("InstanceNumber", "DoseSummationType"),
    "RT STRUCTURE SET": ("InstanceNumber", "StructureSetLabel", "StructureSetDate", "StructureSetTime"),
    "RT PLAN": ("InstanceNumber", "RTPlanLabel", "RTPlanDate", "RTPlanTime"),
    "RT TREAT RECORD": ("InstanceNumber", "TreatmentDate", "TreatmentTime"),
    "PRESENTATION": (
        "PresentationCreationDate",
        "PresentationCreationTime",
        "InstanceNumber",
        "ContentLabel",
        "ContentDescription",
        "ContentCreatorName",
    ),
    "WAVEFORM": _CONTENT,
    "RAW DATA": _CONTENT,
    "SR DOCUMENT": (*_CONTENT, "CompletionFlag", "VerificationFlag", "ConceptNameCodeSequence"),
    "KEY OBJECT DOC": (*_CONTENT, "ConceptNameCodeSequence"),
    "SPECTROSCOPY": (
        *_CONTENT,
        "ImageType",
        "NumberOfFrames",
        "Rows",
        "Columns",
        "DataPointRows",
        "DataPointColumns",
    ),
    "REGISTRATION": _IDENTIFIED,
    "FIDUCIAL": _IDENTIFIED,
    "VALUE MAP": _IDENTIFIED,
    "STEREOMETRIC": (),
    "MEASUREMENT": _IDENTIFIED,
    "SURFACE": _IDENTIFIED,
    "SURFACE SCAN": ("ContentDate", "ContentTime"),
    "TRACT": _IDENTIFIED,
    "ENCAP DOC": (*_CONTENT, "DocumentTitle", "ConceptNameCodeSequence", "MIMETypeOfEncapsulatedDocument"),
}

# The first pattern that is found in the keyword of the SOP class (PS3.6 Table A-1) decides; all others are images,
# Segmentation and Parametric Map included (PS3.3 F.4).
_RECORD_TYPES = (
    (r"^RTDoseStorage", "RT DOSE"),
    (r"^RTStructureSetStorage", "RT STRUCTURE SET"),
    (r"^RT(Ion)?PlanStorage", "RT PLAN"),
    (r"^RT.*Treatment.*RecordStorage", "RT TREAT RECORD"),
    (r"PresentationState|^BasicStructuredDisplay", "PRESENTATION"),
    (r"Waveform|AudioStorage", "WAVEFORM"),
    (r"^Encapsulated", "ENCAP DOC"),
    (r"SRStorage|ProcedureLog|ReportStorage", "SR DOCUMENT"),
    (r"^KeyObjectSelectionDocument", "KEY OBJECT DOC"),
    (r"Spectroscopy", "SPECTROSCOPY"),
    (r"^RawData", "RAW DATA"),
    (r"SpatialRegistration", "REGISTRATION"),
    (r"^SpatialFiducials", "FIDUCIAL"),
    (r"^RealWorldValueMapping", "VALUE MAP"),
    (r"^StereometricRelationship", "STEREOMETRIC"),
    (r"MeasurementsStorage", "MEASUREMENT"),
    (r"^SurfaceSegmentation", "SURFACE"),
    (r"^SurfaceScan", "SURFACE SCAN"),
    (r"^TractographyResults", "TRACT"),
)

# What stands in a key that may not be empty (Type 1) while de-identification left it so; dates as dcmmkdir's.
_DEFAULTS = {
    "PatientID": "ANONYMOUS",
    "StudyDate": "19000101",
    "StudyTime": "000000",
    "StudyID": "1",
    "Modality": "OT",
    "SeriesNumber": 1,
    "InstanceNumber": 1,
    "ContentDate": "19000101",
    "ContentTime": "000000",
    "ContentLabel": "UNNAMED",
    "PresentationCreationDate": "19000101",
    "PresentationCreationTime": "000000",
    "DoseSummationType": "PLAN",
    "StructureSetLabel": "UNNAMED",
    "RTPlanLabel": "UNNAMED",
    "CompletionFlag": "PARTIAL",
    "VerificationFlag": "UNVERIFIED",
    "MIMETypeOfEncapsulatedDocument": "application/octet-stream",
}


@cache
def record_type(sop_class: UID) -> str:
    """Return the Directory Record Type of an instance of that SOP class (PS3.3 F.3.2.2)."""
    keyword = sop_class.keyword
    return next((kind for pattern, kind in _RECORD_TYPES if re.search(pattern, keyword)), "IMAGE")


def copy_keys(source: Dataset, target: Dataset, keywords: tuple[str, ...]) -> None:
    """Copy these elements; an absent or empty one becomes its harmless value, or empty where it may be (Type 2)."""
    for keyword in keywords:
        if keyword not in source or source[keyword].is_empty:
            setattr(target, keyword, _DEFAULTS.get(keyword))
        else:
            # Not checked again: the record and the instance must agree, whatever the instance says.
            element = source[keyword]
            target.add(DataElement(element.tag, element.VR, element.value, already_converted=True))
