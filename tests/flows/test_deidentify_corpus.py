"""A folder with canaries wherever DICOM can hold them goes through: none comes out, and nothing is lost on the way."""

import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from tests.peers import dicom3tools
from tests.peers.corpus import canaries, files, pictures, seen, validity
from tests.peers.corpus.files import Planted

from studypub.config import Pixels
from studypub.deid.profile import load, names
from studypub.flows.deidentify import deidentify_folder

# By their headers alone.
UNSEEN = Pixels(ultrasound="leave_out", fluoroscopy="leave_out", unclear="leave_out")
# Of each kind of image and each coding one; `python -m tests.bench.deid_peers` takes all, and covers all kinds.
LOOKED_AT = (
    "told, planes, RLE", "told, palette", "told, JPEG", "told, JPEG 2000", "told, HTJ2K", "untold, RGB, RLE",
    "told, text inside, RLE", "12 bits", "MONOCHROME1", "no text", "8 bits", "RGB, JPEG-LS", "film",
)  # fmt: skip


@dataclass
class Run:
    """What went in, what came out, and the private list of it."""

    source: Path
    target: Path
    planted: list[Planted]
    report: list[dict[str, Any]]

    @cached_property
    def outcomes(self) -> dict[str, str | None]:
        """Why each file was left out; None: it was not."""
        return {entry["file"]: entry["reason"] for entry in self.report}

    @cached_property
    def pairs(self) -> list[tuple[Planted, Path]]:
        """What was kept, each with its new file: they are numbered in the order of the list."""
        by_path = {each.path: each for each in self.planted}
        kept = [by_path[entry["file"]] for entry in self.report if entry["outcome"] != "left_out"]
        return list(zip(kept, sorted(self.target.rglob("*.dcm")), strict=True))

    def leaks(self) -> dict[str, list[str]]:
        """Return what was found of canaries in names and bytes of files."""
        found = {}
        for path in self.target.rglob("*"):
            content = path.read_bytes() if path.is_file() else b""
            found[path.name] = canaries.leaks(content + str(path.relative_to(self.target)).encode())
        return {name: leaks for name, leaks in found.items() if leaks}


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Planted]]:
    folder = tmp_path_factory.mktemp("corpus") / canaries.word("the folder itself")
    with warnings.catch_warnings(action="ignore"):
        return folder, files.write(folder, files.headers())


@pytest.fixture(scope="module", params=names())
def run(
    request: pytest.FixtureRequest, source: tuple[Path, list[Planted]], tmp_path_factory: pytest.TempPathFactory
) -> Run:
    folder, planted = source
    target = tmp_path_factory.mktemp("out")
    return Run(folder, target, planted, deidentify_folder(folder, target, load(request.param), UNSEEN))


@pytest.fixture(scope="module")
def looked_at(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Images with names in their pixels, by the choices that a clinic has made if it has made none."""
    folder, target = tmp_path_factory.mktemp("pictures"), tmp_path_factory.mktemp("out")
    with warnings.catch_warnings(action="ignore"):
        cases = tuple(case for case in pictures.CASES if case.name in LOOKED_AT)
        planted = files.write(folder, files.drawings(cases))
    return Run(folder, target, planted, deidentify_folder(folder, target, load("second-opinion")))


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    """Let pydicom warn of what the corpus does on purpose."""
    with warnings.catch_warnings(action="ignore"):
        yield


def test_the_corpus_is_full_of_canaries(source: tuple[Path, list[Planted]]) -> None:
    _, planted = source
    assert len(planted) > 300
    assert all(canaries.sings(each.content) for each in planted)
    assert sum(each.publishable for each in planted) > 100


def test_no_canary_comes_out(run: Run) -> None:
    assert run.leaks() == {}
    assert len(run.pairs) > 100


def test_every_file_is_listed_and_what_can_be_published_is_kept(run: Run) -> None:
    outcomes = run.outcomes
    assert outcomes.keys() == {each.path for each in run.planted}
    assert [(each.path, outcomes[each.path]) for each in run.planted if each.publishable and outcomes[each.path]] == []
    assert [each.path for each in run.planted if not each.publishable and not outcomes[each.path]] == []


def test_what_is_kept_shows_the_same_pixels(run: Run) -> None:
    differing = [planted.path for planted, path in run.pairs if not _same(path, run.source / planted.path)]
    assert differing == []


def _same(one: Path, other: Path) -> bool:
    return np.array_equal(_used_bits(one), _used_bits(other))


def _used_bits(path: Path) -> Any:
    """Return the decoded samples without the bits above those that are stored."""
    dataset = seen.decodable(pydicom.dcmread(path))
    samples = dataset.pixel_array
    integers = "PixelData" in dataset and not dataset.PixelRepresentation
    return samples & ((1 << dataset.BitsStored) - 1) if integers else samples


@pytest.mark.skipif(not dicom3tools.PRESENT, reason="dicom3tools and dcmtk are not installed")
@pytest.mark.parametrize(
    "run", [name if name == "second-opinion" else pytest.param(name, marks=pytest.mark.long) for name in names()],
    indirect=True,
)  # fmt: skip
def test_what_is_kept_is_as_valid_as_it_was(run: Run) -> None:
    assert validity.new_faults(run.pairs) == {}
    assert [path for _, path in run.pairs if validity.undecodable(path)] == []
    tidy = [len(validity.faults(planted)) for planted, _ in run.pairs if "tidy" in planted.path]
    assert sum(tidy) / len(tidy) < 15, "originals full of faults could hide new ones"


def test_letters_in_pixels_are_seen_before_and_not_after(looked_at: Run) -> None:
    by_path = {each.path: seen.legibility(each, looked_at.source / each.path) for each in looked_at.planted}
    drawn = [each.path for each in looked_at.planted if each.drawn and each.drawn.frames]
    assert [path for path in drawn if by_path[path] < 0.8] == []
    after = {planted.path: seen.legibility(planted, path) for planted, path in looked_at.pairs}
    assert {path: left for path, left in after.items() if left > seen.LEGIBLE} == {}


def test_where_the_header_tells_the_place_of_text_an_image_is_kept_and_covered(looked_at: Run) -> None:
    covered = [entry["file"] for entry in looked_at.report if entry["outcome"] == "masked"]
    told = [each.path for each in looked_at.planted if "_told_" in each.path]
    assert covered == told
    kept = [planted.path for planted, _ in looked_at.pairs if planted.path not in told]
    assert [path for path in kept if "no_text" not in path] == []
    assert kept


def test_only_what_is_covered_changes(looked_at: Run) -> None:
    changed = [
        planted.path
        for planted, path in looked_at.pairs
        if planted.drawn is not None
        and planted.drawn.lossless
        and seen.changed_elsewhere(seen.samples(looked_at.source / planted.path), seen.samples(path))
    ]
    assert changed == []


def test_no_canary_is_left_beside_what_was_looked_at(looked_at: Run) -> None:
    assert looked_at.leaks() == {}


@pytest.mark.skipif(not dicom3tools.PRESENT, reason="dicom3tools and dcmtk are not installed")
def test_what_was_looked_at_is_as_valid_as_it_was(looked_at: Run) -> None:
    assert validity.new_faults(looked_at.pairs) == {}
