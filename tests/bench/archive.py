"""Measures packing beside Python's zipfile at level 6: `python -m tests.bench.archive [INSTANCES]`.

CT slices of 512x512 like those of tests.bench.phantoms, from memory into a file; the median of some rounds counts.
"""

import statistics
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

from pydicom.dataset import FileDataset
from tests.bench.phantoms import study
from tests.bench.rows import Row, at_least, at_most

from studypub.archive.study import StudyArchive

_ROUNDS = 3

Files = list[tuple[FileDataset, bytes]]


def rows(count: int = 100) -> list[Row]:
    """Return how much faster ours is, and how much larger what it makes."""
    files = [(dataset, _encoded(dataset)) for dataset in study("CT", count, "A1", 1)]
    with tempfile.TemporaryDirectory() as folder:
        found = [(_timed(_ours, files, Path(folder)), _timed(_zipfile, files, Path(folder))) for _ in range(_ROUNDS)]
    ours, theirs = (tuple(map(statistics.median, zip(*each, strict=True))) for each in zip(*found, strict=True))
    return [
        at_least("archive of CT against zipfile level 6: speed", theirs[0] / ours[0], 15),
        at_most("archive of CT against zipfile level 6: size", ours[1] / theirs[1], 1.1, "times"),
    ]


def _timed(pack: Callable[[Files, Path], None], files: Files, folder: Path) -> tuple[float, int]:
    """Return seconds and bytes."""
    path = folder / "study.zip"
    begun = time.perf_counter()
    pack(files, path)
    return time.perf_counter() - begun, path.stat().st_size


def _ours(files: Files, path: Path) -> None:
    with StudyArchive(path) as archive:
        for dataset, part10 in files:
            archive.add(dataset, part10)
        archive.close()


def _zipfile(files: Files, path: Path) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as archive:
        for number, (_, part10) in enumerate(files):
            archive.writestr(str(number), part10)


def _encoded(dataset: FileDataset) -> bytes:
    buffer = BytesIO()
    dataset.save_as(buffer, enforce_file_format=True)
    return buffer.getvalue()


if __name__ == "__main__":
    print(*rows(*map(int, sys.argv[1:])), sep="\n")  # noqa: T201
