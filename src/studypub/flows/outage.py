"""A PACS that takes no association: its tasks wait, it is asked now and then, and they go on once it answers."""

import asyncio
import logging
from contextlib import suppress
from datetime import timedelta

from studypub.config import Clinic, Config
from studypub.core.retry import MENDING_TIME, probe_pause
from studypub.db import outages, tasks
from studypub.db.database import Database
from studypub.db.outages import Outage
from studypub.dicom.caller import Patience
from studypub.dicom.scu import PacsClient
from studypub.errors import PacsAway, PacsFull, PacsGivenUp, PacsNotSecured, PacsRefused, PacsSilent

log = logging.getLogger(__name__)


async def begin(config: Config, database: Database, clinic: Clinic, error: PacsAway | PacsFull) -> PacsAway | PacsFull:
    """Let the clinic's tasks wait; return what the one that met with the error is told."""
    async with database.transaction() as tx:
        outage = await outages.begin(tx, clinic.code, pause_of(config))
    if isinstance(error, PacsFull | PacsNotSecured):
        return error
    return PacsSilent(str(error), **_told(clinic, outage))


async def ask(config: Config, database: Database) -> None:
    """Ask each PACS that is away, where it is time, whether it is back; that takes no worker's place.

    Whatever it answers but that it is full: the tasks go on, and learn what is wrong. Else those that have waited for
    a day end.
    """
    async with database.transaction() as tx:
        due = await outages.to_probe(tx, [clinic.code for clinic in config.clinics], pause_of(config))
    await asyncio.gather(*(_ask(config, database, outage) for outage in due))


def pause_of(config: Config) -> timedelta:
    """Return how long a PACS that is away is left alone."""
    return probe_pause(timedelta(seconds=config.workers.retry_base_seconds))


async def _ask(config: Config, database: Database, outage: Outage) -> None:
    clinic = config.clinic(outage.clinic_code)
    assert clinic is not None  # noqa: S101 - only ours are asked
    client = PacsClient(clinic.pacs, config.dicom.ae_title, Patience(config.dicom.connect_seconds))
    try:
        with suppress(PacsRefused):  # it answers; its tasks are to hear what
            await asyncio.to_thread(client.greet)
    except (PacsAway, PacsFull):
        await _give_up(database, clinic, outage)
    else:
        await _go_on(database, clinic)


async def _go_on(database: Database, clinic: Clinic) -> None:
    async with database.transaction() as tx:
        if await outages.end(tx, clinic.code):
            await tasks.wake_workers(tx)
            log.info("PACS %s снова доступен", clinic.pacs.ae_title)


async def _give_up(database: Database, clinic: Clinic, outage: Outage) -> None:
    error = PacsGivenUp(**_told(clinic, outage))
    async with database.transaction() as tx:
        ended = await outages.give_up(tx, clinic.code, MENDING_TIME, error)
    for task in ended:
        details = {"pid": task.patient_id, "acsn": task.accession_number, "status": "FAILED", "code": error.code}
        log.error(
            "Исследование %s не опубликовано: %s",
            task.accession_number,
            error.sentence.ru,
            extra={"details": details},
        )


def _told(clinic: Clinic, outage: Outage) -> dict[str, str]:
    since = f"{outage.since.astimezone(clinic.zone):%d.%m.%Y %H:%M %Z}"
    return {"pacs": clinic.pacs.ae_title, "address": f"{clinic.pacs.host}:{clinic.pacs.port}", "since": since}
