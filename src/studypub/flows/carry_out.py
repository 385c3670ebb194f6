"""A task is carried out: found, retrieved, prepared, published."""

import asyncio
import secrets
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from studypub.config import Clinic, Config
from studypub.core.publication import Publication
from studypub.core.task import Event, LeftOut, Task
from studypub.db import audit, tasks
from studypub.db.database import Database
from studypub.deid import profile
from studypub.deid.instance import Deidentifier
from studypub.dicom.scu import PacsClient
from studypub.dicom.spool import Spool
from studypub.errors import NothingToPublish, PhiSuspected, Refused
from studypub.flows.find import Found, find
from studypub.flows.prepare import Originals, Prepared, prepare
from studypub.flows.publish import publish, store_archive
from studypub.flows.retrieve import Progress, Way, retrieve
from studypub.store.base import Store

# What an instance takes in the spool, its share of the archive included; most are smaller.
_INSTANCE_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Means:
    """What it takes to publish a study. Built by the daemon."""

    config: Config
    database: Database
    spool: Spool
    store: Store


async def carry_out(means: Means, task: Task, progress: Progress) -> Publication | None:
    """Take a claimed task all the way; every step is written down before the next begins.

    Raises LeaseLost where the task is not ours any more, and otherwise what went wrong.
    """
    clinic = _clinic(means.config, task)
    client = PacsClient(clinic.pacs, means.config.dicom.ae_title)
    stop = threading.Event()
    try:
        found = await find(client, task)
        task = await _advance_found(means.database, task, found, clinic)
        room = means.spool.room_for((found.count or 0) * _INSTANCE_BYTES)
        with room, means.spool.work_folder(str(task.lease_token)) as folder:
            way = Way(clinic.pacs, client, means.config.dicom, means.spool)
            instances = await retrieve(way, task, found, folder, progress)
            task = await _advance(means.database, task, Event.RECEIVED, len(instances))
            deid_key = secrets.token_bytes(32)
            deidentifier = Deidentifier(profile.load(clinic.profile, clinic.also_remove), deid_key)
            originals = Originals(task, found.study, instances)
            prepared = await _prepare(means.database, originals, deidentifier, folder, stop)
            task = await _advance_prepared(means.database, task, prepared)
            archive = await store_archive(
                means.database, means.store, prepared, profile=clinic.profile, deid_key=deid_key
            )
            return await publish(means.database, task, archive, means.config.retention)
    finally:
        stop.set()
        client.abort()


async def _prepare(
    database: Database, originals: Originals, deidentifier: Deidentifier, folder: Path, stop: threading.Event
) -> Prepared:
    """Prepare the archive.

    What the gate found goes to the audit log, which only administrators read; what was left out to the task, also where
    nothing remains.
    """
    try:
        return await asyncio.to_thread(prepare, originals, deidentifier, folder, stop)
    except NothingToPublish as error:
        async with database.transaction() as tx:
            groups = cast("tuple[LeftOut, ...]", error.parameters["groups"])
            await tasks.note_left_out(tx, originals.task, groups)
        raise
    except PhiSuspected as error:
        async with database.transaction() as tx:
            await audit.append(tx, "system", "task.phi_suspected", str(originals.task.task_id), **error.parameters)
        raise


def _clinic(config: Config, task: Task) -> Clinic:
    clinic = config.clinic(task.clinic_code)
    if clinic is None:
        raise Refused(
            task.clinic_code,
            reason_ru="Клиники этого задания больше нет в настройках.",
            reason_en="The clinic of this task is no longer in the configuration.",
        )
    return clinic


async def _advance_found(database: Database, task: Task, found: Found, clinic: Clinic) -> Task:
    async with database.transaction() as tx:
        return await tasks.advance(
            tx,
            task,
            Event.FOUND,
            study_instance_uid=found.study.study_instance_uid,
            study_date=found.study.taken_at(clinic.zone),
            modalities=found.study.modalities,
            expected=found.count,
        )


async def _advance(database: Database, task: Task, event: Event, count: int) -> Task:
    async with database.transaction() as tx:
        return await tasks.advance(tx, task, event, expected=count, received=count)


async def _advance_prepared(database: Database, task: Task, prepared: Prepared) -> Task:
    async with database.transaction() as tx:
        return await tasks.advance(tx, task, Event.PREPARED, left_out=prepared.left_out)
