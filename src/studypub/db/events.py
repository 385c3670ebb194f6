"""What has happened to a task, step by step; changes of state write themselves down (sql/migrations/0011)."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg.types.json import Jsonb

from studypub.core.people import Actor, actor_of
from studypub.db.database import Row, Transaction
from studypub.errors import Sentence


@dataclass(frozen=True, slots=True)
class TaskEvent:
    """One step: what it was, numbers that belong to it, and what a person is told where something was in the way.

    `actor`: whose step it was, where it was not the program's own.
    """

    at: datetime
    kind: str
    details: dict[str, Any]
    sentence: Sentence | None
    actor: Actor | None


async def of_task(tx: Transaction, task_id: UUID) -> list[TaskEvent]:
    """Return a task's steps in order."""
    return [_event(row) for row in await tx.all("task_events", task_id=task_id)]


async def append(tx: Transaction, task_id: UUID, kind: str, **details: object) -> None:
    """Write down a step that changes no state."""
    tx.note("add_task_event", task_id=task_id, kind=kind, details=Jsonb(details))


def _event(row: Row) -> TaskEvent:
    return TaskEvent(
        row["at"],
        row["kind"],
        row["details"],
        Sentence(**row["sentence"]) if row["sentence"] else None,
        actor_of(row["actor"], row["key_name"]) if row["actor"] else None,
    )
