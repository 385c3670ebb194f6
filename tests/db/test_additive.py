"""An upgrade adds: the version before goes on working beside the new one."""

import re

import pytest

from studypub import resources

# What was there before the rule; to be raised with every release.
_LAST_RELEASED = 32
# What takes something from a version that is still running. Each that must is named here, with the version after which
# nobody needs what it takes.
_TAKES = re.compile(
    r"\b(DROP\s+(TABLE|COLUMN|TYPE|VIEW|FUNCTION)|RENAME|TRUNCATE|SET\s+NOT\s+NULL|ALTER\s+COLUMN\s+\w+\s+TYPE)\b",
    re.IGNORECASE,
)
_NEW_AND_DEMANDED = re.compile(
    r"ADD\s+COLUMN\s+(?:(?!DEFAULT|,|;|GENERATED)[\s\S])*NOT\s+NULL(?![^,;]*DEFAULT)", re.IGNORECASE
)
_CONTRACTS: dict[str, str] = {}


def takes(text: str) -> list[str]:
    statements = re.sub(r"--.*", "", text)
    return [found[0] for pattern in (_TAKES, _NEW_AND_DEMANDED) for found in pattern.finditer(statements)]


def test_what_was_added_since_the_last_release_takes_nothing_from_it() -> None:
    files = sorted(resources.path("sql", "migrations").glob("*.sql"))
    taken = {
        file.stem: found
        for file in files
        if int(file.name.split("_")[0]) > _LAST_RELEASED and (found := takes(file.read_text("utf-8")))
    }
    assert set(taken) == set(_CONTRACTS), taken


@pytest.mark.parametrize(
    ("statement", "is_taken"),
    [
        ("ALTER TABLE tasks DROP COLUMN attempt;", True),
        ("ALTER TABLE tasks RENAME COLUMN attempt TO tries;", True),
        ("ALTER TABLE tasks ALTER COLUMN emk_record_id SET NOT NULL;", True),
        ("ALTER TABLE tasks ALTER COLUMN attempt TYPE bigint;", True),
        ("ALTER TABLE tasks ADD COLUMN host text NOT NULL;", True),
        ("ALTER TABLE tasks ADD COLUMN host text NOT NULL DEFAULT '';", False),
        ("ALTER TABLE tasks ADD COLUMN host text; -- not DROP TABLE", False),
        ("CREATE TABLE machines (name text NOT NULL);", False),
    ],
)
def test_what_takes_is_known_from_what_adds(statement: str, *, is_taken: bool) -> None:
    assert bool(takes(statement)) is is_taken
