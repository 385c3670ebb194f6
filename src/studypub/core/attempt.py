"""What an attempt at a task came to, read from the steps that its task has written down."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from typing import Any, NamedTuple

from studypub.core.task import Status
from studypub.errors import IncompleteRetrieve

# The state that a step leads to, as sql/migrations/0011 names the steps.
_STATES = {
    "queued": Status.QUEUED,
    "postponed": Status.QUEUED,
    "decided": Status.QUEUED,
    "again": Status.QUEUED,
    "claimed": Status.SEARCHING,
    "found": Status.RETRIEVING,
    "received": Status.PROCESSING,
    "prepared": Status.UPLOADING,
}
OUTCOMES = ("published", "held", "postponed", "failed", "cancelled", "expired")


class Step(NamedTuple):
    """One step: when, which, and the numbers that belong to it."""

    at: datetime
    kind: str
    details: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Attempt:
    """How it ended, None where that is not written down; the error's code; how many instances did not come.

    `stays`: how long the task was in each state, its waiting before included, in seconds.
    """

    taken_over: bool
    outcome: str | None
    code: str | None
    missing: int
    stays: tuple[tuple[Status, float], ...]


def newest(steps: Sequence[Step]) -> Attempt | None:
    """Return the newest attempt of a task, whose newest steps these are, in order; None where there is none."""
    claims = [place for place, step in enumerate(steps) if step.kind == "claimed"]
    if not claims:
        return None
    begin = claims[-1]
    ends = [place for place in range(begin, len(steps)) if steps[place].kind in OUTCOMES]
    end = ends[0] if ends else len(steps) - 1
    last = steps[end] if ends else None
    changes = [step for step in steps[max(begin - 1, 0) : end + 1] if step.kind in _STATES or step is last]
    stays = tuple(
        (_STATES[before.kind], (after.at - before.at).total_seconds())
        for before, after in pairwise(changes)
        if before.kind in _STATES
    )
    details = last.details if last else {}
    code = details.get("code")
    missing = details.get("expected", 0) - details.get("received", 0) if code == IncompleteRetrieve.code else 0
    return Attempt(
        bool(steps[begin].details.get("taken_over")), last.kind if last else None, code, max(0, missing), stays
    )
