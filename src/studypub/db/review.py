"""Instances held for a person to look at."""

from collections.abc import Iterable, Sequence
from uuid import UUID

from psycopg.types.json import Jsonb

from studypub.core.people import actor_of
from studypub.core.review import Decision, Held, HeldInstance
from studypub.core.task import Event, LeaseLost, Task, after
from studypub.db.database import Row, Transaction
from studypub.errors import Sentence


async def hold(tx: Transaction, task: Task, held: Iterable[Held]) -> None:
    """Set a running task aside with what a person has to look at; raises LeaseLost."""
    move = {"from": task.status.value, "to": after(task.status, Event.HOLD).value}
    if await tx.one("hold_task", task_id=task.task_id, lease_token=task.lease_token, **move) is None:
        raise LeaseLost
    for instance in held:
        await tx.run(
            "hold_instance",
            task_id=task.task_id,
            uid=instance.uid,
            instances=instance.instances,
            reason=instance.reason,
            reason_text=Jsonb(instance.sentence._asdict()),
            thumbnail=instance.thumbnail,
        )


async def of_task(tx: Transaction, task_id: UUID) -> list[HeldInstance]:
    """Return what is or was held of a task, the undecided first."""
    return [_held(row) for row in await tx.all("held_instances", task_id=task_id)]


async def decisions(tx: Transaction, task_id: UUID) -> dict[str, Decision]:
    """Return what was decided of a task, by the UID of the instance or series."""
    return {held.uid: held.decision for held in await of_task(tx, task_id) if held.decision is not None}


async def thumbnail(tx: Transaction, held_id: UUID, *, clinic_code: str | None) -> bytes | None:
    """Return the small picture (PNG) of a held instance that the asker may see."""
    row = await tx.one("held_thumbnail", held_id=held_id, clinic_code=clinic_code)
    return row["thumbnail"] if row else None


async def decide(
    tx: Transaction, task: Task, held_ids: Sequence[UUID], decision: Decision, *, actor: str
) -> list[UUID]:
    """Write down a decision and forget the pictures; return the instances that were still undecided."""
    rows = await tx.all(
        "decide_held", task_id=task.task_id, held_ids=list(held_ids), decision=decision.value, actor=actor
    )
    return [row["held_id"] for row in rows]


async def release(tx: Transaction, task: Task) -> bool:
    """Queue the task again if nothing is undecided; return whether it was."""
    move = {"from": task.status.value, "to": after(task.status, Event.RELEASE).value}
    return await tx.one("release_task", task_id=task.task_id, **move) is not None


async def forget_thumbnails(tx: Transaction) -> None:
    """Delete the pictures of tasks that have ended while something was undecided."""
    await tx.run("forget_thumbnails")


def _held(row: Row) -> HeldInstance:
    return HeldInstance(
        held_id=row["held_id"],
        uid=row["uid"],
        instances=row["instances"],
        reason=row["reason"],
        sentence=Sentence(**row["reason_text"]),
        has_thumbnail=row["has_thumbnail"],
        decision=Decision(row["decision"]) if row["decision"] else None,
        decided_by=actor_of(row["decided_by"]) if row["decided_by"] else None,
    )
