"""What an attempt came to, read from a task's steps."""

from datetime import UTC, datetime, timedelta
from typing import Any

from studypub.core.attempt import OUTCOMES, Step, newest
from studypub.core.task import Status

BEGAN = datetime(2026, 3, 1, tzinfo=UTC)


def steps(*told: tuple[float, str] | tuple[float, str, dict[str, Any]]) -> list[Step]:
    return [Step(BEGAN + timedelta(seconds=one[0]), one[1], one[2] if len(one) > 2 else {}) for one in told]


def test_a_study_that_was_published() -> None:
    found = newest(steps(
        (0, "queued"), (2, "claimed", {"taken_over": False}), (3, "found"), (6, "received"), (10, "prepared"),
        (11, "stored"), (15, "published"), (99, "withdrawn"),
    ))  # fmt: skip
    assert found is not None
    assert (found.outcome, found.taken_over, found.code, found.missing) == ("published", False, None, 0)
    assert found.stays == (
        (Status.QUEUED, 2), (Status.SEARCHING, 1), (Status.RETRIEVING, 3), (Status.PROCESSING, 4), (Status.UPLOADING, 5)
    )  # fmt: skip


def test_only_the_newest_attempt_counts_and_its_missing_images() -> None:
    found = newest(steps(
        (0, "queued"), (1, "claimed"), (2, "found"), (4, "postponed", {"code": "PACS_UNREACHABLE"}),
        (14, "claimed", {"taken_over": True}), (15, "found"),
        (18, "failed", {"code": "INCOMPLETE_RETRIEVE", "received": 3, "expected": 10}),
    ))  # fmt: skip
    assert found is not None
    assert (found.outcome, found.taken_over, found.code, found.missing) == ("failed", True, "INCOMPLETE_RETRIEVE", 7)
    assert found.stays == ((Status.QUEUED, 10), (Status.SEARCHING, 1), (Status.RETRIEVING, 3))


def test_none_of_it_arrived() -> None:
    found = newest(steps((0, "claimed"), (1, "postponed", {"code": "INCOMPLETE_RETRIEVE", "expected": 5})))
    assert found is not None
    assert found.missing == 5


def test_one_that_wrote_no_end_down() -> None:
    found = newest(steps((0, "queued"), (1, "claimed"), (2, "found")))
    assert found is not None
    assert found.outcome is None
    assert found.stays == ((Status.QUEUED, 1), (Status.SEARCHING, 1))


def test_no_attempt() -> None:
    assert newest(steps((0, "queued"), (1, "cancelled"))) is None
    assert "cancelled" in OUTCOMES
