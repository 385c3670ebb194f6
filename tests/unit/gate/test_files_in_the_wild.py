"""Files of many makers, those that ship with pydicom: read without a fault, clean when the rules are through."""

import warnings
from pathlib import Path

import pydicom
import pytest

from studypub.deid import descriptors
from studypub.deid.encode import to_part10
from studypub.deid.instance import Deidentifier, Kept
from studypub.deid.profile import load
from studypub.gate.clues import Permitted
from studypub.gate.gate import Gate
from studypub.gate.harvest import Harvest

pytestmark = pytest.mark.slow

FOLDER = Path(pydicom.__file__).parent / "data" / "test_files"
FILES = sorted(path for path in FOLDER.rglob("*") if path.is_file() and path.suffix in {"", ".dcm"})


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_a_file_is_harvested_and_what_is_published_of_it_is_clean(path: Path) -> None:
    harvest = Harvest({})
    data = path.read_bytes()
    if not harvest.add(data):
        return
    rules = Deidentifier(load("second-opinion"), bytes(32))
    searched = Gate(harvest, Permitted((), descriptors.vocabulary(), rules.days))
    with warnings.catch_warnings(action="ignore"):
        outcome = rules.instance(pydicom.dcmread(path, force=True))
        if isinstance(outcome, Kept):
            assert searched.search("a", to_part10(outcome.dataset)) == []


def test_there_are_files_to_read() -> None:
    assert len(FILES) > 50
