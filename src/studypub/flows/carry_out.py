"""A task is carried out: found, retrieved, prepared, published."""

import asyncio
import logging
import secrets
import threading
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import msgspec

from studypub.config import Clinic, Config, Pacs, Preview
from studypub.core.archive_format import ArchiveFormat
from studypub.core.publication import Publication
from studypub.core.review import Decision
from studypub.core.task import Event, LeftOut, Task
from studypub.db import audit, outages, review, tasks
from studypub.db.database import Database
from studypub.deid import profile
from studypub.deid.instance import Deidentifier
from studypub.dicom.caller import Patience
from studypub.dicom.kept import SpooledInstance
from studypub.dicom.scu import PacsClient
from studypub.dicom.spool import Spool
from studypub.errors import DiskFull, IncompleteRetrieve, NothingToPublish, PacsAway, PacsFull, PhiSuspected, Refused
from studypub.flows import outage
from studypub.flows.ahead import Ahead
from studypub.flows.album import ROOM_BYTES
from studypub.flows.find import Found, find_among
from studypub.flows.packing import Case, HeldBack, Prepared
from studypub.flows.prepare import Preparation
from studypub.flows.publish import publish, store_archive
from studypub.flows.retrieve import Progress, Retrieved, Way, retrieve
from studypub.flows.send import Sending
from studypub.store.base import Store

log = logging.getLogger(__name__)
# What an instance takes in the spool, its share of the archive included, before anything is known of it.
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

    None: a person has to look first, or its date has come. Raises LeaseLost where the task is not ours any more, and
    otherwise what went wrong.
    """
    clinic = _clinic(means.config, task)
    clients = [_client(means, pacs) for pacs in clinic.every_pacs]
    stop = threading.Event()
    try:
        number, found = await _find(means, task, clinic, clients)
        pacs, client = clinic.every_pacs[number], clients[number]
        task = await _advance_found(means.database, task, found, clinic, pacs)
        room = (found.count or 0) * _INSTANCE_BYTES
        async with _folders(means.spool, task, room) as (promise, received, folder):
            way = Way(pacs, client, means.config.dicom, means.spool)
            deid_key = secrets.token_bytes(32)
            deidentifier = Deidentifier(profile.load(clinic.profile, clinic.also_remove), deid_key)
            decisions = await _decisions(means.database, task)
            preview = _preview(means.config.preview, promise, room)
            form = ArchiveFormat(task.archive_format or clinic.archive_format)
            case = Case(
                task,
                found.study,
                deidentifier,
                clinic.pixels,
                decisions,
                preview,
                form,
                start_page=clinic.start_page,
            )
            preparation = Preparation(case, folder, stop)
            sending = Sending(means.database, means.store, task.task_id, form, prefix=clinic.storage_prefix)
            async with Ahead(preparation, sending, stop) as ahead:
                retrieved = await _retrieve(means.database, way, task, found, received, progress, ahead)
                task = await _advance_received(means.database, task, retrieved, progress)
                await ahead.caught_up()
                if not preparation.holds(retrieved.instances):
                    promise(_room_to_prepare(retrieved.instances, form))
                try:
                    prepared = await _prepare(means.database, task, preparation, retrieved)
                except HeldBack as held_back:
                    await _hold(means.database, task, held_back)
                    return None
                task = await _advance_prepared(means.database, task, prepared)
                archive = await store_archive(
                    sending, prepared, preparation.release, profile=clinic.profile, deid_key=deid_key
                )
            retention = means.config.retention
            own_days = retention.own(clinic.retention_days)
            return await publish(means.database, task, archive, retention, retrieved.part, own_days=own_days)
    except (PacsAway, PacsFull) as error:
        raise await outage.begin(means.config, means.database, clinic, error) from error
    finally:
        stop.set()
        for one in clients:
            one.abort()


@asynccontextmanager
async def _folders(spool: Spool, task: Task, room: int) -> AsyncIterator[tuple[Callable[[int], None], Path, Path]]:
    """Promise room, and give a folder for what is received and one for this attempt's work. Raises DiskFull."""
    with ExitStack() as left:
        promise = left.enter_context(spool.room_for(room))
        received = left.enter_context(spool.task_folder(task.task_id))
        folder = left.enter_context(spool.work_folder(str(task.lease_token)))
        try:
            yield promise, received, folder
        finally:  # to remove a large archive takes the system as long as a page
            await asyncio.to_thread(left.pop_all().close)


def _preview(preview: Preview, promise: Callable[[int], None], room: int) -> Preview:
    """Promise room for pictures, too; where the disk has none, there are none: the study matters more."""
    if preview.enabled:
        try:
            promise(room + ROOM_BYTES)
        except DiskFull:
            log.warning("Предпросмотра не будет: на диске нет места")
            return msgspec.structs.replace(preview, enabled=False)
    return preview


def _room_to_prepare(instances: Sequence[SpooledInstance], form: ArchiveFormat) -> int:
    """Return how many bytes of disk it takes to pack them all, and the longest while it is covered and written.

    Twice what they are, where nothing is shared with the originals: what is packed, and what is kept to be searched;
    an image of a disc is written out of what waits for it.
    """
    sizes = [instance.path.stat().st_size for instance in instances]
    copies = 3 if form is ArchiveFormat.ISO else 2
    return copies * sum(sizes) + 2 * max(sizes, default=0)


async def _decisions(database: Database, task: Task) -> dict[str, Decision]:
    async with database.look() as tx:
        return await review.decisions(tx, task.task_id)


async def _hold(database: Database, task: Task, held_back: HeldBack) -> None:
    async with database.transaction() as tx:
        await review.hold(tx, task, held_back.held)
        instances = sum(held.instances for held in held_back.held)
        await audit.append(tx, "system", "task.held", str(task.task_id), instances=instances)
    log.info(
        "Исследование %s ждёт проверки снимков",
        task.accession_number,
        extra={"details": {"pid": task.patient_id, "acsn": task.accession_number, "status": "NEEDS_REVIEW"}},
    )


async def _prepare(database: Database, task: Task, preparation: Preparation, retrieved: Retrieved) -> Prepared:
    """Finish the preparation.

    What the gate found goes to the audit log, which only administrators read; what was left out to the task, also where
    nothing remains.
    """
    try:
        return await asyncio.to_thread(preparation.finish, retrieved.instances, retrieved.part)
    except NothingToPublish as error:
        async with database.transaction() as tx:
            groups = cast("tuple[LeftOut, ...]", error.parameters["groups"])
            await tasks.note_left_out(tx, task, groups)
        raise
    except PhiSuspected as error:
        async with database.transaction() as tx:
            await audit.append(tx, "system", "task.phi_suspected", str(task.task_id), **error.parameters)
        raise


async def _find(means: Means, task: Task, clinic: Clinic, clients: Sequence[PacsClient]) -> tuple[int, Found]:
    """Find the study in one of the clinic's PACS, and write down which of several are away, whoever has it."""
    refusals = await outage.silent(means.database, clinic)
    try:
        return await find_among(clients, task, refusals)
    finally:
        if clinic.more_pacs:
            await outage.note(means.config, means.database, clinic, list(refusals.values()))


def _client(means: Means, pacs: Pacs) -> PacsClient:
    dicom = means.config.dicom
    patience = Patience(dicom.connect_seconds, dicom.search_timeout_seconds, dicom.retrieve_timeout_seconds)
    return PacsClient(pacs, dicom.ae_title, patience)


def _clinic(config: Config, task: Task) -> Clinic:
    clinic = config.clinic(task.clinic_code)
    if clinic is None:
        raise Refused(
            task.clinic_code,
            reason_ru="Клиники этого задания больше нет в настройках.",
            reason_en="The clinic of this task is no longer in the configuration.",
        )
    return clinic


async def _advance_found(database: Database, task: Task, found: Found, clinic: Clinic, pacs: Pacs) -> Task:
    async with database.transaction() as tx:
        await outages.end(tx, clinic.code, pacs.ae_title)
        return await tasks.advance(
            tx,
            task,
            Event.FOUND,
            study_instance_uid=found.study.study_instance_uid,
            study_date=found.study.taken_at(clinic.zone),
            modalities=found.study.modalities,
            expected=found.count,
        )


async def _retrieve(
    database: Database, way: Way, task: Task, found: Found, folder: Path, progress: Progress, ahead: Ahead
) -> Retrieved:
    """Fetch the study; where something is missing, exactly what has come is written down first."""
    try:
        return await retrieve(way, task, found, folder, progress, ahead.follow)
    except IncompleteRetrieve:
        async with database.transaction() as tx:
            await tasks.note_received(tx, task, progress.received, progress.received_bytes)
        raise


async def _advance_received(database: Database, task: Task, retrieved: Retrieved, progress: Progress) -> Task:
    """Write down that all is here, or as much as was allowed."""
    count = len(retrieved.instances)
    async with database.transaction() as tx:
        await tasks.note_received(tx, task, count, progress.received_bytes)
        return await tasks.advance(tx, task, Event.RECEIVED, expected=retrieved.expected, received=count)


async def _advance_prepared(database: Database, task: Task, prepared: Prepared) -> Task:
    async with database.transaction() as tx:
        return await tasks.advance(
            tx,
            task,
            Event.PREPARED,
            handled=prepared.handled,
        )
