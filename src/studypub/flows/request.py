"""A study is asked for: answer with its link, with the task that is on it, or queue a new one."""

import logging
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from studypub.core.publication import Publication
from studypub.core.request import PublishRequest, completed
from studypub.core.task import Origin, Task
from studypub.db import audit, events, studies, tasks
from studypub.db.again import again_on_collision
from studypub.db.database import Database, Transaction
from studypub.errors import InternalError, QueueFull, Refused
from studypub.flows import passwords

log = logging.getLogger(__name__)
_TRIES = 5
_QUEUE_PAUSE = timedelta(minutes=1)


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
    database: Database,
    request: PublishRequest,
    asker: Asker,
    *,
    search_time: timedelta,
    most_in_progress: int | None = None,
) -> Answer:
    """Queue the study unless it is published or in progress; simultaneous requests make one task.

    A PIN that the request names holds for what is known already, too. A person who asks again for what was asked for
    before need not tell the rest again, and its link does not lose its PIN; a program says all that it wants.
    `most_in_progress`: for the request's clinic. When this returns, the task is durable. Raises DatabaseUnavailable
    and QueueFull, and Refused where another study has the number.
    """
    pin_hash = await passwords.hashed(request.pin) if request.pin else None
    for _ in range(_TRIES):
        async with database.transaction(asker.actor) as tx:
            answer, is_full = await _standing(tx, request, most_in_progress)
            if answer is None:
                if is_full:
                    raise QueueFull(_QUEUE_PAUSE)
                answer = await _queued(tx, request, asker, search_time, pin_hash)
            else:
                _require_same(request, answer.task)
                if pin_hash is not None:
                    answer = await _with_pin(tx, answer, asker, pin_hash)
            if answer is not None:
                if asker.user_id is not None:
                    await tasks.add_manual_request(tx, answer.task, user_id=asker.user_id)
                return answer
        # The task that was in the way has ended between the two looks: look again.
    raise InternalError("the study keeps changing state")


async def answer_of(tx: Transaction, task: Task) -> Answer:
    """Return a task with its publication."""
    return Answer(task, await studies.of_task(tx, task.task_id))


async def known(tx: Transaction, request: PublishRequest) -> Answer | None:
    """Return the task that is on the study, or its open publication; None where it has to be queued."""
    return (await _standing(tx, request, None))[0]


async def _standing(tx: Transaction, request: PublishRequest, most: int | None) -> tuple[Answer | None, bool]:
    """Return what is known, and whether there is no room for what is not."""
    while True:
        found = await tasks.standing(tx, request, most)
        if found.task is not None:
            return Answer(found.task, None), False
        if not found.is_live:
            return None, found.is_full
        publication = await studies.live(tx, request)
        if publication is not None:
            task = await tasks.find(tx, publication.task_id, clinic_code=None)
            return Answer(task, publication) if task else None, False
        # It has ended between the two looks: look again.


def _require_same(request: PublishRequest, task: Task) -> None:
    """Refuse to answer with another study than the one that was picked."""
    on_it = task.chosen_study_uid or task.study_instance_uid
    if request.chosen_study_uid is not None and on_it is not None and request.chosen_study_uid != on_it:
        raise Refused(
            "another study",
            reason_ru="Под этим номером уже публикуется или опубликовано другое исследование этого пациента. "
            "Отзовите его, если нужно это.",
            reason_en="Another study of this patient is published, or being published, under this number. "
            "Withdraw that one if you need this one.",
        )


async def _with_pin(tx: Transaction, answer: Answer, asker: Asker, pin_hash: str) -> Answer | None:
    """Give what is known already the PIN; None where it has just ended."""
    task_id = answer.task.task_id
    if answer.publication is None:
        if not await tasks.set_pin(tx, task_id, pin_hash):
            return None
        await events.append(tx, task_id, "pin_set")
        await audit.append(tx, asker.actor, "task.pin_set", str(task_id))
        return answer
    publication = await studies.set_pin(tx, answer.publication.study_id, pin_hash, clinic_code=None)
    if publication is None:
        return None
    await events.append(tx, task_id, "pin_set")
    await audit.append(tx, asker.actor, "study.pin_set", str(publication.study_id))
    return Answer(answer.task, publication)


async def _queued(
    tx: Transaction, request: PublishRequest, asker: Asker, search_time: timedelta, pin_hash: str | None
) -> Answer | None:
    earlier = await tasks.earlier(tx, request) if asker.origin is not Origin.MIS else None
    if earlier is not None:
        request, pin_hash = completed(request, earlier), pin_hash or earlier.pin_hash
    task = await tasks.queue(
        tx,
        request,
        origin=asker.origin,
        requested_by=asker.actor,
        search_time=search_time,
        pin_hash=pin_hash,
    )
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
