"""Requests that programs have named, so that asking again is answered with the same task."""

from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from studypub.db.database import Transaction


@dataclass(frozen=True, slots=True)
class Named:
    """What was asked for under a name: the hash of it, and the task that it was answered with."""

    body_sha256: bytes
    task_id: UUID


async def find(tx: Transaction, key_id: str, name: str) -> Named | None:
    """Return what a program has asked for under this name."""
    row = await tx.one("named_request", key_id=key_id, name=name)
    return Named(row["body_sha256"], row["task_id"]) if row else None


async def add(tx: Transaction, key_id: str, name: str, named: Named) -> None:
    """Remember it; what stands there already stays."""
    await tx.run("name_request", key_id=key_id, name=name, body_sha256=named.body_sha256, task_id=named.task_id)


async def sweep(tx: Transaction, *, age: timedelta) -> None:
    """Forget what is older."""
    await tx.run("sweep_named_requests", age=age)
