"""A person looks at what was held back, and the task goes on."""

from collections.abc import Sequence
from uuid import UUID

from studypub.core.review import Decision
from studypub.core.task import Status, Task
from studypub.db import audit, review, tasks
from studypub.db.again import again_on_collision
from studypub.db.database import Database
from studypub.errors import Refused


@again_on_collision
async def decide(
    database: Database,
    task_id: UUID,
    held_ids: Sequence[UUID],
    decision: Decision,
    *,
    actor: str,
    clinic_code: str | None,
) -> Task:
    """Decide about held instances; with the last of them the task is queued again. Raises Refused."""
    async with database.transaction(actor) as tx:
        task = await tasks.find(tx, task_id, clinic_code=clinic_code)
        if task is None or task.status is not Status.NEEDS_REVIEW:
            raise Refused(reason_ru="Это задание не ждёт проверки.", reason_en="This task is not waiting for a review.")
        for held_id in await review.decide(tx, task, held_ids, decision, actor=actor):
            await audit.append(tx, actor, f"held.{decision.value}", str(held_id), task_id=str(task_id))
        if await review.release(tx, task):
            await tasks.wake_workers(tx)
        return await tasks.find(tx, task_id, clinic_code=clinic_code) or task
