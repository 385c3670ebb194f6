"""The table of faults has a row for every test of a fault and a test for every row; the README shows it."""

import re
from pathlib import Path

from tests.faults.table import FAULTS

ROOT = Path(__file__).parents[2]
_TEST = re.compile(r"^(?:async )?def test_([fx]\d\d)(?:_to_([fx]\d\d))?_", re.MULTILINE)


def tried(folder: Path) -> set[str]:
    """Return the rows that tests below the folder are named after."""
    texts = (path.read_text("utf-8") for path in folder.rglob("test_*.py"))
    return {row.upper() for text in texts for found in _TEST.findall(text) for row in between(*found)}


def between(first: str, last: str) -> list[str]:
    return [f"{first[0]}{number:02}" for number in range(int(first[1:]), int((last or first)[1:]) + 1)]


def test_every_row_has_its_tests() -> None:
    assert set(FAULTS) - tried(ROOT / "tests") == set()


def test_every_test_of_a_fault_has_its_row() -> None:
    assert tried(ROOT / "tests/faults") - set(FAULTS) == set()


def test_the_readme_shows_the_table() -> None:
    rows = re.findall(r"^\| ([FX]\d\d) \| (.+) \|$", (ROOT / "README.md").read_text("utf-8"), re.MULTILINE)
    assert rows == sorted(FAULTS.items())
