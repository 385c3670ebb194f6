import pytest
from pydicom.dataset import Dataset, FileDataset
from tests.unit.deid import corpus
from tests.unit.deid.corpus import WORD, image, leaks, published, reopened

from studypub.deid import elements

PROFILE = "second-opinion-private"
PHILIPS = b"Philips PET Private Group"
SUV_FACTOR = 0x70531000


def pet(*, creator: bytes = PHILIPS, value: bytes = b"0.000551", vr: str = "DS", tag: int = SUV_FACTOR) -> FileDataset:
    original = image("1.2.840.10008.5.1.4.1.1.128", modality="PT")
    original[0x70530010] = elements.raw(0x70530010, "LO", creator)
    original[tag] = elements.raw(tag, vr, value)
    original[0x70531003] = elements.raw(0x70531003, "ST", WORD.encode())
    return original


def private(dataset: Dataset) -> list[int]:
    return [int(element.tag) for element in dataset if element.tag.is_private]


def test_a_safe_number_passes_with_its_creator() -> None:
    new = reopened(pet(), PROFILE)
    assert private(new) == [0x70530010, SUV_FACTOR]
    assert new[SUV_FACTOR].value == 0.000551
    assert "113111" in [item.CodeValue for item in new.DeidentificationMethodCodeSequence]


def test_a_number_that_came_as_unknown_is_read_by_the_table() -> None:
    assert reopened(pet(vr="UN"), PROFILE)[SUV_FACTOR].value == 0.000551


@pytest.mark.parametrize(
    "original",
    [pet(creator=b"Philips PET Private Grou"), pet(value=WORD.encode()), pet(tag=0x705310EE), pet(vr="OB")],
    ids=["another creator", "no number", "not in the table", "another VR"],
)
def test_nothing_else_passes(original: FileDataset) -> None:
    assert private(reopened(original, PROFILE)) == []
    assert leaks(published(original, PROFILE)) in ([], [corpus.TIME.encode()])


@pytest.mark.parametrize("profile", ["basic", "second-opinion"])
def test_without_the_option_nothing_passes(profile: str) -> None:
    assert private(reopened(pet(), profile)) == []
