"""A study is asked for: answer with its link, with the task that is on it, or queue a new one."""

import logging
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from studypub.core.publication import Publication
from studypub.core.request import PublishRequest
from studypub.core.task import Origin, Task
from studypub.db import audit, studies, tasks
from studypub.db.again import again_on_collision
from studypub.db.database import Database, Transaction
from studypub.errors import InternalError

log = logging.getLogger(__name__)
_TRIES = 5


@dataclass(frozen=True, slots=True)
class Answer:
    """A task and, once it is completed, the publication that it made."""

    task: Task
    publication: Publication | None


@dataclass(frozen=True, slots=True)
class Asker:
    """Who asks: how the audit log names them, by which way, and the account where there is one."""

    actor: str
    origin: Origin
    user_id: UUID | None = None


@again_on_collision
async def request_publication(
    database: Database, request: PublishRequest, asker: Asker, *, search_time: timedelta
) -> Answer:
    """Queue the study unless it is published or in progress; simultaneous requests make one task.

    When this returns, the task is durable. Raises DatabaseUnavailable.
    """
    for _ in range(_TRIES):
        async with database.transaction() as tx:
            answer = await _known(tx, request) or await _queued(tx, request, asker, search_time)
            if answer is not None:
                if asker.user_id is not None:
                    await tasks.add_manual_request(tx, answer.task, user_id=asker.user_id)
                return answer
        # The task that was in the way has ended between the two looks: look again.
    raise InternalError("the study keeps changing state")


async def answer_of(tx: Transaction, task: Task) -> Answer:
    """Return a task with its publication."""
    return Answer(task, await studies.of_task(tx, task.task_id))


async def _known(tx: Transaction, request: PublishRequest) -> Answer | None:
    # In this order: a task that completes between the two looks is seen by the second one.
    task = await tasks.in_progress(tx, request)
    if task is not None:
        return Answer(task, None)
    publication = await studies.live(tx, request)
    if publication is None:
        return None
    task = await tasks.find(tx, publication.task_id, clinic_code=None)
    return Answer(task, publication) if task else None


async def _queued(tx: Transaction, request: PublishRequest, asker: Asker, search_time: timedelta) -> Answer | None:
    task = await tasks.queue(tx, request, origin=asker.origin, requested_by=asker.actor, search_time=search_time)
    if task is None:
        return None
    await audit.append(tx, asker.actor, "task.queued", str(task.task_id), accession_number=task.accession_number)
    await tasks.wake_workers(tx)
    log.info(
        "Исследование %s поставлено в очередь",
        task.accession_number,
        extra={"details": {"pid": task.patient_id, "acsn": task.accession_number, "status": task.status.value}},
    )
    return Answer(task, None)
