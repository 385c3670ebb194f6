from io import BytesIO
from pathlib import Path
from typing import Any, Final

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image as Pillow
from pydicom import dcmread
from pydicom.dataset import Dataset
from tests.unit.pixels.images import (
    BIG_ENDIAN,
    EXPLICIT,
    IMPLICIT,
    JPEG,
    RLE,
    Image,
    by_dcmtk,
    encapsulated,
    jpeg_2000,
    native,
)

from studypub.pixels.frames import Frames, Unreadable
from studypub.pixels.thumbnail import thumbnail

_RAMP: Final = np.arange(2000).reshape(1, 40, 50, 1)


def grey(path: Path, number: int = 0, *, windowed: bool = True) -> NDArray[np.int64]:
    with Frames(path) as frames:
        return frames.grey(number, windowed=windowed).astype(np.int64)


def line(values: NDArray[Any], low: float, high: float) -> NDArray[np.int64]:
    shares = np.clip((values[0, :, :, 0] - low) / (high - low), 0, 1)
    return (shares * 255 + 0.5).astype(np.int64)


@pytest.mark.parametrize("syntax", [IMPLICIT, BIG_ENDIAN])
def test_values_are_stretched_where_no_window_is(tmp_path: Path, syntax: str) -> None:
    path = native(tmp_path / "a", Image(allocated=16), _RAMP + 500, syntax)
    assert np.array_equal(grey(path), line(_RAMP, 0, 1999))


def test_a_window_after_rescale(tmp_path: Path) -> None:
    more = {"RescaleSlope": 2, "RescaleIntercept": -1000, "WindowCenter": [40, 1], "WindowWidth": [400, 2]}
    path = native(tmp_path / "a", Image(allocated=16, stored=12, more=more), _RAMP)
    assert np.array_equal(grey(path), line(_RAMP * 2 - 1000, 40 - 200, 39 + 200))
    assert np.array_equal(grey(path, windowed=False), line(_RAMP, 0, 1999))


def test_the_exact_window_and_the_sigmoid(tmp_path: Path) -> None:
    more = {"WindowCenter": 1000, "WindowWidth": 100, "VOILUTFunction": "LINEAR_EXACT"}
    path = native(tmp_path / "a", Image(allocated=16, more=more), _RAMP)
    assert np.array_equal(grey(path), line(_RAMP, 950, 1050))
    path = native(tmp_path / "b", Image(allocated=16, more=more | {"VOILUTFunction": "SIGMOID"}), _RAMP)
    assert grey(path)[20, 0] == 128
    assert np.all(np.diff(grey(path).reshape(-1)) >= 0)


_NO_WINDOWS: Final = [{"WindowCenter": 5, "WindowWidth": 0}, {"WindowCenter": 5}, {"VOILUTFunction": "X"}]


@pytest.mark.parametrize("window", _NO_WINDOWS, ids=str)
def test_a_window_that_is_none_is_passed_over(tmp_path: Path, window: dict[str, Any]) -> None:
    path = native(tmp_path / "a", Image(allocated=16, more=window), _RAMP)
    assert np.array_equal(grey(path), line(_RAMP, 0, 1999))


def test_a_table_instead_of_a_window(tmp_path: Path) -> None:
    table = Dataset()
    table.LUTDescriptor = [3, 10, 8]
    table.add_new(0x00283006, "US", [0, 100, 255])
    path = native(tmp_path / "a", Image(allocated=16, more={"VOILUTSequence": [table]}), _RAMP)
    assert grey(path).reshape(-1)[[0, 10, 11, 12, 1999]].tolist() == [0, 0, 100, 255, 255]


def test_each_frame_has_its_window(tmp_path: Path) -> None:
    def group(centre: float) -> Dataset:
        item, window = Dataset(), Dataset()
        window.WindowCenter, window.WindowWidth = centre, 101
        item.FrameVOILUTSequence = [window]
        return item

    more = {"SharedFunctionalGroupsSequence": [group(3)], "PerFrameFunctionalGroupsSequence": [group(50), group(500)]}
    path = native(tmp_path / "a", Image(allocated=16, frames=2, more=more), np.repeat(_RAMP, 2, axis=0))
    assert np.array_equal(grey(path, 1), line(_RAMP, 449.5, 549.5))
    assert np.array_equal(grey(path, 0), line(_RAMP, -0.5, 99.5))


def test_signs_shifts_and_bits_above(tmp_path: Path) -> None:
    image = Image(allocated=16, stored=12, low_bit=2, signed=True)
    path = native(tmp_path / "a", image, _RAMP - 1000)
    assert np.array_equal(grey(path), line(_RAMP, 0, 1999))
    dataset = dcmread(path)
    dataset.PixelData = (np.frombuffer(dataset.PixelData, "<u2") & 0x3FFF | 0x8001).astype("<u2").tobytes()
    dataset.save_as(path)
    assert np.array_equal(grey(path), line(_RAMP, 0, 1999))


def test_monochrome1_is_inverted(tmp_path: Path) -> None:
    path = native(tmp_path / "a", Image("MONOCHROME1", allocated=16), _RAMP)
    assert np.array_equal(grey(path), 255 - line(_RAMP, 0, 1999))


def test_more_than_16_bits(tmp_path: Path) -> None:
    path = native(tmp_path / "a", Image(allocated=32, signed=True), _RAMP * 1_000_000 - 1_000_000_000)
    assert np.array_equal(grey(path), line(_RAMP, 0, 1999))


def test_single_bits_across_frames(tmp_path: Path) -> None:
    image = Image(allocated=1, frames=5, rows=5, columns=5)
    bits = image.noise()
    with Frames(native(tmp_path / "a", image, bits)) as frames:
        for number in (3, 0, 4, 1, 2):
            assert np.array_equal(frames.grey(number), bits[number, :, :, 0] * 255)


def test_frames_in_any_order(tmp_path: Path) -> None:
    image = Image(frames=4)
    samples = image.noise()
    with Frames(by_dcmtk(tmp_path / "a", image, samples, "dcmcjpls")) as frames:
        assert (frames.count, frames.rows, frames.columns) == (4, 40, 50)
        for number in (2, 2, 0, 3, 1):
            assert np.array_equal(frames.grey(number), samples[number, :, :, 0])
        with pytest.raises(IndexError):
            frames.grey(4)


def test_colours_by_their_luminance(tmp_path: Path) -> None:
    samples = np.zeros((1, 40, 50, 3), int)
    samples[0, :, :10, 0] = samples[0, :, 10:20, 1] = samples[0, :, 20:30, 2] = 255
    for planar in (0, 1):
        path = native(tmp_path / f"{planar}", Image("RGB", planar=planar), samples)
        assert grey(path)[0, ::10].tolist() == [76, 150, 29, 0, 0]


@pytest.mark.parametrize("photometric", ["YBR_FULL", "YBR_FULL_422"])
def test_luminance_and_chroma(tmp_path: Path, photometric: str) -> None:
    samples = np.zeros((1, 40, 50, 3), int)
    samples[0, :, :, :] = [76, 85, 255]
    samples[0, :, 25:, 0] = 100
    path = native(tmp_path / "a", Image(photometric), samples)
    assert grey(path)[0, [0, 24, 25]].tolist() == [76, 76, 100]
    with Frames(path) as frames:
        assert np.abs(frames.colour(0)[0, 0].astype(int) - [255, 0, 0]).max() <= 2


@pytest.mark.parametrize("scale", [257, 1])
@pytest.mark.parametrize("syntax", [IMPLICIT, BIG_ENDIAN])
def test_a_palette(tmp_path: Path, syntax: str, scale: int) -> None:
    more: dict[str, Any] = {}
    for name, table in (("Red", [0, 255, 0]), ("Green", [0, 0, 255]), ("Blue", [0, 0, 0])):
        more[f"{name}PaletteColorLookupTableDescriptor"] = [3, 7, 16]
        more[f"{name}PaletteColorLookupTableData"] = (np.array(table) * scale).astype("<u2").tobytes()
    samples = np.arange(2000).reshape(1, 40, 50, 1) % 12
    path = native(tmp_path / "a", Image("PALETTE COLOR", more=more), samples, syntax)
    assert grey(path)[0, 6:12].tolist() == [0, 0, 76, 150, 150, 150]


def test_a_palette_in_segments(tmp_path: Path) -> None:
    more: dict[str, Any] = {}
    for name in ("Red", "Green", "Blue"):
        more[f"{name}PaletteColorLookupTableDescriptor"] = [256, 0, 16]
        segments = np.array([0, 1, 0, 1, 255, 65535], "<u2")  # 0, and from there in 255 steps to 65535
        more[f"Segmented{name}PaletteColorLookupTableData"] = segments.tobytes()
    samples = np.arange(2000).reshape(1, 40, 50, 1) % 256
    assert np.array_equal(grey(native(tmp_path / "a", Image("PALETTE COLOR", more=more), samples)), samples[0, :, :, 0])


def test_a_thumbnail_keeps_shape_and_colours(tmp_path: Path) -> None:
    image = Image("RGB", rows=400, columns=800, frames=2)
    samples = np.zeros((2, 400, 800, 3), int)
    samples[1] = [200, 100, 50]
    with Frames(native(tmp_path / "a", image, samples)) as frames, Pillow.open(BytesIO(thumbnail(frames, 1))) as small:
        assert (small.format, small.size, small.getpixel((100, 100))) == ("PNG", (320, 160), (200, 100, 50))
    with Frames(native(tmp_path / "b", Image(), Image().noise())) as frames:
        assert Pillow.open(BytesIO(thumbnail(frames, size=100))).size == (50, 40)


# What cannot be read


def _changed(path: Path, image: Image, **values: Any) -> Path:
    dataset = dcmread(native(path, image, image.noise()))
    for name, value in values.items():
        setattr(dataset, name, value)
    dataset.save_as(path)
    return path


@pytest.mark.parametrize(
    "values",
    [
        {"Rows": 41},
        {"NumberOfFrames": 2},
        {"Rows": 65535, "Columns": 65535},
        {"Rows": 0},
        {"SamplesPerPixel": 3},
        {"SamplesPerPixel": 4, "PhotometricInterpretation": "CMYK"},
        {"PhotometricInterpretation": "YBR_PARTIAL_420", "SamplesPerPixel": 3},
        {"PhotometricInterpretation": "YBR_RCT", "SamplesPerPixel": 3, "Rows": 10},
        {"PhotometricInterpretation": "PALETTE COLOR"},
        {"BitsAllocated": 12},
        {"BitsStored": 9},
        {"HighBit": 3},
        {"PhotometricInterpretation": "YBR_FULL_422", "SamplesPerPixel": 3, "Columns": 5},
    ],
    ids=str,
)
def test_an_absurd_form(tmp_path: Path, values: dict[str, Any]) -> None:
    path = _changed(tmp_path / "a", Image(), **values)
    with pytest.raises(Unreadable), Frames(path) as frames:
        frames.grey(0)


def test_no_pixels_or_others(tmp_path: Path) -> None:
    path = native(tmp_path / "a", Image(), Image().noise())
    dataset = dcmread(path)
    del dataset.PixelData
    dataset.save_as(path)
    with pytest.raises(Unreadable):
        Frames(path)
    dataset.FloatPixelData = bytes(8000)
    dataset.save_as(path)
    with pytest.raises(Unreadable):
        Frames(path)
    path.write_bytes(b"no DICOM")
    with pytest.raises(Unreadable):
        Frames(path)
    path.unlink()
    with pytest.raises(FileNotFoundError):
        Frames(path)


@pytest.mark.parametrize("number", ["92", "94", "100", "101", "102", "103", "107"])
def test_codings_that_nobody_decodes(tmp_path: Path, number: str) -> None:
    path = encapsulated(tmp_path / "a", Image(), [bytes(100)], JPEG + number)
    with pytest.raises(Unreadable, match="coding"):
        Frames(path)


def test_a_code_stream_of_another_size_or_depth_is_not_given_to_the_decoder(tmp_path: Path) -> None:
    image = Image(rows=40, columns=50)
    for number, source in enumerate(
        (
            jpeg_2000(tmp_path / "j", image, image.noise()),
            by_dcmtk(tmp_path / "l", image, image.noise(), "dcmcjpls"),
            by_dcmtk(tmp_path / "e", image, image.noise(), "dcmcjpeg"),
        )
    ):
        dataset = dcmread(source)
        dataset.Rows = 39
        dataset.save_as(tmp_path / f"{number}")
        with Frames(tmp_path / f"{number}") as frames, pytest.raises(Unreadable, match="size"):
            frames.grey(0)


def test_a_deflated_bomb(tmp_path: Path) -> None:
    path = native(tmp_path / "a", Image(), Image().noise(), "1.2.840.10008.1.2.1.99")
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2] + b"\xff" * 50)
    with pytest.raises(Unreadable):
        Frames(path)


def test_nothing_is_encapsulated_though_the_syntax_says_so(tmp_path: Path) -> None:
    path = native(tmp_path / "a", Image(), Image().noise())
    whole = path.read_bytes()
    path.write_bytes(whole.replace(EXPLICIT.encode(), RLE.encode(), 1))
    with pytest.raises(Unreadable, match="encapsulated"):
        Frames(path)


def test_pixels_are_encapsulated_though_the_syntax_does_not_say_so(tmp_path: Path) -> None:
    path = by_dcmtk(tmp_path / "a", Image(), Image().noise(), "dcmcrle")
    whole = path.read_bytes()
    path.write_bytes(whole.replace(RLE.encode(), EXPLICIT.encode(), 1))
    with pytest.raises(Unreadable, match="truncated"):
        Frames(path)
