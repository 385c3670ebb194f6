import pytest
from pydicom.dataset import Dataset, FileDataset
from pydicom.sequence import Sequence
from tests.unit.deid.corpus import image

from studypub.core.masking import Box
from studypub.deid import regions

US = "1.2.840.10008.5.1.4.1.1.6.1"


def scanned(*corners: tuple[int, int, int, int]) -> FileDataset:
    original = image(US, modality="US")
    original.Rows, original.Columns = 600, 800
    original.SequenceOfUltrasoundRegions = Sequence([region(*each) for each in corners])
    return original


def region(left: int, top: int, right: int, bottom: int) -> Dataset:
    item = Dataset()
    item.RegionLocationMinX0, item.RegionLocationMinY0 = left, top
    item.RegionLocationMaxX1, item.RegionLocationMaxY1 = right, bottom
    return item


def test_ultrasound_regions_include_their_corners() -> None:
    assert regions.ultrasound(scanned((100, 50, 699, 549), (0, 0, 10, 10))) == (
        Box(100, 50, 600, 500),
        Box(0, 0, 11, 11),
    )


def test_a_region_to_the_edge_stays_within_the_frame() -> None:
    assert regions.ultrasound(scanned((100, 50, 800, 600))) == (Box(100, 50, 700, 550),)


@pytest.mark.parametrize("corners", [(100, 50, 100, 549), (100, 50, 900, 549), (700, 50, 100, 549), (0, 0, 799, 4000)])
def test_one_unsound_region_makes_all_of_them_worthless(corners: tuple[int, int, int, int]) -> None:
    assert regions.ultrasound(scanned((100, 50, 699, 549), corners)) == ()


def test_a_region_of_the_whole_frame_says_nothing() -> None:
    assert regions.ultrasound(scanned((0, 0, 799, 599))) == ()
    assert regions.ultrasound(scanned((100, 50, 699, 549), (0, 4, 799, 599))) == ()


def test_an_image_without_regions_says_nothing() -> None:
    assert regions.ultrasound(image(US)) == ()
    incomplete = scanned((100, 50, 699, 549))
    del incomplete.SequenceOfUltrasoundRegions[0].RegionLocationMaxX1
    assert regions.ultrasound(incomplete) == ()


@pytest.mark.parametrize(
    ("values", "boxes"),
    [
        ({"ManufacturerModelName": "LOGIQE9"}, (Box(0, 0, 960, 70),)),
        ({"ManufacturerModelName": "Philips iU22", "Rows": 600}, (Box(0, 0, 800, 59),)),
        ({"ManufacturerModelName": "iU22", "Rows": 601}, ()),
        ({"Manufacturer": "Siemens", "ManufacturerModelName": "ANTARES", "Modality": "US", "Rows": 768}, ()),
        (
            {"Manufacturer": "ADAC", "Rows": 832, "Columns": 1024, "ProtocolName": "x"},
            (Box(0, 0, 1024, 80), Box(0, 762, 1024, 80)),
        ),
    ],
)
def test_a_known_device_is_recognised_by_its_header(values: dict[str, object], boxes: tuple[Box, ...]) -> None:
    original = image(US, modality="US")
    for keyword, value in values.items():
        setattr(original, keyword, value)
    assert regions.known_text(original) == boxes


def test_a_device_may_be_named_in_the_file_meta() -> None:
    original = image(US, modality="US")
    original.file_meta.ImplementationVersionName = "MINDRAY_1"
    assert regions.known_text(original) == (Box(0, 0, 1229, 69),)
