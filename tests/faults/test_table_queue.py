"""The table of faults names tests that there are."""

import re
from pathlib import Path

from tests.faults.table_queue import FAULTS

TESTS = Path(__file__).parents[1]


def test_every_fault_of_the_table_has_its_test() -> None:
    text = "\n".join(path.read_text("utf-8") for path in TESTS.rglob("test_*.py"))
    there = set(re.findall(r"^(?:async )?def (test_\w+)\(", text, re.MULTILINE))
    assert {name for _, name in FAULTS.values()} <= there
