"""What has happened to a task, step by step; changes of state write themselves down (sql/migrations/0011)."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg.types.json import Jsonb

from studypub.db.database import Transaction
from studypub.errors import Sentence


@dataclass(frozen=True, slots=True)
class TaskEvent:
    """One step: what it was, numbers that belong to it, and what a person is told where something was in the way."""

    at: datetime
    kind: str
    details: dict[str, Any]
    sentence: Sentence | None


async def of_task(tx: Transaction, task_id: UUID) -> list[TaskEvent]:
    """Return a task's steps in order."""
    return [
        TaskEvent(row["at"], row["kind"], row["details"], Sentence(**row["sentence"]) if row["sentence"] else None)
        for row in await tx.all("task_events", task_id=task_id)
    ]


async def append(tx: Transaction, task_id: UUID, kind: str, **details: object) -> None:
    """Write down a step that changes no state."""
    await tx.run("add_task_event", task_id=task_id, kind=kind, details=Jsonb(details))
