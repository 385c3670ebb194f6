"""The table of faults names tests that exist, and every test of a fault here is in it."""

import re
from pathlib import Path

from tests.faults.table import FAULTS

TESTS = Path(__file__).parents[1]
_TEST = re.compile(r"^(?:async )?def (test_([fx]\d\d)_\w+)", re.MULTILINE)


def named(folder: Path) -> set[str]:
    return {name for path in folder.rglob("test_*.py") for name, _ in _TEST.findall(path.read_text("utf-8"))}


def test_what_the_table_names_exists() -> None:
    shown = {test for fault in FAULTS.values() for test in fault.tests}
    assert shown - named(TESTS) == set()


def test_what_is_tried_here_is_in_the_table() -> None:
    shown = {test for fault in FAULTS.values() for test in fault.tests}
    assert named(Path(__file__).parent) - shown == set()


def test_a_test_bears_the_name_of_its_row() -> None:
    rows = {(row.lower(), test.split("_")[1]) for row, fault in FAULTS.items() for test in fault.tests}
    assert [pair for pair in rows if pair[0] != pair[1]] == []
