"""An upgrade adds: the version before goes on working beside the new one, or is told that it cannot."""

import re

import pytest

from studypub import resources

# What was there before the rule; to be raised with every release.
_LAST_RELEASED = 32
# What takes something from a version that is still running, or has it read what it does not know.
_TAKES = re.compile(
    r"\b(DROP\s+(TABLE|COLUMN|TYPE|VIEW|FUNCTION)|RENAME|TRUNCATE|SET\s+NOT\s+NULL|ALTER\s+COLUMN\s+\w+\s+TYPE|ADD\s+VALUE)\b",
    re.IGNORECASE,
)
_NEW_AND_DEMANDED = re.compile(
    r"ADD\s+COLUMN\s+(?:(?!DEFAULT|,|;|GENERATED)[\s\S])*NOT\s+NULL(?![^,;]*DEFAULT)", re.IGNORECASE
)


def takes(text: str) -> list[str]:
    statements = re.sub(r"--.*", "", text)
    return [found[0] for pattern in (_TAKES, _NEW_AND_DEMANDED) for found in pattern.finditer(statements)]


def test_what_was_added_since_the_last_release_takes_nothing_from_it_unless_its_name_says_so() -> None:
    files = sorted(resources.path("sql", "migrations").glob("*.sql"))
    taken = {
        file.stem: found
        for file in files
        if int(file.name.split("_")[0]) > _LAST_RELEASED and (found := takes(file.read_text("utf-8")))
    }
    assert {name: found for name, found in taken.items() if not re.match(r"\d{4}_after_\d{4}_", name)} == {}


@pytest.mark.parametrize(
    ("statement", "is_taken"),
    [
        ("ALTER TABLE tasks DROP COLUMN attempt;", True),
        ("ALTER TABLE tasks RENAME COLUMN attempt TO tries;", True),
        ("ALTER TABLE tasks ALTER COLUMN emk_record_id SET NOT NULL;", True),
        ("ALTER TABLE tasks ALTER COLUMN attempt TYPE bigint;", True),
        ("ALTER TABLE tasks ADD COLUMN host text NOT NULL;", True),
        ("ALTER TYPE task_status ADD VALUE 'PAUSED';", True),
        ("ALTER TABLE tasks ADD COLUMN host text NOT NULL DEFAULT '';", False),
        ("ALTER TABLE tasks ADD COLUMN host text; -- not DROP TABLE", False),
        ("CREATE TABLE machines (name text NOT NULL);", False),
    ],
)
def test_what_takes_is_known_from_what_adds(statement: str, *, is_taken: bool) -> None:
    assert bool(takes(statement)) is is_taken
