"""Takes what an administrator sets, here or on another machine, for as long as the daemon runs."""

import asyncio
from contextlib import suppress

from studypub.config import Current
from studypub.db.database import Database
from studypub.errors import DatabaseUnavailable
from studypub.flows.take_clinics import take_clinics

_LOOK_SECONDS = 60.0


async def follow_clinics(current: Current, database: Database, changed: asyncio.Event) -> None:
    """Take the clinics whenever one has changed, never to return; and every minute, since word of it may be lost."""
    while True:
        with suppress(TimeoutError):
            await asyncio.wait_for(changed.wait(), _LOOK_SECONDS)
        changed.clear()
        with suppress(DatabaseUnavailable):  # whoever claims says so
            await take_clinics(current, database)
