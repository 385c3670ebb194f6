"""Decides what becomes of a task whose attempt has failed."""

import random
from dataclasses import dataclass
from datetime import datetime, timedelta

from studypub.core.task import Task
from studypub.errors import DatabaseUnavailable, DiskFull, PacsAway, PacsFull, StudyNotFound, StudypubError

_LONGEST_DELAY = timedelta(minutes=15)
_NO_FAULT_OF_THE_TASK = (DatabaseUnavailable, DiskFull, PacsAway, PacsFull)
_MENDING_DELAY = timedelta(seconds=30)
MENDING_TIME = timedelta(days=1)
MOST_CRASHES = 3


@dataclass(frozen=True, slots=True)
class Limits:
    """How patient we are."""

    max_attempts: int
    retry_base: timedelta
    search_interval: timedelta


@dataclass(frozen=True, slots=True)
class Later:
    """Try again after `delay`; `attempts` is what the task's count becomes."""

    delay: timedelta
    attempts: int


def after_failure(task: Task, error: StudypubError, limits: Limits, now: datetime) -> Later | None:
    """Return when to try again, or None where the task has failed.

    A study that is not in the PACS yet is looked for until `search_until`; looking costs no attempt. Nor does,
    for a day, what is no fault of the task: a database or a PACS that went away, a disk without room.
    """
    if isinstance(error, _NO_FAULT_OF_THE_TASK) and now - task.created_at < MENDING_TIME:
        return Later(min(_MENDING_DELAY, 2 * limits.retry_base), task.attempt - 1)
    if isinstance(error, StudyNotFound) and now + limits.search_interval < task.search_until:
        return Later(limits.search_interval, task.attempt - 1)
    if error.retry and task.attempt < limits.max_attempts:
        return Later(retry_delay(task.attempt, limits.retry_base), task.attempt)
    return None


def probe_pause(base: timedelta) -> timedelta:
    """Return how long a PACS that is away is left alone: that it is back is known well within a minute."""
    return min(base, _MENDING_DELAY)


def retry_delay(attempt: int, base: timedelta) -> timedelta:
    """Return how long to wait after this many attempts: doubled each time up to a quarter of an hour, ±25 %.

    The jitter keeps tasks that failed together from returning together.
    """
    steady = min(base * (1 << min(attempt - 1, 16)), _LONGEST_DELAY)
    jitter: float = random.uniform(0.75, 1.25)  # noqa: S311 - not a secret
    return steady * jitter
