"""An administrator lets a study be published though the PACS does not deliver all of it."""

from datetime import timedelta
from uuid import UUID

from studypub.core.task import Task
from studypub.db import audit, tasks
from studypub.db.again import again_on_collision
from studypub.db.database import Database
from studypub.errors import Refused

LONGEST_REASON = 500


@again_on_collision
async def publish_received(
    database: Database, task_id: UUID, reason: str, *, actor: str, clinic_code: str | None, search_time: timedelta
) -> Task:
    """Queue the task once more, this time content with what comes; the reason is kept in the log. Raises Refused.

    `Task.partial_reason` tells the retrieval that an administrator takes less than the PACS lists.
    """
    if not 1 <= len(reason.strip()) <= LONGEST_REASON:
        raise Refused(
            "no reason",
            reason_ru=f"Напишите, почему исследование публикуется неполным: до {LONGEST_REASON} знаков.",
            reason_en=f"Say why the study is published in part: up to {LONGEST_REASON} characters.",
        )
    async with database.transaction(actor) as tx:
        task = await tasks.find(tx, task_id, clinic_code=clinic_code)
        if task is None or not task.lacks_images:
            raise Refused(
                "not incomplete",
                reason_ru="Так можно поступить только с заданием, которому не хватило изображений.",
                reason_en="This is only for a task that failed because images were missing.",
            )
        queued = await tasks.requeue(tx, task, search_time=search_time, partial_reason=reason.strip())
        if queued is None:
            raise Refused(task.status.value, reason_ru="Задание уже изменилось.", reason_en="The task has changed.")
        await audit.append(
            tx,
            actor,
            "task.partial_allowed",
            str(task_id),
            accession_number=task.accession_number,
            reason=reason.strip(),
            received=task.received,
            expected=task.expected,
        )
        await tasks.wake_workers(tx)
        return queued
