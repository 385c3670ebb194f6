from pydicom.dataset import Dataset, FileDataset
from tests.unit.deid.corpus import WORD, image, leaks, published, reopened

from studypub.deid import elements

ENHANCED_CT = "1.2.840.10008.5.1.4.1.1.2.1"


def multi_frame(*pointers: int) -> FileDataset:
    original = image(ENHANCED_CT)
    original.ImageType = ["ORIGINAL", "PRIMARY", "VOLUME", "NONE"]
    dimensions, frames = [], []
    for pointer in pointers:
        item = Dataset()
        item.DimensionOrganizationUID, item.DimensionIndexPointer = "1.2.3", pointer
        item.FunctionalGroupPointer = 0x00209111
        dimensions.append(item)
    for number in (1, 2):
        content, frame = Dataset(), Dataset()
        content.DimensionIndexValues = [number * 10 + place for place in range(len(pointers))]
        content.StackID = f"Stack {number}"
        frame.FrameContentSequence = [content]
        frames.append(frame)
    original.DimensionIndexSequence, original.PerFrameFunctionalGroupsSequence = dimensions, frames
    original.NumberOfFrames = 2
    original["PixelData"].value *= 2
    return original


def test_a_dimension_of_a_private_attribute_goes_with_its_column() -> None:
    new = reopened(multi_frame(0x00209057, 0x00291010, 0x00209128))
    assert [item.DimensionIndexPointer for item in new.DimensionIndexSequence] == [0x00209057, 0x00209128]
    frames = [item.FrameContentSequence[0] for item in new.PerFrameFunctionalGroupsSequence]
    assert [list(frame.DimensionIndexValues) for frame in frames] == [[10, 12], [20, 22]]
    assert [frame.StackID for frame in frames] == ["1", "2"]


def test_a_text_in_the_place_of_indices_goes() -> None:
    original = multi_frame(0x00209057)
    content = original.PerFrameFunctionalGroupsSequence[0].FrameContentSequence[0]
    content[0x00209157] = elements.raw(0x00209157, "UN", f"{WORD}^{WORD} ".encode())
    assert leaks(published(original)) == []


def test_public_dimensions_stay() -> None:
    new = reopened(multi_frame(0x00209057, 0x00209128))
    frames = [item.FrameContentSequence[0] for item in new.PerFrameFunctionalGroupsSequence]
    assert [list(frame.DimensionIndexValues) for frame in frames] == [[10, 11], [20, 21]]


def test_every_frame_keeps_its_item_even_an_empty_one() -> None:
    original = multi_frame(0x00209057)
    original.PerFrameFunctionalGroupsSequence[0] = Dataset()
    assert len(reopened(original).PerFrameFunctionalGroupsSequence) == 2


def test_a_pointer_to_what_is_not_published_goes() -> None:
    original = image("1.2.840.10008.5.1.4.1.1.20", modality="NM")
    original.FrameIncrementPointer = 0x00540010
    assert "FrameIncrementPointer" not in reopened(original)
    original.EnergyWindowVector = 1
    assert reopened(original).FrameIncrementPointer == 0x00540010
