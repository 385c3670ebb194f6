"""Judges by its header whether an instance's pixels may be published unseen."""

import re
from typing import Final

from pydicom.dataset import Dataset

from studypub.deid import descriptors, elements, tables
from studypub.deid.reasons import Reason

_KINDS: Final = {
    "SR": Reason.STRUCTURED_REPORT,
    "encapsulated": Reason.ENCAPSULATED_DOCUMENT,
    "presentation": Reason.PRESENTATION_STATE,
    "waveform": Reason.WAVEFORM,
}
_KEY_OBJECT: Final = "1.2.840.10008.5.1.4.1.1.88.59"
_RAW_DATA: Final = "1.2.840.10008.5.1.4.1.1.66"

# IODs of which nearly every image, or any image, may show text or a person.
_RISKS: Final = (
    (re.compile(r"secondary-capture"), Reason.SECONDARY_CAPTURE),
    (re.compile(r"ultrasound|enhanced-us|photoacoustic"), Reason.ULTRASOUND),
    (re.compile(r"x-ray-angiographic|radiofluoroscopic|enhanced-x(a|rf)"), Reason.FLUOROSCOPY),
    (re.compile(r"^(vl|video)-(?!whole-slide)|photography|confocal|corneal"), Reason.PHOTOGRAPH),
)
_WHOLE_SLIDE: Final = "vl-whole-slide-microscopy-image"

# Natively grey: colour means a screen was captured.
_GREY: Final = frozenset(
    {
        "ct-image", "mr-image", "computed-radiography-image", "digital-x-ray-image", "digital-mammography-x-ray-image",
        "digital-intra-oral-x-ray-image", "nuclear-medicine-image", "positron-emission-tomography-image",
        "enhanced-ct-image", "enhanced-mr-image", "enhanced-pet-image", "breast-tomosynthesis-image",
        "breast-projection-x-ray-image",
    }
)  # fmt: skip
_SLICES: Final = frozenset({"ct-image", "mr-image", "positron-emission-tomography-image"})
# Reckoned from other images; neither DERIVED nor modality OT says anything about them.
_COMPUTED: Final = re.compile(r"segmentation|parametric-map|rt-dose|rt-image|legacy|map$|analysis|en-face")

_CAPTURED: Final = re.compile(
    r"SCREEN ?S(AVE|HOT)|\bSAVE|CAPTURE|\bDOSE|REPORT|SPLASH|VXTL|CSA RE(PORT|SULT)|PATIENT PROTOCOL|\bPROT\b"
    r"|PASTED|VOLREN|\bLABEL\b|OVERVIEW|THUMBNAIL|POST ?PROCESSED"
)
_DOUBTFUL: Final = re.compile(r"SECONDARY|LOCALIZER|REFORMATTED|PROJECTION IMAGE|FUSED|\bOTHER\b|COMPOSED")
_WORDS: Final = re.compile(
    r"DOSE REPORT|PATIENT PROTOCOL|SCREEN ?SA?VE|SCREEN ?SHOT|SNAPSHOT|SCANNED|DOCUMENT|CONSENT|REQUISITION|NOMINATION"
    r"|WORKSHEET|ACQUIRED OUTSIDE|ELECTRONIC FILM|\bREPORT|\bSAVE"
    r"|ОТЧ[ЕЁ]Т|ДОКУМЕНТ|СОГЛАСИЕ|НАПРАВЛЕНИЕ|ЗАКЛЮЧЕНИЕ|СКРИНШОТ|СНИМОК ЭКРАНА|ПРОТОКОЛ ДОЗЫ"
)
_FOREIGN_MODALITIES: Final = frozenset({"US", "IVUS", "OT", "SC", "XC", "ES", "GM", "DOC", "SR", "PR", "KO", "ECG"})

_IMAGE_TYPE: Final = 0x00080008
_MODALITY: Final = 0x00080060
_STUDY_DESCRIPTION: Final = 0x00081030
_SERIES_DESCRIPTION: Final = 0x0008103E
_BURNED_IN_ANNOTATION: Final = 0x00280301
_RECOGNIZABLE_VISUAL_FEATURES: Final = 0x00280302
_PHOTOMETRIC_INTERPRETATION: Final = 0x00280004
_BITS_ALLOCATED: Final = 0x00280100
_BITS_STORED: Final = 0x00280101
_SPECIMEN_LABEL_IN_IMAGE: Final = 0x00480010
_IMAGE_POSITION: Final = 0x00200032
_IMAGE_ORIENTATION: Final = 0x00200037
_ENCAPSULATED_DOCUMENT: Final = 0x00420011
# What a capture device leaves (PS3.3 C.8.6.1): conversion type, ID, date, time, maker, model, software.
_CAPTURE_TRACES: Final = (0x00080064, 0x00181010, 0x00181012, 0x00181014, 0x00181016, 0x00181018, 0x00181019)


def classify(source: Dataset, sop_class: str) -> Reason | None:
    """Return why the instance cannot be published by its header alone, or None if it can."""
    known = tables.sop_classes().get(sop_class)
    if known is None:
        return Reason.UNKNOWN_SOP_CLASS
    if not known.iod:
        return _without_pixels(sop_class, known)
    by_class = next((reason for risk, reason in _RISKS if risk.search(known.iod)), None)
    return by_class or _signs(source, known.iod)


def _without_pixels(sop_class: str, known: tables.SopClass) -> Reason:
    named = {_KEY_OBJECT: Reason.KEY_OBJECT, _RAW_DATA: Reason.RAW_DATA}
    if sop_class in named:
        return named[sop_class]
    if known.kind in {"image", "multi-frame"}:
        return Reason.UNKNOWN_SOP_CLASS
    return _KINDS.get(known.kind, Reason.NO_PIXELS)


def _signs(source: Dataset, iod: str) -> Reason | None:
    """Return what the attributes give away; BurnedInAnnotation NO proves nothing and is not asked."""
    image_type = elements.string(source, _IMAGE_TYPE)
    signs = {
        Reason.ENCAPSULATED_DOCUMENT: _ENCAPSULATED_DOCUMENT in source,
        Reason.BURNED_IN_ANNOTATION: "YES" in elements.string(source, _BURNED_IN_ANNOTATION),
        Reason.RECOGNIZABLE_FEATURES: "YES" in elements.string(source, _RECOGNIZABLE_VISUAL_FEATURES),
        Reason.SECONDARY_CAPTURE: any(elements.string(source, tag) for tag in _CAPTURE_TRACES),
        Reason.SCREEN_CAPTURE: _captured(source, iod, image_type),
        Reason.PHOTOGRAPH: iod == _WHOLE_SLIDE and not _slide_without_label(source, image_type),
        Reason.SUSPECT_IMAGE_TYPE: _doubtful(source, iod, image_type),
    }
    return next((reason for reason, seen in signs.items() if seen), None)


def _captured(source: Dataset, iod: str, image_type: str) -> bool:
    if iod == _WHOLE_SLIDE:
        return False
    described = (descriptors.readings(source, tag) for tag in (_SERIES_DESCRIPTION, _STUDY_DESCRIPTION))
    words = "\n".join(reading for readings in described for reading in readings)
    colour = not elements.string(source, _PHOTOMETRIC_INTERPRETATION).startswith("MONOCHROME")
    return bool(
        _CAPTURED.search(image_type)
        or _WORDS.search(words.upper())
        or (colour and iod in _GREY)
        or (elements.string(source, _MODALITY) in _FOREIGN_MODALITIES and not _COMPUTED.search(iod))
    )


def _slide_without_label(source: Dataset, image_type: str) -> bool:
    return "VOLUME" in image_type and elements.string(source, _SPECIMEN_LABEL_IN_IMAGE) == "NO"


def _doubtful(source: Dataset, iod: str, image_type: str) -> bool:
    """Judge what may be a screen: a slice with its place in space and more than 8 bits is none."""
    if iod in _SLICES and not (_IMAGE_POSITION in source and _IMAGE_ORIENTATION in source):
        return True
    if iod in _SLICES and elements.number(source, _BITS_ALLOCATED) == 8:
        return True
    if _COMPUTED.search(iod) or (image_type and not _DOUBTFUL.search(image_type)):
        return False
    return not (iod in _GREY and elements.number(source, _BITS_STORED) > 8)
