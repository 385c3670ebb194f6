import pytest
from pydicom.dataset import FileDataset
from tests.unit.deid.corpus import CT, DX, MR, image

from studypub.deid import tables
from studypub.deid.classify import classify
from studypub.deid.reasons import Reason

BASE = "1.2.840.10008.5.1.4.1.1"


@pytest.mark.parametrize(
    ("sop_class", "reason"),
    [
        (f"{BASE}.88.11", Reason.STRUCTURED_REPORT),
        (f"{BASE}.88.67", Reason.STRUCTURED_REPORT),
        (f"{BASE}.88.59", Reason.KEY_OBJECT),
        (f"{BASE}.104.1", Reason.ENCAPSULATED_DOCUMENT),
        (f"{BASE}.104.3", Reason.ENCAPSULATED_DOCUMENT),
        (f"{BASE}.11.1", Reason.PRESENTATION_STATE),
        (f"{BASE}.9.1.1", Reason.WAVEFORM),
        (f"{BASE}.9.4.1", Reason.WAVEFORM),
        (f"{BASE}.66", Reason.RAW_DATA),
        (f"{BASE}.481.5", Reason.NO_PIXELS),
        (f"{BASE}.481.3", Reason.NO_PIXELS),
        (f"{BASE}.7", Reason.SECONDARY_CAPTURE),
        (f"{BASE}.7.4", Reason.SECONDARY_CAPTURE),
        (f"{BASE}.6.1", Reason.ULTRASOUND),
        (f"{BASE}.3.1", Reason.ULTRASOUND),
        (f"{BASE}.6.2", Reason.ULTRASOUND),
        (f"{BASE}.6", Reason.UNKNOWN_SOP_CLASS),
        (f"{BASE}.12.1", Reason.FLUOROSCOPY),
        (f"{BASE}.12.2.1", Reason.FLUOROSCOPY),
        (f"{BASE}.77.1.1", Reason.PHOTOGRAPH),
        (f"{BASE}.77.1.4.1", Reason.PHOTOGRAPH),
        (f"{BASE}.77.1.5.1", Reason.PHOTOGRAPH),
        (f"{BASE}.77.1.7", Reason.PHOTOGRAPH),
        ("1.2.3.4", Reason.UNKNOWN_SOP_CLASS),
        (CT, None),
        (MR, None),
        (DX, None),
        (f"{BASE}.128", None),
        (f"{BASE}.66.4", None),
        (f"{BASE}.481.2", None),
    ],
)
def test_a_class_is_judged(sop_class: str, reason: Reason | None) -> None:
    assert classify(image(sop_class), sop_class) == reason


def changed(**values: object) -> FileDataset:
    original = image()
    for keyword, value in values.items():
        setattr(original, keyword, value)
    return original


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({"BurnedInAnnotation": "YES"}, Reason.BURNED_IN_ANNOTATION),
        ({"BurnedInAnnotation": "NO"}, None),
        ({"RecognizableVisualFeatures": "YES"}, Reason.RECOGNIZABLE_FEATURES),
        ({"ImageType": ["DERIVED", "SECONDARY", "SCREEN SAVE"]}, Reason.SCREEN_CAPTURE),
        ({"ImageType": ["ORIGINAL", "PRIMARY", "DOSE_INFO"]}, Reason.SCREEN_CAPTURE),
        ({"ImageType": ["DERIVED", "SECONDARY", "CSA REPORT"]}, Reason.SCREEN_CAPTURE),
        ({"ConversionType": "WSD"}, Reason.SECONDARY_CAPTURE),
        ({"SecondaryCaptureDeviceManufacturer": "X"}, Reason.SECONDARY_CAPTURE),
        ({"SeriesDescription": "Dose Report"}, Reason.SCREEN_CAPTURE),
        ({"SeriesDescription": "Patient Protocol"}, Reason.SCREEN_CAPTURE),
        ({"SeriesDescription": "Thorax 1.0 B30f"}, None),
        ({"SeriesDescription": "Отчёт о дозе", "SpecificCharacterSet": "ISO_IR 192"}, Reason.SCREEN_CAPTURE),
        ({"SeriesDescription": "Грудная клетка", "SpecificCharacterSet": "ISO_IR 192"}, None),
        ({"PhotometricInterpretation": "RGB"}, Reason.SCREEN_CAPTURE),
        ({"PhotometricInterpretation": "PALETTE COLOR"}, Reason.SCREEN_CAPTURE),
        ({"Modality": "OT"}, Reason.SCREEN_CAPTURE),
        ({"ImageType": ["ORIGINAL", "PRIMARY", "LOCALIZER"]}, None),
        ({"ImageType": ["DERIVED", "SECONDARY", "REFORMATTED"]}, None),
        ({"ImageType": ["DERIVED", "SECONDARY", "REFORMATTED"], "BitsStored": 8}, Reason.SUSPECT_IMAGE_TYPE),
        ({"ImageType": ""}, None),
        ({"BitsAllocated": 8, "BitsStored": 8}, Reason.SUSPECT_IMAGE_TYPE),
        ({"ImageType": "", "BitsStored": 8}, Reason.SUSPECT_IMAGE_TYPE),
    ],
)
def test_signs_are_seen(values: dict[str, object], reason: Reason | None) -> None:
    assert classify(changed(**values), CT) == reason


def test_a_slice_without_a_place_in_space_is_suspect() -> None:
    original = image()
    del original.ImagePositionPatient
    assert classify(original, CT) == Reason.SUSPECT_IMAGE_TYPE


@pytest.mark.parametrize(
    ("image_type", "label", "reason"),
    [("VOLUME", "NO", None), ("VOLUME", "YES", Reason.PHOTOGRAPH), ("LABEL", "NO", Reason.PHOTOGRAPH)],
)
def test_of_slides_only_volumes_without_label_pass(image_type: str, label: str, reason: Reason | None) -> None:
    sop_class = f"{BASE}.77.1.6"
    original = image(sop_class, modality="SM")
    original.ImageType = ["ORIGINAL", "PRIMARY", image_type, "NONE"]
    original.PhotometricInterpretation = "RGB"
    original.SpecimenLabelInImage = label
    assert classify(original, sop_class) == reason


def test_every_class_of_the_standard_is_judged() -> None:
    assert all(classify(image(uid), uid) is not None for uid, known in tables.sop_classes().items() if not known.iod)


def test_every_reason_has_a_sentence() -> None:
    assert all(reason.sentence.ru and reason.sentence.en for reason in Reason)


def test_a_parametric_map_may_call_its_modality_other() -> None:
    sop_class = f"{BASE}.30"
    assert classify(image(sop_class, modality="OT"), sop_class) is None
