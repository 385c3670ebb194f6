"""What was received stays while its task may need it, and no longer; what came unasked is written down."""

import asyncio
from collections.abc import Iterable
from uuid import UUID

from studypub.core.task import RUNNING, Status, Task
from studypub.db import audit, tasks
from studypub.db.database import Database
from studypub.dicom.spool import Spool
from studypub.errors import DiskFull

# A review may take days: originals do not lie about for so long, and are fetched again afterwards.
_NEED_IT = (Status.QUEUED, *RUNNING)


async def tidy(database: Database, spool: Spool) -> int:
    """Remove what was received for tasks that are not being worked on any more or unknown; return for how many.

    Raises DiskFull where the spool cannot be read.
    """
    try:
        task_ids = await asyncio.to_thread(spool.task_ids)
    except OSError as error:
        raise DiskFull("the spool cannot be read") from error
    return await _forget_done(database, spool, task_ids)


async def tidy_after(database: Database, spool: Spool, task: Task) -> int:
    """Remove what was received for this task, unless a further attempt may need it."""
    return await _forget_done(database, spool, [task.task_id])


async def note_unexpected(database: Database, spool: Spool) -> int:
    """Write into the audit log how many instances came that nobody had asked for, and were refused."""
    number = spool.unexpected()
    if number:
        async with database.transaction() as tx:
            await audit.append(tx, "system", "dicom.unexpected_instances", "spool", count=number)
    return number


async def _forget_done(database: Database, spool: Spool, task_ids: Iterable[UUID]) -> int:
    async with database.transaction() as tx:
        found = {task_id: await tasks.find(tx, task_id, clinic_code=None) for task_id in task_ids}
    done = [task_id for task_id, task in found.items() if task is None or task.status not in _NEED_IT]
    return sum([await asyncio.to_thread(spool.forget, task_id) for task_id in done])
