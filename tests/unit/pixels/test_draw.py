"""Pictures for a preview: what they show, held against dcmtk's and against values worked out here."""

import subprocess
from io import BytesIO
from pathlib import Path
from typing import Any, Final

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image as Pillow
from pydicom import dcmread, dcmwrite
from pydicom.data import get_testdata_file
from tests.unit.pixels.images import EXPLICIT, RLE, Image, by_dcmtk, native

from studypub.core.preview import Window
from studypub.pixels.draw import draw, fitted
from studypub.pixels.drawing import Drawing, Drawn, Piece, Shot, Slide
from studypub.pixels.frames import Frames

# Values from -1000 to 1999 that rescale to HU by 1 and -1024, as those of a CT.
_CT: Final = {"RescaleSlope": 1, "RescaleIntercept": -1024, "WindowCenter": 40, "WindowWidth": 400}
_RAMP: Final = np.arange(3000).reshape(1, 50, 60, 1)
_FORM: Final = Image(allocated=16, stored=12, rows=50, columns=60, more=_CT)
_NEAR: Final = 6.0  # grey values by which a lossy picture may differ on the average


def drawing(path: Path, *shots: Shot, side: int = 4000, **more: Any) -> Drawing:
    return Drawing(pieces=(Piece(path, 0, path.stat().st_size),), shots=shots or (Shot(0, (None,)),), side=side, **more)


def shown(drawn: Drawn) -> NDArray[np.float64]:
    with Pillow.open(BytesIO(drawn.content)) as picture:
        assert (picture.format, picture.size) == ("JPEG", (drawn.width, drawn.height))
        assert not picture.info.keys() - {"jfif", "jfif_version", "jfif_unit", "jfif_density"}
        return np.asarray(picture, np.float64)


def only(path: Path, *shots: Shot, **more: Any) -> Slide:
    (slide,) = draw(drawing(path, *shots, **more))
    return slide


@pytest.mark.parametrize(("centre", "width"), [(40, 400), (-600, 1500), (400, 1800), (40, 80)])
def test_a_window_shows_its_range_of_hu(tmp_path: Path, centre: float, width: float) -> None:
    path = native(tmp_path / "a", _FORM, _RAMP)
    with Frames(path) as frames:
        own, through = frames.through(0, [None, (centre, width)])
    hu = _RAMP[0, :, :, 0] - 1024.0
    # PS3.3 C.11.2.1.2, written as the Standard has it.
    low, high = centre - 0.5 - (width - 1) / 2, centre - 0.5 + (width - 1) / 2
    grey = ((hu - (centre - 0.5)) / (width - 1) + 0.5) * 255
    assert np.abs(through - np.where(hu <= low, 0, np.where(hu > high, 255, grey))).max() <= 0.5 + 1e-9
    assert np.array_equal(own, through) == ((centre, width) == (40, 400))


def test_what_has_no_window_takes_the_other(tmp_path: Path) -> None:
    path = native(
        tmp_path / "a",
        Image(allocated=16, rows=50, columns=60, more={"RescaleSlope": 1, "RescaleIntercept": -1024}),
        _RAMP,
    )
    with Frames(path) as frames:
        stretched, (soft,) = frames.through(0, [None])[0], frames.through(0, [None], (40, 400))
    assert (stretched.min(), stretched.max()) == (0, 255)
    assert np.array_equal(np.flatnonzero(soft.reshape(-1) == 0), np.arange(1024 - 160 + 1))


_FILES: Final = [
    "CT_small.dcm",
    "MR_small.dcm",
    "MR_small_RLE.dcm",
    "MR_small_bigendian.dcm",
    "JPGExtended.dcm",
    "SC_rgb_jpeg_dcmtk.dcm",
    "SC_rgb_rle_16bit.dcm",
    "examples_palette.dcm",
    "examples_rgb_color.dcm",
    "examples_ybr_color.dcm",
    "SC_ybr_full_422_uncompressed.dcm",
    "rtdose.dcm",
    "liver_1frame.dcm",
    "image_dfl.dcm",
]


@pytest.mark.parametrize("name", _FILES)
def test_pictures_are_dcmtks(tmp_path: Path, name: str) -> None:
    path = Path(str(get_testdata_file(name)))
    window = ["+Wi", "1"] if "WindowWidth" in dcmread(path, stop_before_pixels=True) else ["+Wm"]
    command: list[str | Path] = ["dcmj2pnm", "+on", *window, path, tmp_path / "theirs.png"]
    subprocess.run(command, check=True, capture_output=True, timeout=60)
    theirs = np.asarray(Pillow.open(tmp_path / "theirs.png").convert("RGB"), np.float64)
    (picture,) = only(path).pictures
    ours = shown(picture)
    ours = ours if ours.ndim == 3 else np.repeat(ours[:, :, None], 3, axis=2)
    assert ours.shape == theirs.shape
    assert np.abs(ours - theirs).mean() < _NEAR


# What dcmtk's program does not decode is held against the samples of the same image that is not compressed.
@pytest.mark.parametrize("name", ["MR_small_jp2klossless.dcm", "MR_small_jpeg_ls_lossless.dcm"])
def test_other_codings(name: str) -> None:
    assert only(Path(str(get_testdata_file(name)))) == only(Path(str(get_testdata_file("MR_small.dcm"))))


def test_frames_in_any_order_and_windows_of_each(tmp_path: Path) -> None:
    image = Image(allocated=16, stored=12, frames=5, rows=50, columns=60, more=_CT)
    levels = np.full((5, 50, 60, 1), 0) + np.arange(5).reshape(5, 1, 1, 1) * 100 + 864
    for path in (native(tmp_path / "a", image, levels), by_dcmtk(tmp_path / "b", image, levels, "dcmcrle")):
        shots = Shot(4, (None, Window(40.0, 4000.0))), Shot(0, (None,), small=True), Shot(2, (None,))
        last, first, middle = draw(drawing(path, *shots))
        assert [round(shown(picture).mean()) for picture in last.pictures] == [255, 140]
        assert [round(shown(picture).mean()) for picture in (*first.pictures, *middle.pictures)] == [0, 128]
        assert (last.small, first.small is not None) == (None, True)


def test_pixels_that_are_not_square(tmp_path: Path) -> None:
    more = {"PixelSpacing": ["0.4", "0.2"], "WindowCenter": 100, "WindowWidth": 200}
    path = native(tmp_path / "a", Image(rows=40, columns=80, more=more), np.zeros((1, 40, 80, 1), int))
    (picture,) = only(path).pictures
    assert (picture.width, picture.height) == (80, 80)


@pytest.mark.parametrize(
    ("size", "stretch", "side", "found"),
    [
        ((512, 512), 1, 768, (512, 512)),
        ((3000, 4000), 1, 1536, (1152, 1536)),
        ((100, 50), 2, 768, (100, 100)),
        ((100, 100), 0.5, 768, (200, 100)),
        ((60000, 1), 1, 768, (768, 1)),
    ],
)
def test_sizes(size: tuple[int, int], stretch: float, side: int, found: tuple[int, int]) -> None:
    assert fitted(*size, stretch, side) == found


def test_a_file_in_pieces(tmp_path: Path) -> None:
    path = native(tmp_path / "a", _FORM, _RAMP)
    content = path.read_bytes()
    (tmp_path / "b").write_bytes(b"before" + content[:1000] + b"after")
    pieces = Piece(tmp_path / "b", 6, 1006), Piece(path, 1000, len(content))
    (slide,) = draw(Drawing(pieces=pieces, shots=(Shot(0, (None,)),), side=100))
    assert slide == only(path)


def test_a_broken_frame_is_left_out_and_the_others_are_not(tmp_path: Path) -> None:
    image = Image(frames=3, rows=50, columns=60)
    path = by_dcmtk(tmp_path / "a", image, image.noise(), "dcmcrle")
    dataset = dcmread(path)
    assert dataset.file_meta.TransferSyntaxUID == RLE
    content = path.read_bytes()
    second = content.index(b"\xfe\xff\x00\xe0", content.index(b"\xfe\xff\x00\xe0", content.rindex(b"OB")) + 4 + 4 + 12)
    second = content.index(b"\xfe\xff\x00\xe0", second + 8)
    path.write_bytes(content[: second + 8] + bytes(64) + content[second + 72 :])
    slides = list(draw(drawing(path, *(Shot(number, (None,)) for number in range(3)))))
    assert [len(slide.pictures) for slide in slides] == [1, 0, 1]


@pytest.mark.parametrize("cut", [0, 100, 600])
def test_what_is_no_image_is_left_out(tmp_path: Path, cut: int) -> None:
    path = native(tmp_path / "a", _FORM, _RAMP)
    path.write_bytes(path.read_bytes()[:cut])
    assert list(draw(drawing(path, Shot(0, (None,)), Shot(9, (None,))))) == [Slide(), Slide()]
    dataset = Image().dataset(EXPLICIT)
    dcmwrite(path, dataset, enforce_file_format=True)
    assert list(draw(drawing(path))) == [Slide()]
