"""Tells systemd in words what the daemon does; `systemctl status` shows it."""

import asyncio
from collections.abc import Mapping

from studypub.core.task import Status
from studypub.db import watch
from studypub.db.database import Database
from studypub.errors import DatabaseUnavailable
from studypub.worker.loop import WorkerLoop
from studypub.worker.watchdog import notify

_LOOK_SECONDS = 5.0


async def tell_status(environment: Mapping[str, str], loop: WorkerLoop, database: Database) -> None:
    """Tell it again whenever it is another, never to return; where nobody is told, nothing is looked up."""
    told = ""
    while True:
        status = await _status(loop, database) if environment.get("NOTIFY_SOCKET") else told
        if status != told:
            notify(environment, f"STATUS={status}")
            told = status
        await asyncio.sleep(_LOOK_SECONDS)


async def _status(loop: WorkerLoop, database: Database) -> str:
    try:
        async with database.transaction() as tx:
            waiting, _ = (await watch.in_progress(tx)).get(Status.QUEUED, (0, None))
    except DatabaseUnavailable:
        return "База данных недоступна, задания ждут"
    return f"Заданий в работе: {loop.busy}, ждут: {waiting}"
