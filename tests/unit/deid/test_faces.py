import pytest
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from tests.unit.deid.corpus import image

from studypub.deid import elements, faces


@pytest.mark.parametrize(
    ("values", "iod", "shown"),
    [
        ({"BodyPartExamined": "HEAD"}, "ct-image", True),
        ({"BodyPartExamined": "BRAIN"}, "enhanced-mr-image", True),
        ({"BodyPartExamined": "CHEST"}, "ct-image", False),
        ({"BodyPartExamined": "HEAD", "SliceThickness": "1.25"}, "ct-image", True),
        ({"BodyPartExamined": "HEAD", "SliceThickness": "10"}, "ct-image", False),
        ({"BodyPartExamined": "HEAD", "ImageType": ["ORIGINAL", "PRIMARY", "LOCALIZER"]}, "ct-image", False),
        ({"BodyPartExamined": "HEAD"}, "digital-x-ray-image", False),
        ({"StudyDescription": "КТ головного мозга", "SpecificCharacterSet": "ISO_IR 192"}, "ct-image", True),
        ({"StudyDescription": "MRI Brain w/o contrast"}, "mr-image", True),
        ({"SeriesDescription": "paranasal sinuses 0.6"}, "ct-image", True),
        ({"StudyDescription": "КТ органов грудной клетки", "SpecificCharacterSet": "ISO_IR 192"}, "ct-image", False),
        ({"StudyDescription": "whole body"}, "positron-emission-tomography-image", True),
        ({}, "mr-image", False),
    ],
)
def test_slices_of_a_head_are_told_by_their_header(values: dict[str, object], iod: str, *, shown: bool) -> None:
    original = image()
    for keyword, value in values.items():
        setattr(original, keyword, value)
    assert faces.shows_a_face(original, iod) is shown


def test_the_anatomic_region_may_say_so() -> None:
    original = image()
    head = Dataset()
    head.CodeValue, head.CodingSchemeDesignator, head.CodeMeaning = "69536005", "SCT", "Head"
    original.AnatomicRegionSequence = Sequence([head])
    assert faces.shows_a_face(original, "ct-image")


def test_misdeclared_cyrillic_is_read_as_well() -> None:
    original = image()
    original.SpecificCharacterSet = "ISO_IR 100"
    original[0x00081030] = elements.raw(0x00081030, "LO", "КТ головы".encode("cp1251"))
    assert faces.shows_a_face(original, "ct-image")
