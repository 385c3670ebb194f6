"""Asks PACSes that are away whether they are back, for as long as the daemon runs."""

import asyncio
from contextlib import suppress

from studypub.config import Current
from studypub.db.database import Database
from studypub.errors import DatabaseUnavailable
from studypub.flows import outage

_LOOK_SECONDS = 2.0


async def probe(current: Current, database: Database) -> None:
    """Look again and again, never to return, whether it is time to ask one."""
    seconds = min(_LOOK_SECONDS, outage.pause_of(current.file).total_seconds())
    while True:
        with suppress(DatabaseUnavailable):  # whoever claims says so
            await outage.ask(current.now, database)
        await asyncio.sleep(seconds)
