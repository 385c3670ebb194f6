"""The state machine, pair by pair."""

import pytest

from studypub.core.task import (
    ENDED,
    IN_PROGRESS,
    RUNNING,
    TRANSITIONS,
    Event,
    IllegalTransition,
    Status,
    after,
)

# Rows: from. The words are the product's; what is not written here must not happen.
ALLOWED = """
QUEUED        claim=SEARCHING  cancel=CANCELLED  fail=FAILED
SEARCHING     claim=SEARCHING  cancel=CANCELLED  postpone=QUEUED  fail=FAILED  found=RETRIEVING
RETRIEVING    claim=SEARCHING  cancel=CANCELLED  postpone=QUEUED  fail=FAILED  received=PROCESSING
PROCESSING    claim=SEARCHING  cancel=CANCELLED  postpone=QUEUED  fail=FAILED  prepared=UPLOADING  hold=NEEDS_REVIEW
UPLOADING     claim=SEARCHING  cancel=CANCELLED  postpone=QUEUED  fail=FAILED  published=COMPLETED  expire=EXPIRED
NEEDS_REVIEW  cancel=CANCELLED  release=QUEUED
COMPLETED     cancel=CANCELLED  expire=EXPIRED
FAILED        again=QUEUED
CANCELLED     again=QUEUED
EXPIRED
"""


def _allowed() -> dict[tuple[Status, Event], Status]:
    table = {}
    for line in ALLOWED.strip().splitlines():
        status, *steps = line.split()
        for step in steps:
            event, _, to = step.partition("=")
            table[Status(status), Event(event)] = Status(to)
    return table


@pytest.mark.parametrize("event", Event)
@pytest.mark.parametrize("status", Status)
def test_every_event_in_every_state(status: Status, event: Event) -> None:
    expected = _allowed().get((status, event))
    if expected is None:
        with pytest.raises(IllegalTransition, match=f"{event} in {status}"):
            after(status, event)
    else:
        assert after(status, event) is expected


def test_the_table_holds_nothing_else() -> None:
    assert _allowed() == TRANSITIONS


def test_every_state_can_be_reached_and_running_ones_can_be_left() -> None:
    assert set(TRANSITIONS.values()) == set(Status)
    for status in IN_PROGRESS:
        assert (status, Event.CANCEL) in TRANSITIONS
    for status in RUNNING:
        assert {TRANSITIONS[status, event] for event in (Event.POSTPONE, Event.FAIL)} == {Status.QUEUED, Status.FAILED}


def test_states_are_either_in_progress_or_ended() -> None:
    assert set(IN_PROGRESS) | set(ENDED) == set(Status)
    assert not set(IN_PROGRESS) & set(ENDED)
    assert set(RUNNING) < set(IN_PROGRESS)
