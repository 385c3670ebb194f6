"""All that publishes a study, but the web: a small PACS, our listener, workers, a local store, a real database."""

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec
import pytest
from pydicom.dataset import FileDataset
from tests.peers.queue import QueueWatch

from studypub.config import Clinic, Config, Current, Dicom, Pacs, Workers
from studypub.config import Database as DatabaseSection
from studypub.core.publication import Publication
from studypub.core.request import PublishRequest
from studypub.core.task import Origin, Status, Task
from studypub.db import audit, studies
from studypub.db.database import Database
from studypub.dicom.demo_pacs import DemoPacs
from studypub.dicom.scp import KnownPeers, StorageScp
from studypub.dicom.spool import Spool
from studypub.flows.carry_out import Means, carry_out
from studypub.flows.open_link import Opened, open_link
from studypub.flows.request import Asker, request_publication
from studypub.flows.tidy_spool import tidy_after
from studypub.store.base import Store
from studypub.store.local import LocalStore
from studypub.worker.loop import CarryOut, WorkerLoop
from studypub.worker.probe import probe

MIS = Asker("key:abcdefgh", Origin.MIS)
PATIENT, ACCESSION = "1000001158664", "KP125706548L"

# Short enough for a test, long enough for a slow machine.
QUICK = Workers(
    concurrency=2,
    max_attempts=3,
    search_minutes=0.0,
    search_interval_seconds=0.05,
    retry_base_seconds=0.05,
    lease_seconds=20.0,
)


@dataclass
class House:
    """A daemon without its web layer."""

    means: Means
    scp: StorageScp
    pacs: DemoPacs
    watch: QueueWatch

    @property
    def database(self) -> Database:
        return self.means.database

    @property
    def store(self) -> Store:
        return self.means.store

    def set(self, section: str, **values: Any) -> None:
        """Change settings, as a restart with another file would."""
        changed = msgspec.structs.replace(getattr(self.means.config, section), **values)
        self.means = replace(self.means, config=msgspec.structs.replace(self.means.config, **{section: changed}))

    def set_pacs(self, **values: Any) -> None:
        """Change how the PACS is reached."""
        self.set_clinic(pacs=msgspec.structs.replace(self.means.config.clinics[0].pacs, **values))

    def set_pixels(self, **values: Any) -> None:
        """Change what becomes of images that may show text or a person."""
        self.set_clinic(pixels=msgspec.structs.replace(self.means.config.clinics[0].pixels, **values))

    def set_clinic(self, **values: Any) -> None:
        """Change how the clinic publishes."""
        (clinic,) = self.means.config.clinics
        clinics = (msgspec.structs.replace(clinic, **values),)
        self.means = replace(self.means, config=msgspec.structs.replace(self.means.config, clinics=clinics))

    async def ask(
        self,
        accession_number: str = ACCESSION,
        patient_id: str = PATIENT,
        till: datetime | None = None,
        clinic_code: str = "c",
        archive_format: str | None = None,
    ) -> Task:
        """Queue a study, or be told who is on it."""
        request = PublishRequest(
            patient_id=patient_id,
            accession_number=accession_number,
            clinic_code=clinic_code,
            till=till,
            archive_format=archive_format,
        )
        search_time = timedelta(minutes=self.means.config.workers.search_minutes)
        return (await request_publication(self.database, request, MIS, search_time=search_time)).task

    @asynccontextmanager
    async def working(self, way: CarryOut | None = None) -> AsyncIterator[WorkerLoop]:
        """Run the workers; `way` stands in for carrying a task out."""
        afterwards = partial(tidy_after, self.database, self.means.spool)
        work = way or partial(carry_out, self.means)
        clinics = [clinic.code for clinic in self.means.config.clinics]
        loop = WorkerLoop(self.database, work, self.means.config.workers, afterwards=afterwards, clinics=clinics)
        running = asyncio.create_task(loop.run())
        probing = asyncio.create_task(probe(Current(self.means.config), self.database))
        try:
            yield loop
        finally:
            probing.cancel()
            await loop.drain(0.5)
            await running

    async def settled(self, task: Task, *expected: Status) -> Task:
        """Let workers take the task to an end, which must be the one expected."""
        async with self.working() as loop:
            ended = await self.watch.until(task.task_id, lambda now: now.status not in _GOING_ON, loop.wake)
        assert ended.status in expected, (ended, await self.audited())
        return ended

    async def audited(self) -> list[tuple[str, dict[str, Any]]]:
        """Return what the audit log says, the newest first: an alarm names its finding nowhere else."""
        async with self.database.transaction() as tx:
            return [(entry.action, entry.details) for entry in await audit.newest(tx, limit=20, offset=0)]

    async def published(self, **asked: Any) -> tuple[Task, Publication]:
        """Ask for a study and let it be published."""
        task = await self.settled(await self.ask(**asked), Status.COMPLETED)
        publication = await self.publication(task.task_id)
        assert publication is not None
        return task, publication

    async def publication(self, task_id: UUID) -> Publication | None:
        async with self.database.transaction() as tx:
            return await studies.of_task(tx, task_id)

    async def opened(self, publication: Publication) -> Opened:
        return await open_link(self.database, publication.token)

    def archive(self, publication: Publication) -> Path | None:
        return self.store.path(publication.object_key)

    def behind(self, publication: Publication) -> list[Path]:
        """Return what lies in the store for a publication."""
        assert publication.companion is not None
        found = map(self.store.path, (publication.object_key, publication.companion.key))
        return sorted(path for path in found if path)

    def spooled(self) -> list[Path]:
        """Return what lies in the spool; nothing may outlive its task. It may go while we look."""
        found = os.walk(self.means.config.spool_dir)
        return sorted(Path(folder) / name for folder, folders, files in found for name in (*folders, *files))

    def stored(self) -> list[Path]:
        """Return the archives in the store, and their companions."""
        return sorted((self.means.config.database.data_dir / "storage" / "studies").glob("*"))


_GOING_ON = (Status.QUEUED, Status.SEARCHING, Status.RETRIEVING, Status.PROCESSING, Status.UPLOADING)

OpenHouse = Callable[..., Any]


@asynccontextmanager
async def open_house(
    database: Database,
    watch: QueueWatch,
    folder: Path,
    instances: Iterable[FileDataset],
    pacs: type[DemoPacs] = DemoPacs,
    *,
    scp_port: int = 0,
    peer_ae_title: str = "DEMO",
) -> AsyncIterator[House]:
    """Open one with a PACS that holds these instances; another PACS may be known too."""
    async with AsyncExitStack() as stack:
        spool = Spool(folder / "spool", reserve=0)
        spool.open()
        scp = StorageScp(
            "STUDYPUB",
            "127.0.0.1",
            scp_port,
            peers=KnownPeers(["127.0.0.1"]),
            peer_ae_titles=["DEMO", peer_ae_title],
            spool=spool,
        )
        scp.start()
        stack.callback(scp.stop)
        served = pacs("DEMO", destinations={"STUDYPUB": ("127.0.0.1", scp.port)}, instances=instances)
        served.start()
        stack.callback(served.stop)
        config = Config(
            database=DatabaseSection(data_dir=folder),
            dicom=Dicom(host="127.0.0.1", port=scp.port, quiet_seconds=1.0),
            workers=QUICK,
            clinics=(Clinic(code="c", name="Клиника", pacs=Pacs(ae_title="DEMO", host="127.0.0.1", port=served.port)),),
        )
        means = Means(config, database, spool, LocalStore(folder / "storage"))
        yield House(means, scp, served, watch)


@pytest.fixture
async def house(database: Database, queue_watch: QueueWatch, tmp_path: Path) -> AsyncIterator[House]:
    """A house with an empty PACS; a test adds what it needs."""
    async with open_house(database, queue_watch, tmp_path, ()) as opened:
        yield opened
