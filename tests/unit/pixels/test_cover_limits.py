import struct
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest
from pydicom import dcmread, dcmwrite
from pydicom.encaps import encapsulate, generate_frames
from tests.unit.pixels.images import EXPLICIT, Image, by_dcmtk, mask, native

from studypub.pixels.cover import cover
from studypub.pixels.frames import Unreadable


def test_a_file_that_is_there_is_not_touched(tmp_path: Path) -> None:
    path = native(tmp_path / "a", Image(), Image().noise())
    (tmp_path / "b").write_bytes(b"mine")
    with pytest.raises(FileExistsError):
        cover(path, tmp_path / "b", mask(40, 50))
    assert (tmp_path / "b").read_bytes() == b"mine"


@pytest.mark.parametrize("excess", [-1, 1])
def test_a_wrong_number_of_frames_leaves_no_file(tmp_path: Path, excess: int) -> None:
    image = Image(frames=3)
    path = by_dcmtk(tmp_path / "a", image, image.noise(), "dcmcrle")
    dataset = dcmread(path)
    dataset.NumberOfFrames = 3 - excess
    dataset.save_as(path)
    with pytest.raises(Unreadable):
        cover(path, tmp_path / "b", mask(40, 50))
    assert not (tmp_path / "b").exists()


def test_a_mask_of_another_size(tmp_path: Path) -> None:
    path = native(tmp_path / "a", Image(), Image().noise())
    with pytest.raises(Unreadable, match="mask"):
        cover(path, tmp_path / "b", mask(50, 40))


# The peak of resident memory, in KiB; getrusage would also count the process that this one was forked from.
_PROGRAM: Final = """
import re, sys
from pathlib import Path
import numpy as np
from studypub.pixels.cover import cover

def peak():
    return int(re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1])

source, target, rows, columns = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
before = peak()
cover(source, target, np.eye(rows, columns, dtype=bool))
print(peak() - before)
"""


def _grown(source: Path, target: Path, image: Image) -> int:
    command: list[str | Path] = [sys.executable, "-c", _PROGRAM, source, target, str(image.rows), str(image.columns)]
    return int(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


@pytest.mark.parametrize("frames", [100, pytest.param(1000, marks=pytest.mark.slow)])
def test_a_cine_is_never_in_memory_as_a_whole(tmp_path: Path, frames: int) -> None:
    image = Image(frames=frames, rows=1024, columns=1024)
    source, target = tmp_path / "a", tmp_path / "b"
    dataset = image.dataset(EXPLICIT)
    dcmwrite(source, dataset, enforce_file_format=True)
    with source.open("ab") as file:  # a sparse file: zeros that take no place
        file.write(b"\xe0\x7f\x10\0OB\0\0" + struct.pack("<I", frames << 20))
        file.truncate(file.tell() + (frames << 20))
    grown = _grown(source, target, image)
    assert target.stat().st_size == source.stat().st_size
    target.unlink()
    assert 0 < grown < 40 * 1024


def test_a_compressed_cine_is_never_in_memory_as_a_whole(tmp_path: Path) -> None:
    image = Image("RGB", rows=512, columns=512)
    source = by_dcmtk(tmp_path / "a", image, image.smooth(), "dcmcjpeg", "+eb")
    dataset = dcmread(source)
    frame = next(generate_frames(dataset.PixelData, number_of_frames=1))
    dataset.NumberOfFrames, dataset.PixelData = 200, encapsulate([frame] * 200)
    dataset.save_as(source)
    assert 0 < _grown(source, tmp_path / "b", image) < 40 * 1024  # decoded: 150 MiB
