"""Measures how time and memory grow from 100 images to 10,000: `python -m tests.bench.growth [COUNT ...]`.

From a request to an archive in object storage, as tests.bench.pipeline measures it; the median of some rounds, of the
largest study one. Bars of one length say that what one image takes does not depend on how many there are.
"""

import statistics
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from tests.bench.phantoms import study
from tests.bench.pipeline import Measured, load, ours, surroundings
from tests.bench.rows import Row, at_most

_COUNTS: Final = (100, 1000, 10_000)
_ROUNDS: Final = 3
_ACCESSION: Final = "GROWTH"
_BAR: Final = 40  # characters, of the longest


def main(counts: Sequence[int]) -> None:
    """Print a row for each study, and bars."""
    found = dict(measure(counts))
    longest = max(each.wall / count for count, each in found.items())
    print(f"{'images':>7} {'wall s':>8} {'CPU s':>8} {'RSS MB':>8} {'ms an image':>12}")  # noqa: T201
    for count, each in found.items():
        bar = "█" * round(_BAR * each.wall / count / longest)
        numbers = f"{count:7} {each.wall:8.2f} {each.cpu:8.2f} {each.memory:8.0f} {1000 * each.wall / count:12.2f}"
        print(f"{numbers} {bar}")  # noqa: T201


def rows() -> list[Row]:
    """Return how much more an image of the largest study takes than one of a tenth of it."""
    small, large = _COUNTS[-2:]
    found = dict(measure((small, large)))
    share = small / large
    return [
        at_most(f"an image of {large} against one of {small}: wall time", _ratio(found, "wall") * share, 1.1, "times"),
        at_most("the same: CPU", _ratio(found, "cpu") * share, 1.1, "times"),
    ]


def _ratio(found: dict[int, Measured], name: str) -> float:
    small, large = (getattr(each, name) for each in found.values())
    return float(large / small)


def measure(counts: Sequence[int]) -> Iterator[tuple[int, Measured]]:
    """Yield for each number of CT slices what a study of them takes."""
    with surroundings() as (folder, pacs, store, postgres):
        for count in counts:
            load(pacs, study("CT", count, _ACCESSION, 1))
            rounds = 1 if count == max(counts) else _ROUNDS
            places = (Path(tempfile.mkdtemp(dir=folder)) for _ in range(rounds))
            taken = [ours(postgres, place, pacs, store, _ACCESSION) for place in places]
            yield count, Measured(*map(statistics.median, zip(*taken, strict=True)))
            pacs.clear()


if __name__ == "__main__":
    main(tuple(map(int, sys.argv[1:])) or _COUNTS)
