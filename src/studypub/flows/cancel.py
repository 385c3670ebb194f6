"""A person does not want a task any more, or wants it tried again."""

from datetime import timedelta
from uuid import UUID

from studypub.core.task import Task
from studypub.db import audit, studies, tasks
from studypub.db.again import again_on_collision
from studypub.db.database import Database, Transaction
from studypub.errors import AlreadyInProgress, NotThere, Refused


@again_on_collision
async def cancel(database: Database, task_id: UUID, *, actor: str, clinic_code: str | None) -> Task:
    """Cancel a task that has not ended; its worker drops what it has. Raises Refused."""
    async with database.transaction(actor) as tx:
        task = await _require(tx, task_id, clinic_code)
        cancelled = await tasks.cancel(tx, task)
        if cancelled is None:
            raise Refused(
                task.status.value,
                reason_ru="Это задание уже завершено.",
                reason_en="This task has ended already.",
            )
        await audit.append(tx, actor, "task.cancelled", str(task_id), accession_number=task.accession_number)
        return cancelled


@again_on_collision
async def try_again(
    database: Database, task_id: UUID, *, actor: str, clinic_code: str | None, search_time: timedelta
) -> Task:
    """Queue a failed or cancelled task once more. Raises Refused, AlreadyInProgress."""
    async with database.transaction(actor) as tx:
        task = await _require(tx, task_id, clinic_code)
        if await studies.live(tx, task):
            raise AlreadyInProgress(task.status.value)
        if await studies.of_task(tx, task.task_id):
            raise Refused(
                "published once",
                reason_ru="Публикация этого задания отозвана или истекла. Запросите исследование заново.",
                reason_en="This task's publication was withdrawn or has expired. Request the study anew.",
            )
        queued = await tasks.requeue(tx, task, search_time=search_time)
        if queued is None:
            raise Refused(
                task.status.value,
                reason_ru="Повторить можно только задание с ошибкой или отменённое.",
                reason_en="Only a failed or cancelled task can be retried.",
            )
        await audit.append(tx, actor, "task.retried", str(task_id), accession_number=task.accession_number)
        await tasks.wake_workers(tx)
        return queued


async def _require(tx: Transaction, task_id: UUID, clinic_code: str | None) -> Task:
    task = await tasks.find(tx, task_id, clinic_code=clinic_code)
    if task is None:
        raise NotThere(reason_ru="Такого задания нет.", reason_en="There is no such task.")
    return task
