"""A folder with canaries wherever DICOM can hold them goes through: none comes out, and nothing is lost on the way."""

import subprocess
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pydicom
import pytest
from pydicom.dataset import FileDataset
from pydicom.uid import JPEGExtended12Bit
from tests.peers import dicom3tools
from tests.peers.corpus import canaries, files
from tests.peers.corpus.files import Planted

from studypub.config import Pixels
from studypub.deid.profile import load, names
from studypub.flows.deidentify import deidentify_folder

# By their headers alone; what is done about pixels has tests of its own.
UNSEEN = Pixels(ultrasound="leave_out", fluoroscopy="leave_out", unclear="leave_out")


@dataclass
class Run:
    """What went in, what came out, and the private list of it."""

    source: Path
    target: Path
    planted: list[Planted]
    report: list[dict[str, Any]]

    @cached_property
    def pairs(self) -> list[tuple[Planted, Path]]:
        """What was kept, each with its new file: they are numbered in the order of the list."""
        by_path = {each.path: each for each in self.planted}
        kept = [by_path[entry["file"]] for entry in self.report if entry["outcome"] == "kept"]
        return list(zip(kept, sorted(self.target.rglob("*.dcm")), strict=True))


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Planted]]:
    folder = tmp_path_factory.mktemp("corpus") / canaries.word("the folder itself")
    return folder, files.write(folder)


@pytest.fixture(scope="module", params=names())
def run(
    request: pytest.FixtureRequest, source: tuple[Path, list[Planted]], tmp_path_factory: pytest.TempPathFactory
) -> Run:
    folder, planted = source
    target = tmp_path_factory.mktemp("out")
    return Run(folder, target, planted, deidentify_folder(folder, target, load(request.param), UNSEEN))


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
    found = {}
    for path in run.target.rglob("*"):
        content = path.read_bytes() if path.is_file() else b""
        found[path.name] = canaries.leaks(content + str(path.relative_to(run.target)).encode())
    assert {name: leaks for name, leaks in found.items() if leaks} == {}
    assert len(found) > 100


def test_every_file_is_listed_and_what_can_be_published_is_kept(run: Run) -> None:
    outcomes = {entry["file"]: entry["reason"] for entry in run.report}
    assert outcomes.keys() == {each.path for each in run.planted}
    assert [(each.path, outcomes[each.path]) for each in run.planted if each.publishable and outcomes[each.path]] == []
    assert [each.path for each in run.planted if not each.publishable and not outcomes[each.path]] == []


def test_what_is_kept_shows_the_same_pixels(run: Run) -> None:
    differing = [
        planted.path for planted, path in run.pairs if not _same(pydicom.dcmread(path), run.source / planted.path)
    ]
    assert differing == []


def _same(after: FileDataset, path: Path) -> bool:
    before = pydicom.dcmread(path)
    return np.array_equal(_samples(before), _samples(after))


def _samples(dataset: FileDataset) -> np.ndarray[Any, Any]:
    """Return the decoded samples without the bits above those that are stored."""
    if dataset.file_meta.TransferSyntaxUID == JPEGExtended12Bit:
        dataset = _decoded_by_dcmtk(dataset)
    samples = dataset.pixel_array
    integers = "PixelData" in dataset and not dataset.PixelRepresentation
    return samples & ((1 << dataset.BitsStored) - 1) if integers else samples


def _decoded_by_dcmtk(dataset: FileDataset) -> FileDataset:
    """Decode what no library here does: 12 bits under the DCT."""
    with TemporaryDirectory() as folder:
        coded, plain = Path(folder) / "coded.dcm", Path(folder) / "plain.dcm"
        dataset.save_as(coded)
        subprocess.run(["dcmdjpeg", coded, plain], check=True)
        return pydicom.dcmread(BytesIO(plain.read_bytes()))


@pytest.mark.skipif(not dicom3tools.PRESENT, reason="dicom3tools and dcmtk are not installed")
def test_what_is_kept_is_as_valid_as_it_was(run: Run) -> None:
    assert [planted.path for planted, path in run.pairs if not dicom3tools.opens(path)] == []
    new = {
        planted.path: dicom3tools.errors(path) - dicom3tools.errors(run.source / planted.path)
        for planted, path in run.pairs
        if planted.valid
    }
    assert {path: errors for path, errors in new.items() if errors} == {}
    assert len(new) > 30
