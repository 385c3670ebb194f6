"""Connects to the database, brings its schema up to date, and looks whether what it answers lasts."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractContextManager
from datetime import UTC, datetime

from studypub.config import Current
from studypub.core.clinics import EVERY_CLINIC
from studypub.db.database import Database
from studypub.db.durable import require_durable
from studypub.db.examine import look
from studypub.db.migrate import migrate
from studypub.errors import DatabaseUnavailable, Refused, StudypubError
from studypub.flows.examine.causes import database as causes
from studypub.flows.examine.finding import Finding
from studypub.flows.take_clinics import take_clinics

OpenDatabase = Callable[[], AbstractContextManager[str]]


def examine(open_database: OpenDatabase, current: Current) -> Iterator[Finding]:
    """Use the database as the daemon does when it starts; the daemon's own where it is embedded and runs.

    `current` takes the clinics. Where there are several, it is told whether PostgreSQL keeps them apart.
    """
    try:
        with open_database() as url:
            yield from asyncio.run(_all(url, current))
    except StudypubError as error:
        yield _failed(error)


async def examine_open(database: Database, current: Current) -> list[Finding]:
    """Use the database of a running daemon."""
    try:
        async with database.transaction() as tx:
            skew = abs((await tx.now() - datetime.now(UTC)).total_seconds())
    except StudypubError as error:
        return [_failed(error)]
    return [causes.ANSWERS.found(), causes.of_clocks(skew), *of_clinics(current)]


def of_clinics(current: Current) -> list[Finding]:
    """Return of which clinics the panel's settings hold, and of which they cannot be used."""
    set_here = [clinic for clinic in current.now.clinics if clinic != current.file.clinic(clinic.code)]
    found = [causes.UNUSABLE_CLINIC.found(code, code=code, problem=why) for code, why in current.unusable.items()]
    if set_here:
        found.append(causes.CLINICS_OF_PANEL.found(codes=", ".join(clinic.code for clinic in set_here)))
    return found


async def _all(url: str, current: Current) -> list[Finding]:
    return [finding async for finding in _examine(url, current)]


async def _examine(url: str, current: Current) -> AsyncIterator[Finding]:
    server = await look(url)
    skew = abs((server.now - datetime.now(UTC)).total_seconds())
    old = causes.of_version(server.version)
    if old is not None:
        yield old
    if not server.is_writable:
        yield causes.READ_ONLY.found()
    elif causes.is_usable(old):
        await migrate(url)
        try:
            await require_durable(url)
        except Refused as error:
            yield causes.NOT_DURABLE.found(said_ru=error.sentence.ru, said_en=error.sentence.en)
        else:
            yield causes.READY.found()
            async with Database(url, size=1, name="doctor", sees=EVERY_CLINIC) as database:
                await take_clinics(current, database)
            for finding in of_clinics(current):
                yield finding
            if len(current.now.clinics) > 1 and not server.has_application:
                yield causes.CLINICS_NOT_APART.found(account=server.account)
    yield causes.of_clocks(skew)


def _failed(error: StudypubError) -> Finding:
    if isinstance(error, DatabaseUnavailable):
        return causes.of_words(str(error.__cause__ or "")).found()
    return causes.REFUSED.found(said_ru=error.sentence.ru, said_en=error.sentence.en)
