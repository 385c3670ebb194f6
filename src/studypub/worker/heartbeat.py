"""Keeps the lease of a running task, and says in time when it can no longer be kept."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta

from studypub.core.task import Task
from studypub.db import tasks
from studypub.db.database import Database
from studypub.errors import DatabaseUnavailable
from studypub.flows.retrieve import Progress

_BEAT_SECONDS = 2.0


async def keep_lease(
    database: Database, task: Task, lease: timedelta, progress: Progress, beaten: Callable[[], None]
) -> None:
    """Extend the lease again and again, never to return; `beaten` is called at every beat, also a vain one.

    Raises LeaseLost when the task is somebody else's, and DatabaseUnavailable when a third of the lease is left and
    it could not be extended: whoever does the work has to stop before another begins it.
    """
    loop = asyncio.get_running_loop()
    seconds = lease.total_seconds()
    kept_until = loop.time() + seconds
    while True:
        await asyncio.sleep(min(_BEAT_SECONDS, seconds / 4))
        beaten()
        began = loop.time()
        give_up = kept_until - seconds / 3
        if await _extended(database, task, lease, progress, give_up - began):
            kept_until = began + seconds
        elif loop.time() >= give_up:
            raise DatabaseUnavailable("the lease could not be extended")


async def _extended(database: Database, task: Task, lease: timedelta, progress: Progress, seconds: float) -> bool:
    beat = asyncio.create_task(_extend(database, task, lease, progress))
    try:
        # A connection that hangs takes ten more seconds to be given up, which are not ours to wait.
        await asyncio.wait([beat], timeout=max(0.0, seconds))
        return beat.done() and await beat
    finally:
        beat.cancel()


async def _extend(database: Database, task: Task, lease: timedelta, progress: Progress) -> bool:
    with suppress(DatabaseUnavailable):
        async with database.transaction() as tx:
            received, received_bytes = progress.received, progress.received_bytes
            await tasks.extend_lease(tx, task, lease=lease, received=received, received_bytes=received_bytes)
        return True
    return False
