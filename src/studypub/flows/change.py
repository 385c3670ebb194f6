"""A program changes until when a study is kept, or does not want it any more."""

from contextlib import suppress
from datetime import datetime
from uuid import UUID

from studypub.core.task import IN_PROGRESS
from studypub.db import audit, events, studies, tasks
from studypub.db.again import again_on_collision
from studypub.db.database import Database
from studypub.errors import NotThere, Refused
from studypub.flows.cancel import cancel
from studypub.flows.request import Answer, answer_of
from studypub.flows.withdraw import withdraw


@again_on_collision
async def keep_task_until(
    database: Database, task_id: UUID, till: datetime, *, cut: bool, actor: str, clinic_code: str | None
) -> Answer:
    """Keep what a task has published, or will publish, until then; `cut`: that is less than was asked for.

    Raises NotThere, and Refused where it ended without a link, or its link has closed.
    """
    async with database.transaction(actor) as tx:
        if await tasks.find(tx, task_id, clinic_code=clinic_code) is None:
            raise NotThere(reason_ru="Такого задания нет.", reason_en="There is no such task.")
        # From here on the task cannot be published with another date.
        task = await tasks.set_till(tx, task_id, till, cut=cut)
        publication = await studies.of_task(tx, task_id)
        if publication is not None:
            publication = await studies.keep_until(tx, publication.study_id, till)
        if task is None or (publication is None and task.status not in IN_PROGRESS):
            raise Refused(
                "nothing is kept",
                reason_ru="Хранить нечего: задание завершилось без ссылки или она уже закрыта. Опубликуйте заново.",
                reason_en="Nothing is kept: the task ended without a link, or it has closed. Publish the study anew.",
            )
        await events.append(tx, task_id, "kept", save_till=till.isoformat())
        await audit.append(
            tx,
            actor,
            "study.kept_until" if publication else "task.kept_until",
            str(publication.study_id if publication else task_id),
            accession_number=task.accession_number,
            save_till=till.isoformat(),
        )
        return Answer(task, publication)


async def give_up(database: Database, task_id: UUID, *, actor: str, clinic_code: str | None) -> Answer:
    """Cancel a task, or close the link that it made; what has ended already stays as it is. Raises NotThere."""
    try:
        await cancel(database, task_id, actor=actor, clinic_code=clinic_code)
    except NotThere:
        raise
    except Refused:  # it has ended
        async with database.transaction() as tx:
            publication = await studies.of_task(tx, task_id)
        if publication is not None:
            with suppress(NotThere):
                await withdraw(database, publication.study_id, actor=actor, clinic_code=clinic_code)
    async with database.transaction() as tx:
        task = await tasks.find(tx, task_id, clinic_code=clinic_code)
        if task is None:
            raise NotThere(reason_ru="Такого задания нет.", reason_en="There is no such task.")
        return await answer_of(tx, task)
