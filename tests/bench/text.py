"""Measures how text in pixels is found: `python -m tests.bench.text [PICTURES] [FIRST]`.

That many pictures of the corpus with text, from the seed FIRST on, then as many without, then the images that come with
pydicom. Prints what was left uncovered, how many ended how, and CPU time a picture; exit status 1 if a letter was left.
"""

import os
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pydicom
from tests.unit.pixels import burned_in
from tests.unit.pixels.covering import looked_at

from studypub.pixels.job import Job
from studypub.pixels.look import look


def main(pictures: int, first: int) -> int:
    """Print what was measured."""
    seeds = range(first, first + pictures)
    missed = measure("with text", with_text(seeds))
    measure("without text", without_text(seeds))
    measure("pydicom", of_pydicom())
    return int(missed > 0)


def measure(title: str, outcomes: Iterator[tuple[str, str, int]]) -> int:
    """Print a line for what is not as usual, and a sum; return how many pictures show letters still."""
    counted: Counter[str] = Counter()
    missed = 0
    began = cpu()
    for name, outcome, left in outcomes:
        counted[outcome] += 1
        missed += bool(left)
        if left or outcome not in {"clean", "masked"}:
            print(f"{title}, {name}: {outcome}, {left} pixels left", flush=True)  # noqa: T201
    seconds = (cpu() - began) / max(1, counted.total())
    print(f"{title}: {dict(counted)}, {missed} missed, {seconds:.2f} seconds of CPU a picture", flush=True)  # noqa: T201
    return missed


def cpu() -> float:
    """Return the CPU time used so far, Tesseract's too."""
    used = os.times()
    return used.user + used.system + used.children_user + used.children_system


def with_text(seeds: range) -> Iterator[tuple[str, str, int]]:
    """Yield name, outcome, how many pixels of letters are still seen."""
    for seed in seeds:
        name, picture, letters = burned_in.sample(seed)
        report, covered = looked_at(picture[None])
        seen = letters & ~covered if report.outcome != "unsure" else letters & False
        yield name, f"{report.outcome} {report.why}".strip(), int(seen.sum())


def without_text(seeds: range) -> Iterator[tuple[str, str, int]]:
    """Yield the same of pictures that show none."""
    for seed in seeds:
        name = list(burned_in.GROUNDS)[seed % len(burned_in.GROUNDS)]
        rows, columns = burned_in.SIZES[seed // 5 % len(burned_in.SIZES)]
        report, _ = looked_at(burned_in.GROUNDS[name](rows, columns, seed)[None])
        yield f"{seed}: {name} {rows}x{columns}", f"{report.outcome} {report.why}".strip(), 0


def of_pydicom() -> Iterator[tuple[str, str, int]]:
    """Yield the same of the images that come with pydicom."""
    for path in sorted((Path(pydicom.__file__).parent / "data" / "test_files").glob("*.dcm")):
        with tempfile.TemporaryDirectory() as folder:
            report = look(Job(source=path, target=Path(folder, "covered.dcm")), Path(folder))
        yield path.name, f"{report.outcome} {report.why}".strip(), 0


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if sys.argv[1:] else 100, int(sys.argv[2]) if sys.argv[2:] else 1000))
