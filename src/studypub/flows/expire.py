"""What has come to its date is closed, and what nobody needs is deleted from the store."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from datetime import timedelta
from functools import partial

from studypub.core.task import Event
from studypub.db import audit, named_requests, people, recipients, reports, review, studies, tasks, throttle
from studypub.db.again import again_on_collision
from studypub.db.database import Database, Transaction
from studypub.errors import StudypubError
from studypub.flows.request_named import KEPT_FOR
from studypub.flows.sign_in import BROWSER_LIFETIME
from studypub.store.base import Store

log = logging.getLogger(__name__)
_BATCH = 100
_LONGEST_UPLOAD = timedelta(hours=1)
_ADDRESSES_KEPT = timedelta(days=7)
_REPORTS_KEPT = timedelta(days=7)
_STRANGERS_HELD = timedelta(days=7)


@again_on_collision
async def expire(database: Database) -> int:
    """Close every publication whose date has come; return how many. Running it twice does nothing twice."""
    closed = 0
    while True:
        async with database.transaction() as tx:
            due = await studies.expire_due(tx, limit=_BATCH)
            for publication in due:
                await tasks.close_with_study(tx, publication.task_id, Event.EXPIRE)
                await audit.append(
                    tx,
                    "system",
                    "study.expired",
                    str(publication.study_id),
                    accession_number=publication.accession_number,
                )
        for publication in due:
            log.info(
                "Срок хранения исследования %s истёк",
                publication.accession_number,
                extra={
                    "details": {
                        "pid": publication.patient_id,
                        "acsn": publication.accession_number,
                        "status": "EXPIRED",
                    }
                },
            )
        closed += len(due)
        if len(due) < _BATCH:
            return closed


async def sweep(database: Database, store: Store) -> int:
    """Delete from the store what no live link and no running task needs; return how many objects.

    What uploads left that broke off long ago goes too.

    An object that the store does not let go stays on the list for the next time.
    """
    async with database.transaction() as tx:
        await people.sweep_sessions(tx)
        await people.sweep_browsers(tx, lifetime=BROWSER_LIFETIME)
        await throttle.sweep(tx)
        await named_requests.sweep(tx, age=KEPT_FOR)
        await review.forget_thumbnails(tx)
        await recipients.forget_of_failed(tx, age=_ADDRESSES_KEPT)
        await reports.forget_of_failed(tx, age=_REPORTS_KEPT)
    deleted = await _delete(
        database,
        store,
        partial(studies.objects_to_delete, upload=_LONGEST_UPLOAD, limit=_BATCH),
        studies.object_deleted,
    )
    deleted += await _delete(
        database, store, partial(reports.to_delete, upload=_LONGEST_UPLOAD, limit=_BATCH), reports.deleted
    )
    deleted += await _delete(
        database,
        store,
        partial(studies.strangers_to_delete, hold=_STRANGERS_HELD, limit=_BATCH),
        studies.stranger_deleted,
    )
    await asyncio.to_thread(store.sweep, _LONGEST_UPLOAD)
    return deleted


async def _delete(
    database: Database,
    store: Store,
    due: Callable[[Transaction], Awaitable[list[str]]],
    note: Callable[[Transaction, str], Awaitable[None]],
) -> int:
    """Delete what is due, batch by batch, and note each object when it is gone; return how many are."""
    deleted = 0
    while True:
        async with database.transaction() as tx:
            keys = await due(tx)
        gone = 0
        for key in keys:
            try:
                await asyncio.to_thread(store.delete, key)
            except StudypubError:
                log.exception("Не удалось удалить архив из хранилища")
                continue
            async with database.transaction() as tx:
                await note(tx, key)
            gone += 1
        deleted += gone
        if len(keys) < _BATCH or not gone:
            return deleted
