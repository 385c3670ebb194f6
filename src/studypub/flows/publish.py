"""The archive goes to the store, is checked there, and its link goes live."""

import logging
from collections.abc import Callable

from studypub.config import Retention
from studypub.core.publication import Part, Publication, keep_until
from studypub.core.task import Event, Task
from studypub.db import audit, events, settings, studies, tasks
from studypub.db.again import again_on_collision
from studypub.db.database import Database
from studypub.db.studies import StoredArchive
from studypub.flows.packing import Prepared
from studypub.flows.send import Sending

log = logging.getLogger(__name__)


async def store_archive(
    sending: Sending, prepared: Prepared, release: Callable[[], None], *, profile: str, deid_key: bytes
) -> StoredArchive:
    """Let the archive be stored whole, and its companion beside it. Raises as Sending.finish does."""
    summary = prepared.summary
    object_key, companion = await sending.finish(prepared, release)
    return StoredArchive(
        object_key=object_key,
        size=summary.size,
        sha256=summary.sha256,
        instances=summary.instances,
        modalities=summary.modalities,
        profile=profile,
        deid_key=deid_key,
        shown_date=prepared.shown_date,
        companion=companion,
    )


@again_on_collision
async def publish(
    database: Database,
    task: Task,
    archive: StoredArchive,
    retention: Retention,
    part: Part | None = None,
    *,
    own_days: int = 0,
) -> Publication | None:
    """Complete the task and make its link live, both or neither; None where its date has come meanwhile.

    `own_days`: how long its clinic keeps what nobody named a date for; 0: as all do.

    Raises LeaseLost, AlreadyInProgress where another task has published the study.
    """
    async with database.transaction() as tx:
        now = await tx.now()
        days = own_days or await settings.integer(tx, settings.RETENTION_DEFAULT_DAYS, retention.default_days)
        save_till = keep_until(await tasks.till(tx, task), now, days)
        if save_till <= now:
            await tasks.end(tx, task, Event.EXPIRE)
            return None
        await events.append(tx, task.task_id, "stored", size=archive.size, instances=archive.instances)
        await tasks.end(tx, task, Event.PUBLISHED)
        if expired := await studies.expire_one(tx, task):
            await tasks.close_with_study(tx, expired.task_id, Event.EXPIRE)
        publication = await studies.publish(tx, task, archive, save_till=save_till, part=part)
        await audit.append(
            tx,
            "system",
            "study.published",
            str(publication.study_id),
            accession_number=task.accession_number,
            task_id=str(task.task_id),
            instances=archive.instances,
            covered=task.covered,
            faces=task.faces,
            profile=archive.profile,
            save_till=save_till.isoformat(),
            **({"part": True, "missing": part.missing} if part else {}),
        )
    log.info(
        "Исследование %s успешно опубликовано",
        task.accession_number,
        extra={"details": {"pid": task.patient_id, "acsn": task.accession_number, "status": "COMPLETED"}},
    )
    return publication
