"""Damaged files raise Unreadable and nothing else; decoders may crash, so each is tried in a process of its own."""

import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final

import pytest
from tests.unit.pixels.images import Image, by_dcmtk, htj2k, jpeg_2000, native

# Reads a file and 60 variants of it; prints how many could be read. A crash of a decoder ends it by a signal.
_PROGRAM: Final = """
import random, sys
from pathlib import Path
import numpy as np
from studypub.pixels.cover import cover
from studypub.pixels.frames import Frames, Unreadable

whole, folder, readable = Path(sys.argv[1]).read_bytes(), Path(sys.argv[1]).parent, 0
start = int(sys.argv[2])
for seed in range(60):
    dice = random.Random(seed)
    changed = bytearray(whole)
    for _ in range(dice.choice((0, 1, 1, 2, 20)) if seed else 0):
        changed[dice.randrange(start, len(changed))] = dice.choice((0, 1, 0x7F, 0xFF, dice.randrange(256)))
    if seed % 4 == 3:
        del changed[dice.randrange(start, len(changed)):]
    (folder / "damaged").write_bytes(changed)
    (folder / "target").unlink(missing_ok=True)
    try:
        with Frames(folder / "damaged") as frames:
            frames.grey(frames.count - 1)
            hidden = np.ones((frames.rows, frames.columns), bool)
        cover(folder / "damaged", folder / "target", hidden)
        readable += 1
    except Unreadable:
        assert not (folder / "target").exists()
print(readable)
"""

_IMAGE: Final = Image(allocated=16, stored=12, frames=2)
_COLOUR: Final = Image("RGB")
_MADE: Final[dict[str, Callable[[Path], Path]]] = {
    "native": lambda path: native(path, _IMAGE, _IMAGE.noise()),
    "deflated": lambda path: native(path, _IMAGE, _IMAGE.noise(), "1.2.840.10008.1.2.1.99"),
    "rle": lambda path: by_dcmtk(path, _IMAGE, _IMAGE.noise(), "dcmcrle"),
    "jpeg_ls": lambda path: by_dcmtk(path, _IMAGE, _IMAGE.noise(), "dcmcjpls"),
    "jpeg_lossless": lambda path: by_dcmtk(path, _IMAGE, _IMAGE.noise(), "dcmcjpeg"),
    "jpeg_12": lambda path: by_dcmtk(path, _IMAGE, _IMAGE.smooth(), "dcmcjpeg", "+ee", "+bt"),
    "jpeg": lambda path: by_dcmtk(path, _COLOUR, _COLOUR.smooth(), "dcmcjpeg", "+eb"),
    "jpeg_2000": lambda path: jpeg_2000(path, _IMAGE, _IMAGE.noise()),
    "htj2k": lambda path: htj2k(path, Image(), Image().noise()),
}


@pytest.mark.parametrize("made", _MADE)
@pytest.mark.parametrize("place", ["header", "pixels"])
def test_damage(tmp_path: Path, made: str, place: str) -> None:
    path = _MADE[made](tmp_path / "a")
    start = 132 if place == "header" else path.read_bytes().rfind(b"\xe0\x7f\x10\x00") if made != "deflated" else 350
    program: list[str | Path] = [sys.executable, "-W", "ignore", "-c", _PROGRAM, path, str(start)]
    done = subprocess.run(program, capture_output=True, text=True, check=False)
    if done.returncode not in {-signal.SIGABRT, -signal.SIGSEGV}:
        assert done.returncode == 0, done.stderr[-2000:]
        assert 0 < int(done.stdout) < 60
