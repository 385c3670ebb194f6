from pathlib import Path
from typing import Final

import numpy as np
import pydicom
import pytest
from numpy.typing import NDArray
from pydicom import dcmread
from pydicom.dataset import FileDataset
from tests.unit.pixels.images import (
    BIG_ENDIAN,
    DEFLATED,
    EXPLICIT,
    IMPLICIT,
    JPEG,
    RLE,
    Image,
    Samples,
    by_dcmtk,
    cells,
    htj2k,
    jpeg_2000,
    jpeg_ls_by_plane,
    mask,
    native,
    plain_samples,
    whole,
)  # fmt: skip

from studypub.pixels.cover import cover

_RECODED: Final = {
    "PhotometricInterpretation", "PlanarConfiguration", "PixelData", "LossyImageCompression",
    "ExtendedOffsetTable", "ExtendedOffsetTableLengths",
}  # fmt: skip


def covered(source: Path, hidden: NDArray[np.bool_]) -> FileDataset:
    target = source.with_suffix(".covered.dcm")
    cover(source, target, hidden)
    found = dcmread(target)
    unchanged(dcmread(source), found)
    whole(found)
    return found


def unchanged(before: FileDataset, after: FileDataset) -> None:
    for element in before:
        if element.keyword not in _RECODED and element.tag < 0x7FE00010:
            assert after[element.tag].value == element.value, element.keyword


def blackened(before: Samples, hidden: NDArray[np.bool_], black: list[int]) -> Samples:
    after = before.copy()
    after[:, hidden] = black
    return after


_LEVELS: Final = {
    "RedPaletteColorLookupTableDescriptor": [256, 0, 16],
    "GreenPaletteColorLookupTableDescriptor": [256, 0, 16],
    "BluePaletteColorLookupTableDescriptor": [256, 0, 16],
    **{
        f"{name}PaletteColorLookupTableData": np.roll(np.arange(256) * 257, 77).astype("<u2").tobytes()
        for name in ("Red", "Green", "Blue")
    },
}
_WINDOW: Final = {"WindowCenter": 100, "WindowWidth": 50}

NATIVE: Final[list[tuple[Image, list[int]]]] = [
    (Image(allocated=1, columns=51), [0]),
    (Image(allocated=1, columns=51, rows=41, frames=9), [0]),
    (Image("MONOCHROME1", allocated=1), [1]),
    (Image(), [0]),
    (Image(frames=3, rows=41, columns=51), [0]),
    (Image("MONOCHROME1"), [255]),
    (Image("MONOCHROME1", stored=6, low_bit=1), [63]),
    (Image(signed=True), [-128]),
    (Image("MONOCHROME1", signed=True), [127]),
    (Image(allocated=16, stored=12, more=_WINDOW), [0]),
    (Image(allocated=16, stored=12, low_bit=4, more=_WINDOW), [0]),
    (Image("MONOCHROME1", allocated=16, stored=10, frames=2, more=_WINDOW), [1023]),
    (Image(allocated=16, stored=12, signed=True, more=_WINDOW), [-2048]),
    (Image(allocated=16, signed=True, frames=2, more=_WINDOW), [-32768]),
    (Image(allocated=32, more=_WINDOW), [0]),
    (Image(allocated=32, signed=True, frames=2, more=_WINDOW), [-(1 << 31)]),
    (Image("PALETTE COLOR", more=_LEVELS), [77]),
    (Image("PALETTE COLOR", allocated=16, stored=8, more=_LEVELS), [77]),
    (Image("RGB"), [0, 0, 0]),
    (Image("RGB", frames=2, planar=1, columns=51), [0, 0, 0]),
    (Image("RGB", allocated=16, frames=2), [0, 0, 0]),
    (Image("RGB", allocated=32, planar=1), [0, 0, 0]),
    (Image("YBR_FULL", frames=2, planar=1), [0, 128, 128]),
    (Image("YBR_FULL", allocated=16, stored=12), [0, 2048, 2048]),
]


@pytest.mark.parametrize("syntax", [IMPLICIT, EXPLICIT, DEFLATED, BIG_ENDIAN])
@pytest.mark.parametrize(("image", "black"), NATIVE, ids=str)
def test_uncompressed_samples_outside_stay_bit_for_bit(
    tmp_path: Path, image: Image, black: list[int], syntax: str
) -> None:
    before, hidden = image.noise(), mask(image.rows, image.columns)
    after = covered(native(tmp_path / "a", image, before, syntax), hidden)
    assert after.file_meta.TransferSyntaxUID == (EXPLICIT if syntax == DEFLATED else syntax)
    expected = dcmread(native(tmp_path / "b", image, blackened(before, hidden, black), syntax))
    assert after.PixelData == expected.PixelData
    assert after.PhotometricInterpretation == image.photometric
    assert "LossyImageCompression" not in after


def test_overlays_in_the_bits_above_are_covered(tmp_path: Path) -> None:
    image = Image(allocated=16, stored=12, more=_WINDOW)
    before, hidden = image.noise() | 0xF000, mask(image.rows, image.columns)
    after = covered(native(tmp_path / "a", image, before), hidden)
    assert after.PixelData == image.raw(blackened(before, hidden, [0]))


def test_both_pixels_of_a_pair_are_covered_where_they_share_their_colour(tmp_path: Path) -> None:
    image = Image("YBR_FULL_422", frames=2)
    hidden = np.zeros((image.rows, image.columns), bool)
    hidden[2, 5] = True
    before = image.noise()
    after = covered(native(tmp_path / "a", image, before), hidden)
    hidden[2, 4] = True
    assert after.PixelData == image.raw(blackened(before, hidden, [0, 128, 128]))


@pytest.mark.parametrize(("photometric", "black"), [("MONOCHROME2", 700), ("MONOCHROME1", 3000)])
def test_without_a_window_black_is_the_darkest_that_remains_in_the_frame(
    tmp_path: Path, photometric: str, black: int
) -> None:
    image = Image(photometric, allocated=16, frames=2)
    hidden = mask(image.rows, image.columns)
    before = image.noise() % 2300 + 700
    before[:, 0, 0], before[:, 0, 1] = 700, 3000
    before[:, hidden] = np.where(before[:, hidden] % 2, 0, 65535)
    after = covered(native(tmp_path / "a", image, before), hidden)
    assert np.array_equal(cells(after), blackened(before, hidden, [black]))


def test_without_a_window_a_frame_may_be_covered_whole(tmp_path: Path) -> None:
    image = Image(allocated=16, signed=True)
    hidden = np.ones((image.rows, image.columns), bool)
    after = covered(native(tmp_path / "a", image, image.noise()), hidden)
    assert set(cells(after).reshape(-1).tolist()) == {-32768}


def test_what_stands_behind_the_pixels_is_left_out(tmp_path: Path) -> None:
    path = native(tmp_path / "a", Image(), Image().noise())
    original = dcmread(path)
    original.add_new(0x7FE11001, "OB", b"raw data")
    original.add_new(0xFFFCFFFC, "OB", b"padding!")
    original.save_as(path)
    assert [element.tag for element in covered(path, mask(40, 50))][-1] == 0x7FE00010


_MONOCHROME: Final[list[tuple[Image, list[int]]]] = [
    (Image(), [0]),
    (Image(frames=3, rows=41, columns=51), [0]),
    (Image("MONOCHROME1"), [255]),
    (Image(signed=True), [-128]),
    (Image(stored=5), [0]),
    (Image(allocated=16, stored=12, more=_WINDOW), [0]),
    (Image(allocated=16, stored=12, signed=True, more=_WINDOW), [-2048]),
    (Image("MONOCHROME1", allocated=16, frames=2, more=_WINDOW), [65535]),
    (Image(allocated=16, signed=True, more=_WINDOW), [-32768]),
    (Image("PALETTE COLOR", more=_LEVELS), [77]),
]
_COLOUR: Final[list[tuple[Image, list[int]]]] = [
    (Image("RGB", frames=2), [0, 0, 0]),
    (Image("RGB", rows=41, columns=51), [0, 0, 0]),
    (Image("YBR_FULL"), [0, 128, 128]),
]
_DEEP_COLOUR: Final[list[tuple[Image, list[int]]]] = [
    (Image("RGB", allocated=16, frames=2), [0, 0, 0]),
    (Image("RGB", allocated=16, stored=12), [0, 0, 0]),
]
_32_BIT: Final[list[tuple[Image, list[int]]]] = [
    (Image(allocated=32, frames=2, more=_WINDOW), [0]),
    (Image("RGB", allocated=32), [0, 0, 0]),
]


def same_bits(image: Image, found: Samples, expected: Samples) -> bool:
    """Compare the values: above them, codings that know no sign hold what they like."""
    used = (1 << image.bits) - 1
    return np.array_equal(found.astype(np.int64) & used, expected & used)


@pytest.mark.parametrize(("image", "black"), _MONOCHROME + _COLOUR + _DEEP_COLOUR + _32_BIT, ids=str)
def test_rle_stays_rle(tmp_path: Path, image: Image, black: list[int]) -> None:
    before, hidden = image.noise() // 3 * 3, mask(image.rows, image.columns)
    before[:, -9:-3] = black  # long runs
    after = covered(by_dcmtk(tmp_path / "a", image, before, "dcmcrle"), hidden)
    assert after.file_meta.TransferSyntaxUID == RLE
    assert same_bits(image, cells(after), blackened(before, hidden, black))
    decoded = plain_samples(tmp_path / "a.covered.dcm", "dcmdrle")
    assert same_bits(image, decoded, blackened(before, hidden, black))


@pytest.mark.parametrize(("image", "black"), _MONOCHROME + _COLOUR + _DEEP_COLOUR, ids=str)
@pytest.mark.parametrize("interleaved", ["+il", "+is"])
def test_jpeg_ls_stays_jpeg_ls(tmp_path: Path, image: Image, black: list[int], interleaved: str) -> None:
    before, hidden = image.noise(), mask(image.rows, image.columns)
    after = covered(by_dcmtk(tmp_path / "a", image, before, "dcmcjpls", "+el", interleaved), hidden)
    assert after.file_meta.TransferSyntaxUID == JPEG + "80"
    assert same_bits(image, cells(after), blackened(before, hidden, black))
    decoded = plain_samples(tmp_path / "a.covered.dcm", "dcmdjpls")
    assert same_bits(image, decoded, blackened(before, hidden, black))


@pytest.mark.parametrize(("image", "black"), _COLOUR + _DEEP_COLOUR, ids=str)
def test_planes_of_jpeg_ls(tmp_path: Path, image: Image, black: list[int]) -> None:
    before, hidden = image.noise(), mask(image.rows, image.columns)
    after = covered(jpeg_ls_by_plane(tmp_path / "a", image, before), hidden)
    assert same_bits(image, cells(after), blackened(before, hidden, black))


@pytest.mark.parametrize(("image", "black"), _MONOCHROME + _COLOUR + _DEEP_COLOUR, ids=str)
def test_jpeg_2000_stays_jpeg_2000(tmp_path: Path, image: Image, black: list[int]) -> None:
    before, hidden = image.noise(), mask(image.rows, image.columns)
    after = covered(jpeg_2000(tmp_path / "a", image, before), hidden)
    assert after.file_meta.TransferSyntaxUID == JPEG + "90"
    assert after.PhotometricInterpretation == image.photometric
    assert same_bits(image, cells(after), blackened(before, hidden, black))


@pytest.mark.parametrize("transform", ["YBR_RCT", "YBR_ICT"])
def test_a_transform_of_colours_becomes_the_reversible_one(tmp_path: Path, transform: str) -> None:
    image = Image(transform)
    before, hidden = image.smooth(), mask(image.rows, image.columns)
    after = covered(jpeg_2000(tmp_path / "a", image, before, ratio=10 if transform == "YBR_ICT" else 0), hidden)
    assert after.PhotometricInterpretation == "YBR_RCT"
    assert not cells(after)[:, hidden].any()
    assert np.abs(cells(after)[:, ~hidden].astype(int) - before[:, ~hidden]).max() < (
        8 if transform == "YBR_ICT" else 1
    )


@pytest.mark.parametrize("image", [Image(), Image(allocated=16, stored=12), Image("YBR_RCT"), Image("RGB")], ids=str)
def test_lossless_htj2k_becomes_jpeg_2000(tmp_path: Path, image: Image) -> None:
    before, hidden = image.noise(), mask(image.rows, image.columns)
    after = covered(htj2k(tmp_path / "a", image, before), hidden)
    assert after.file_meta.TransferSyntaxUID == JPEG + "90"
    expected = blackened(before, hidden, [int(before[:, ~hidden].min())] if image.bits > 8 else [0])
    assert same_bits(image, cells(after), expected)
    assert "LossyImageCompression" not in after


_LOSSLESS_JPEG: Final = [case for case in _MONOCHROME + _COLOUR + _DEEP_COLOUR if case[0].bits >= 8]


@pytest.mark.parametrize(("image", "black"), _LOSSLESS_JPEG, ids=str)
@pytest.mark.parametrize("process", [("+e1",), ("+el", "+sv", "4")], ids=str)
def test_lossless_jpeg_becomes_jpeg_ls(
    tmp_path: Path, image: Image, black: list[int], process: tuple[str, ...]
) -> None:
    before, hidden = image.noise(), mask(image.rows, image.columns)
    after = covered(by_dcmtk(tmp_path / "a", image, before, "dcmcjpeg", *process), hidden)
    assert after.file_meta.TransferSyntaxUID == JPEG + "80"
    assert after.PhotometricInterpretation == image.photometric
    assert same_bits(image, cells(after), blackened(before, hidden, black))
    assert "LossyImageCompression" not in after


LOSSY: Final = [
    (Image(), ("dcmcjpeg", "+eb", "+un")),
    (Image(frames=2), ("dcmcjpeg", "+ee", "+be", "+un")),
    (Image("RGB", frames=2), ("dcmcjpeg", "+eb", "+s4", "+un")),
    (Image("RGB"), ("dcmcjpeg", "+eb", "+s2", "+un")),
    (Image("RGB"), ("dcmcjpeg", "+eb", "+n1", "+un")),
    (Image("RGB"), ("dcmcjpeg", "+eb", "+cr", "+un")),
    (Image(allocated=16, stored=12, more=_WINDOW), ("dcmcjpeg", "+ee", "+bt", "+un")),
    (Image(), ("dcmcjpls", "+en", "+md", "3", "+un")),
    (Image("RGB"), ("dcmcjpls", "+en", "+md", "3", "+un")),
    (Image(allocated=16, stored=12, more=_WINDOW), ("dcmcjpls", "+en", "+md", "3", "+un")),
]


@pytest.mark.parametrize(("image", "command"), LOSSY, ids=str)
def test_a_lossy_coding_becomes_lossless_and_is_called_lossy(
    tmp_path: Path, image: Image, command: tuple[str, ...]
) -> None:
    hidden = mask(image.rows, image.columns)
    source = by_dcmtk(tmp_path / "a", image, image.smooth(), *command)
    after = covered(source, hidden)
    assert after.file_meta.TransferSyntaxUID == JPEG + "80"
    assert after.LossyImageCompression == "01"
    assert after.PhotometricInterpretation == image.photometric
    reference = plain_samples(source, "dcmdjpls" if command[0] == "dcmcjpls" else "dcmdjpeg")
    step = (1 << image.bits) // 64
    assert np.abs(cells(after)[:, ~hidden].astype(int) - reference[:, ~hidden]).max() <= step
    assert not cells(after)[:, hidden].any()


def test_what_is_said_of_a_loss_is_kept_and_what_is_not_is_added(tmp_path: Path) -> None:
    told = {
        "LossyImageCompression": "01",
        "LossyImageCompressionRatio": 9,
        "LossyImageCompressionMethod": "ISO_15444_1",
    }
    for name, more in {"told": told, "untold": {}}.items():
        image = Image(more=more)
        after = covered(jpeg_2000(tmp_path / name, image, image.smooth(), ratio=9), mask(40, 50))
        assert after.LossyImageCompression == "01"
        assert after.get("LossyImageCompressionRatio") == more.get("LossyImageCompressionRatio")


def test_lossy_htj2k_becomes_jpeg_2000(tmp_path: Path) -> None:
    image = Image("YBR_ICT")
    before, hidden = image.smooth(), mask(40, 50)
    after = covered(htj2k(tmp_path / "a", image, before, reversible=False), hidden)
    assert (after.PhotometricInterpretation, after.LossyImageCompression) == ("YBR_RCT", "01")
    assert np.abs(cells(after)[:, ~hidden].astype(int) - before[:, ~hidden]).max() < 4
    assert not cells(after)[:, hidden].any()


def test_frames_in_several_fragments_come_out_in_one_each(tmp_path: Path) -> None:
    image = Image(frames=3, rows=100, columns=100)
    source = by_dcmtk(tmp_path / "a", image, image.noise(), "dcmcjpls", "+el", "+fs", "1")
    after = covered(source, mask(100, 100))
    fragments, _ = pydicom.encaps.parse_fragments(after.PixelData[8 + 12 :])
    assert fragments == 3


def test_an_extended_offset_table_goes_since_it_would_be_wrong(tmp_path: Path) -> None:
    image = Image(frames=2)
    source = by_dcmtk(tmp_path / "a", image, image.noise(), "dcmcrle")
    dataset = dcmread(source)
    dataset.ExtendedOffsetTable = dataset.ExtendedOffsetTableLengths = bytes(16)
    dataset.save_as(source)
    assert "ExtendedOffsetTable" not in covered(source, mask(40, 50))
