"""Asks a database that other machines may use, too, what they have written down there."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from studypub.config import Config
from studypub.core.clinics import EVERY_CLINIC
from studypub.db import machines
from studypub.db.database import Database, Transaction
from studypub.errors import DatabaseUnavailable

Said = TypeVar("Said")


def ask(config: Config, question: Callable[[Transaction], Awaitable[Said]], *, otherwise: Said) -> Said:
    """Return the answer; `otherwise` where nobody else can use the database, or we cannot. It blocks."""
    if config.database.url == "embedded":
        return otherwise
    try:
        return asyncio.run(_ask(config.database.url, question, otherwise))
    except DatabaseUnavailable:
        return otherwise  # what is examined of the database says so


async def _ask(url: str, question: Callable[[Transaction], Awaitable[Said]], otherwise: Said) -> Said:
    async with Database(url, size=1, name="doctor", sees=EVERY_CLINIC) as database, database.transaction() as tx:
        return await question(tx) if await machines.are_kept(tx) else otherwise
