"""Covers the files that come with pydicom: of many writers, some of them odd."""

import shutil
import subprocess
import warnings
from pathlib import Path
from typing import Final

import numpy as np
import pydicom
import pytest
from pydicom import dcmread
from tests.unit.pixels.images import JPEG, mask, plain_samples, whole

from studypub.pixels.cover import cover
from studypub.pixels.frames import Frames, Unreadable

_ROOT: Final = Path(pydicom.__file__).parent / "data" / "test_files"
# Compressed, yet with a header of implicit VR.
_UNREADABLE_BY_DCMTK: Final = {"SC_rgb_jpeg.dcm"}
# Damaged on purpose, and an image of 3 x 3 pixels, for which the coder of JPEG-LS has no room.
_UNREADABLE: Final = {"MR_truncated.dcm", "JPEG2000-embedded-sequence-delimiter.dcm", "SC_rgb_small_odd_jpeg.dcm"}


def _images() -> list[Path]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return [path for path in sorted(_ROOT.glob("*.dcm")) if _is_image(path)]


def _is_image(path: Path) -> bool:
    return path.read_bytes()[128:132] == b"DICM" and "Rows" in dcmread(path, specific_tags=["Rows"])


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("path", _images(), ids=lambda path: path.name)
def test_files_of_many_writers(tmp_path: Path, path: Path) -> None:
    if path.name in _UNREADABLE:
        with pytest.raises(Unreadable):
            cover(path, tmp_path / "a", mask(*_size(path)))
        return
    hidden = mask(*_size(path))
    cover(path, tmp_path / "a", hidden)
    assert subprocess.run(["dcmdump", "-q", tmp_path / "a"], check=True, capture_output=True).stderr == b""
    whole(dcmread(tmp_path / "a"))
    with Frames(path) as before, Frames(tmp_path / "a") as after:
        assert (after.count, after.rows, after.columns) == (before.count, before.rows, before.columns)
        for number in range(after.count):
            assert not after.colour(number)[hidden].any()
            if after.colour(number).ndim == 3:
                assert np.array_equal(after.colour(number)[~hidden], before.colour(number)[~hidden])
            else:  # pictures are stretched, and their ends may be covered
                plain = before._decoded(number).samples[~hidden]
                assert np.array_equal(after._decoded(number).samples[~hidden], plain)


def _size(path: Path) -> tuple[int, int]:
    dataset = dcmread(path, specific_tags=["Rows", "Columns"])
    return dataset.Rows, dataset.Columns


def _decoder(path: Path) -> str:
    syntax = str(dcmread(path, stop_before_pixels=True).file_meta.TransferSyntaxUID)
    return {JPEG + "50": "dcmdjpeg", JPEG + "80": "dcmdjpls", JPEG + "81": "dcmdjpls"}.get(syntax, "")


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("path", _images(), ids=lambda path: path.name)
def test_colours_are_those_that_dcmtk_sees(tmp_path: Path, path: Path) -> None:
    if not _decoder(path) or not path.name.startswith("SC_") or path.name in _UNREADABLE | _UNREADABLE_BY_DCMTK:
        return
    hidden = mask(*_size(path))
    cover(path, tmp_path / "a", hidden)
    shutil.copy(path, tmp_path / "b")
    expected = plain_samples(tmp_path / "b", _decoder(path))
    found = plain_samples(tmp_path / "a", "dcmdjpls")
    assert dcmread(tmp_path / "a").PhotometricInterpretation == "RGB"
    assert np.abs(found[:, ~hidden].astype(int) - expected[:, ~hidden]).mean() < 2
