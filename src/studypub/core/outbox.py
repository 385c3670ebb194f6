"""Messages to others: what each is, and when one that was not taken is tried again."""

import random
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from studypub.core.task import Status
from studypub.errors import Sentence

GIVEN_UP_AFTER = timedelta(days=1)
_FIRST_PAUSE = timedelta(seconds=5)
_LONGEST_PAUSE = timedelta(hours=2)


class Kind(StrEnum):
    """By which way a message goes."""

    WEBHOOK = "webhook"
    EMAIL = "email"
    SMS = "sms"
    FHIR = "fhir"


class State(StrEnum):
    """What became of a message."""

    HELD = "held"  # until somebody lets it go
    PENDING = "pending"
    SENT = "sent"
    FAILED = "failed"  # given up


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One message. `target`: who takes it; `tried_since`: from when on the day runs after which it is given up."""

    message_id: UUID
    task_id: UUID
    status: Status
    kind: Kind
    target: str
    key_id: str | None
    state: State
    attempt: int
    due_at: datetime | None
    lease_token: UUID | None
    tried_since: datetime
    error_code: str | None
    error_text: Sentence | None
    created_at: datetime
    sent_at: datetime | None


def next_try(attempt: int, tried_since: datetime, now: datetime) -> datetime | None:
    """Return when to try again after so many attempts in vain; None once a day has passed.

    The pauses grow threefold from 5 s to 2 h, ±20 %, so that those that failed together do not come back together; the
    last try is at the end of the day.
    """
    end = tried_since + GIVEN_UP_AFTER
    if now >= end:
        return None
    steady: timedelta = min(_FIRST_PAUSE * 3 ** min(max(attempt, 1) - 1, 8), _LONGEST_PAUSE)
    jitter: float = random.uniform(0.8, 1.2)  # noqa: S311 - not a secret
    return min(now + steady * jitter, end)
