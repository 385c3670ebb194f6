"""Tries at what could be guessed are counted before their outcome is known."""

from studypub.core.throttle import ADDRESS, Limit
from studypub.db import throttle
from studypub.db.database import Database, Transaction
from studypub.errors import TooManyTries

Counted = list[tuple[Limit, str]]


async def spend(database: Database, counted: Counted) -> None:
    """Count a try for each of these; one that may not be made for one does not count for the next.

    Raises TooManyTries.
    """
    for limit, subject in counted:
        async with database.transaction() as tx:
            if not await throttle.spend(tx, limit, subject):
                raise TooManyTries(await throttle.wait(tx, limit, subject))


async def forgive(tx: Transaction, counted: Counted) -> None:
    """Forget the tries, now that one was right."""
    for limit, subject in counted:
        # An address may be many people's: who knows one password must not be free to guess at the others.
        await (throttle.refund if limit is ADDRESS else throttle.forgive)(tx, limit, subject)
