"""A PACS that takes no association is asked now and then whether it is back; where no other has the study, it waits."""

import asyncio
import logging
from collections.abc import Iterable
from contextlib import suppress
from datetime import timedelta

from studypub.config import Clinic, Config, Pacs
from studypub.core.retry import MENDING_TIME, probe_pause
from studypub.db import outages, tasks
from studypub.db.database import Database
from studypub.db.outages import OfClinic, Outage
from studypub.dicom.caller import Patience
from studypub.dicom.scu import PacsClient
from studypub.errors import PacsAway, PacsFull, PacsGivenUp, PacsNotSecured, PacsRefused, PacsSilent, StudypubError

log = logging.getLogger(__name__)


async def begin(config: Config, database: Database, clinic: Clinic, error: PacsAway | PacsFull) -> PacsAway | PacsFull:
    """Write down which PACS of the clinic is away; return what the task that met with the error is told.

    While all of the clinic's PACS are away its tasks wait untried; else those that have found nothing look again soon.
    """
    pacs = clinic.pacs_called(str(error.parameters["pacs"]))
    if pacs is None or isinstance(error, PacsSilent):  # of the latter it is known
        return error
    one = OfClinic(clinic.code, pacs.ae_title, len(clinic.every_pacs))
    async with database.transaction() as tx:
        outage = await outages.begin(tx, one, pause_of(config))
    if isinstance(error, PacsFull | PacsNotSecured):
        return error
    return PacsSilent(str(error), **_told(clinic, pacs, outage))


async def note(config: Config, database: Database, clinic: Clinic, said: Iterable[StudypubError]) -> None:
    """Write down which PACS are away by what was said when each of a clinic's was asked."""
    for error in said:
        if isinstance(error, PacsAway | PacsFull):
            await begin(config, database, clinic, error)


async def silent(database: Database, clinic: Clinic) -> dict[int, StudypubError]:
    """Return which of a clinic's PACS are known to be away, by their number, and why none need wait for their answer.

    Nobody tries tasks of a clinic whose PACS are all away.
    """
    if not clinic.more_pacs:
        return {}
    async with database.look() as tx:
        away = {outage.ae_title: outage for outage in await outages.looked_after(tx, clinic.code)}
    return {
        number: PacsSilent("it is known to be away", **_told(clinic, pacs, away[pacs.ae_title]))
        for number, pacs in enumerate(clinic.every_pacs)
        if pacs.ae_title in away
    }


async def ask(config: Config, database: Database) -> None:
    """Ask each PACS that is away, where it is time, whether it is back; that takes no worker's place.

    Whatever it answers but that it is full: the tasks go on, and learn what is wrong. Else those that have waited for
    a day end.
    """
    ours = [
        OfClinic(clinic.code, pacs.ae_title, len(clinic.every_pacs))
        for clinic in config.clinics
        for pacs in clinic.every_pacs
    ]
    async with database.transaction() as tx:
        due = await outages.to_probe(tx, ours, pause_of(config))
    await asyncio.gather(*(_ask(config, database, outage) for outage in due))


def pause_of(config: Config) -> timedelta:
    """Return how long a PACS that is away is left alone."""
    return probe_pause(timedelta(seconds=config.workers.retry_base_seconds))


async def _ask(config: Config, database: Database, outage: Outage) -> None:
    clinic = config.clinic(outage.clinic_code)
    assert clinic is not None  # noqa: S101 - only ours are asked
    pacs = clinic.pacs_called(outage.ae_title)
    assert pacs is not None  # noqa: S101 - likewise
    client = PacsClient(pacs, config.dicom.ae_title, Patience(config.dicom.connect_seconds))
    try:
        with suppress(PacsRefused):  # it answers; its tasks are to hear what
            await asyncio.to_thread(client.greet)
    except (PacsAway, PacsFull):
        await _give_up(database, clinic, pacs, outage)
    else:
        await _go_on(database, clinic, pacs)


async def _go_on(database: Database, clinic: Clinic, pacs: Pacs) -> None:
    async with database.transaction() as tx:
        if await outages.end(tx, clinic.code, pacs.ae_title):
            await tasks.wake_workers(tx)
            log.info("PACS %s снова доступен", pacs.ae_title)


async def _give_up(database: Database, clinic: Clinic, pacs: Pacs, outage: Outage) -> None:
    error = PacsGivenUp(**_told(clinic, pacs, outage))
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


def _told(clinic: Clinic, pacs: Pacs, outage: Outage) -> dict[str, str]:
    since = f"{outage.since.astimezone(clinic.zone):%d.%m.%Y %H:%M %Z}"
    return {"pacs": pacs.ae_title, "address": f"{pacs.host}:{pacs.port}", "since": since}
