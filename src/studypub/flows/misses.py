"""Whoever tries links that are not there is slowed down, and the faster the more there are who do."""

from dataclasses import replace

from studypub.core.throttle import ALL_MISSES, MISSES, network_of
from studypub.db import throttle
from studypub.db.database import Database, Transaction
from studypub.errors import TooManyTries


async def let_in(tx: Transaction, address: str) -> None:
    """Let an address look a link up. Raises TooManyTries where it has missed too often."""
    wait = await throttle.wait(tx, MISSES, network_of(address))
    if wait:
        raise TooManyTries(wait)


async def note(database: Database, address: str) -> None:
    """Write down that an address has asked for a link that is not there."""
    async with database.transaction() as tx:
        this_minute = f"{await tx.now():%Y-%m-%d %H:%M}"
        await throttle.spend(tx, ALL_MISSES, this_minute)
        storm = await throttle.tries(tx, ALL_MISSES, this_minute) > ALL_MISSES.free
        await throttle.spend(tx, replace(MISSES, free=1) if storm else MISSES, network_of(address))
