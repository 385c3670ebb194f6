"""Which machine has a place beside others on one database."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from studypub.core.machines import SILENT, Collision, Kind, Machine, beats, collision

NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)
JUST_NOW, LONG_AGO = NOW - timedelta(seconds=1), NOW - SILENT
ME = Machine(
    machine_id=UUID(int=1),
    run=UUID(int=11),
    name="one",
    ae_title="STUDYPUB1",
    place="boot folder",
    version="1",
    started_at=NOW,
    seen_at=JUST_NOW,
)
BEFORE = replace(ME, run=UUID(int=10))
OTHER = replace(ME, machine_id=UUID(int=2), run=UUID(int=20), ae_title="STUDYPUB2", place="boot elsewhere")


@pytest.mark.parametrize(
    ("other", "kind"),
    [
        (OTHER, None),
        (BEFORE, None),  # it crashed a moment ago: the folder's lock is ours
        (replace(BEFORE, ae_title="STUDYPUB0"), None),  # and was given another AE title since
        (replace(BEFORE, place="another boot"), Kind.COPY),
        (replace(BEFORE, place="another boot", seen_at=LONG_AGO), None),
        (replace(BEFORE, place="another boot", left_at=JUST_NOW), None),
        (replace(OTHER, ae_title="STUDYPUB1"), Kind.AE_TITLE),
        (replace(OTHER, ae_title="STUDYPUB1", seen_at=LONG_AGO), None),
        (replace(OTHER, ae_title="STUDYPUB1", left_at=JUST_NOW), None),
    ],
)
def test_a_machine_collides_only_with_those_that_live(other: Machine, kind: Kind | None) -> None:
    found = collision(ME, [replace(OTHER, machine_id=UUID(int=3), ae_title="STUDYPUB3"), other], NOW)
    assert found == (None if kind is None else Collision(kind, other))


@pytest.mark.parametrize(
    ("later", "does"),
    [
        (OTHER, False),
        (replace(OTHER, seen_at=NOW), True),
        (replace(OTHER, seen_at=NOW, run=UUID(int=21)), False),  # begun anew: whether it beats is not known yet
    ],
)
def test_who_beats_lives(later: Machine, *, does: bool) -> None:
    assert beats(Collision(Kind.AE_TITLE, OTHER), Collision(Kind.AE_TITLE, later)) is does
