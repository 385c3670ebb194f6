"""A site that people use: the real application under a real server, with a queue that holds one task of every kind."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256
from pathlib import Path
from uuid import uuid4

import msgspec
import uvicorn
from argon2 import PasswordHasher
from tests.peers import previews

from studypub.config import Clinic, Config, Oidc, Pacs, Report, Server
from studypub.config import Database as DatabaseSection
from studypub.core.people import Role, User
from studypub.core.publication import Part, Publication
from studypub.core.request import PublishRequest
from studypub.core.review import Held
from studypub.core.task import Event, Origin, Task
from studypub.db import people, review, studies, tasks
from studypub.db.database import Database
from studypub.errors import IncompleteRetrieve, PacsUnreachable, PatientMismatch, PhiSuspected, StudypubError
from studypub.flows import withdraw
from studypub.store.base import Store
from studypub.store.local import LocalStore
from studypub.web.app import create_app
from studypub.web.parts import Parts
from studypub.web.patience import HeadInTime

ADMINISTRATOR, REGISTRATOR, TVER_REGISTRATOR = "admin", "ivanova", "petrova.tver"
PASSWORD = "correct horse battery"
KHIMKI, TVER = "f_Khimki", "f_Tver"
LONGEST_PID = "ЭМК-" + "1234567890" * 6
LONG_TITLE = "МРТ суставов (коленный, тазобедренный, плечевой) с внутривенным контрастированием и подготовкой отчёта"
HOUR = timedelta(hours=1)
SLICE = 512 * 512 * 2  # bytes of a CT image
_QUICK = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)  # a password for tests need not resist


@dataclass(frozen=True)
class Panel:
    """A running site."""

    address: str
    parts: Parts

    @property
    def database(self) -> Database:
        return self.parts.database

    async def queued(self, accession_number: str, patient_id: str = "1000001158664", **more: str) -> Task:
        by_hand, requested_by = more.pop("by", "mis") == "hand", more.pop("requested_by", "key:AbCd1234")
        request = PublishRequest(
            patient_id=patient_id,
            accession_number=accession_number,
            clinic_code=more.pop("clinic_code", KHIMKI),
            service_title=more.pop("service_title", "КТ грудной клетки"),
            emk_record_id=more.pop("emk_record_id", "123456"),
            archive_format=more.pop("archive_format", None),
        )
        origin, by = (Origin.MANUAL, f"user:{REGISTRATOR}") if by_hand else (Origin.MIS, requested_by)
        async with self.database.transaction() as tx:
            task = await tasks.queue(tx, request, origin=origin, requested_by=by, search_time=HOUR)
        assert task is not None
        return task

    async def claimed(self, task: Task) -> Task:
        """Take this task as a worker would, and those that were due before it."""
        async with self.database.transaction() as tx:
            while taken := await tasks.claim(tx, worker_id=uuid4(), lease=HOUR):
                if taken.task_id == task.task_id:
                    return taken
        raise AssertionError("the task is not due")

    async def advanced(self, task: Task, *events: Event, received: int = 0, expected: int | None = 240) -> Task:
        task = await self.claimed(task)
        async with self.database.transaction() as tx:
            for event in events:
                task = await tasks.advance(
                    tx,
                    task,
                    event,
                    study_date=await tx.now() - timedelta(days=40),
                    modalities=("CT",),
                    expected=expected,
                    received=received or expected,
                )
                count = received or expected or 0
                await tasks.note_received(tx, task, count, SLICE * count)
            await tasks.extend_lease(tx, task, lease=HOUR, received=received, received_bytes=SLICE * received)
        return task

    async def hold(self, task: Task, *held: Held) -> Task:
        """Let these wait for a person, as the preparation does."""
        task = await self.advanced(task, Event.FOUND, Event.RECEIVED)
        async with self.database.transaction() as tx:
            await review.hold(tx, task, held)
        return task

    async def failed(self, task: Task, why: StudypubError, event: Event = Event.FAIL) -> None:
        if event is Event.HOLD:
            task = await self.advanced(task, Event.FOUND, Event.RECEIVED)
        else:
            task = await self.claimed(task)
        async with self.database.transaction() as tx:
            await tasks.end(tx, task, event, why=why)

    async def postponed(self, task: Task, why: StudypubError) -> None:
        task = await self.claimed(task)
        async with self.database.transaction() as tx:
            await tasks.postpone(tx, task, delay=HOUR, attempts=1, why=why)

    async def published(
        self,
        task: Task,
        *,
        size: int = 53_477_376,
        keep: timedelta = timedelta(days=30),
        modality: str = "CT",
        part: Part | None = None,
        preview: bool = False,
    ) -> Publication:
        """Publish as the last step of the flow does; the archive itself is a stand-in of a few bytes.

        `preview`: its companion, in the store.
        """
        task = await self.advanced(task, Event.FOUND, Event.RECEIVED, Event.PREPARED)
        return await self.published_as_it_is(task, size=size, keep=keep, modality=modality, part=part, preview=preview)

    async def published_as_it_is(
        self,
        task: Task,
        *,
        size: int = 53_477_376,
        keep: timedelta = timedelta(days=30),
        modality: str = "CT",
        part: Part | None = None,
        preview: bool = False,
    ) -> Publication:
        """Publish a task that was prepared."""
        key = f"studies/{task.task_id.hex}.{task.archive_format or 'zip'}"
        companion = previews.stored(self.parts.store) if preview else None
        archive = studies.StoredArchive(
            object_key=key,
            size=size,
            sha256=sha256(key.encode()).digest(),
            instances=240,
            modalities=(modality,),
            profile="basic",
            deid_key=bytes(32),
            shown_date=None,
            companion=companion,
        )
        async with self.database.transaction() as tx:
            now = await tx.now()
            await studies.add_object(tx, key, task.task_id)
            if companion:
                await studies.add_object(tx, companion.key, task.task_id)
            publication = await studies.publish(tx, task, archive, save_till=now + keep, part=part)
            await tasks.end(tx, task, Event.PUBLISHED)
        return publication

    async def withdrawn(self, task: Task) -> Publication:
        publication = await self.published(task)
        return await withdraw.withdraw(self.database, publication.study_id, actor="user:admin", clinic_code=None)

    async def fill(self) -> None:
        """Make a queue that holds one task of every kind, long names included."""
        await self.withdrawn(await self.queued("KP125706001A"))
        await self.published(await self.queued("KP125706002B", by="hand"), size=1_503_238_553)
        mr = await self.queued("KP125706548L", service_title="МРТ суставов")
        await self.published(mr, modality="MR")
        await self.failed(
            await self.queued("KP125706111C", by="hand"),
            PatientMismatch(accession_number="KP125706111C", patient_id="1000001158664"),
        )
        silent = PacsUnreachable(pacs="ORTHANC", address="10.0.0.5:4242")
        await self.postponed(await self.queued("KP125706222D"), silent)
        await self.failed(await self.queued("KP125706333E"), IncompleteRetrieve(received=118, expected=120))
        await self.failed(await self.queued("KP125706444F"), PhiSuspected(), Event.HOLD)
        await self.advanced(await self.queued("KP125706555G"), Event.FOUND, received=84)
        await self.advanced(await self.queued("KP125706666H"), Event.FOUND, Event.RECEIVED, expected=21)
        await self.claimed(await self.queued("KP125706777I"))
        long = await self.queued("WWWWWWWWWWWWWWWW", LONGEST_PID, service_title=LONG_TITLE, by="hand")
        await self.published(long)
        await self.queued("KP125706888J", by="hand")


@asynccontextmanager
async def serve(
    database: Database,
    folder: Path,
    *,
    clinics: int = 2,
    pacs_port: int = 4242,
    store: Store | None = None,
    oidc: Oidc | None = None,
) -> AsyncIterator[Panel]:
    """Serve a site on a free port of this machine, with its three accounts."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        address = f"http://127.0.0.1:{listener.getsockname()[1]}"
        config = msgspec.structs.replace(_config(address, clinics, pacs_port, folder), oidc=oidc)
        parts = Parts(config, database, store or LocalStore(folder / "storage"), ready)
        await add_people(database)
        server = uvicorn.Server(
            uvicorn.Config(create_app(parts), log_config=None, lifespan="on", http=HeadInTime, server_header=False)
        )
        serving = asyncio.create_task(server.serve(sockets=[listener]))
        try:
            yield Panel(address, parts)
        finally:
            server.should_exit = True
            await serving


def _config(address: str, clinics: int, pacs_port: int, folder: Path) -> Config:
    pacs = Pacs(ae_title="ORTHANC", host="127.0.0.1", port=pacs_port)
    both = (
        Clinic(code=KHIMKI, name="Клиника в Химках", pacs=pacs, phone="+7 495 123-45-67", report=Report(allowed=True)),
        Clinic(code=TVER, name="Клиника в Твери", pacs=pacs),
    )
    data = DatabaseSection(data_dir=folder)
    return Config(server=Server(public_url=address), database=data, clinics=both[:clinics])


async def ready() -> dict[str, str | None]:
    return {"database": None, "scp": None, "storage": None, "disk": None}


async def add_people(database: Database) -> None:
    """Add an administrator, and a registrator for each clinic."""
    await add_user(database, ADMINISTRATOR, Role.ADMINISTRATOR, None)
    await add_user(database, REGISTRATOR, Role.REGISTRATOR, KHIMKI)
    await add_user(database, TVER_REGISTRATOR, Role.REGISTRATOR, TVER)


async def add_user(database: Database, name: str, role: Role, clinic_code: str | None) -> User:
    """Add an account with PASSWORD."""
    async with database.transaction() as tx:
        user = await people.add_user(tx, name, role, clinic_code=clinic_code, password_hash=_QUICK.hash(PASSWORD))
    assert user is not None
    return user
