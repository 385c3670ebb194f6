"""The real application over a real database and a real folder, and programs and people who use it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256
from io import BytesIO
from pathlib import Path
from typing import Any, cast
from uuid import UUID, uuid4

import httpx
import msgspec
import pytest
from litestar import Litestar
from tests.peers import panel, person
from tests.peers.database import PATIENCE, schema
from tests.peers.panel import Panel
from tests.peers.person import Person
from tests.peers.postgres import PostgresPeer, postgres_server

from studypub.config import Clinic, Config, Pacs, Report, Server
from studypub.config import Database as DatabaseSection
from studypub.core.clinics import EVERY_CLINIC
from studypub.core.publication import Companion, Publication
from studypub.core.task import Event, Handled, LeftOut, Task
from studypub.db import studies, tasks
from studypub.db.database import Database
from studypub.errors import Sentence, StudypubError
from studypub.flows import sign_in
from studypub.store.local import LocalStore
from studypub.web.app import create_app
from studypub.web.parts import Parts

__all__ = ["postgres_server", "schema"]

KHIMKI, TVER = "f_Khimki", "f_Tver"
BASE_URL = "https://studies.clinic.example"


@dataclass
class Site:
    """An instance of the service without its workers; `settle` and `complete` do what they would do."""

    app: Litestar
    parts: Parts
    client: httpx.AsyncClient
    store: LocalStore
    folder: Path
    faults: dict[str, str | None]
    keys: dict[str, str]

    @property
    def database(self) -> Database:
        return self.parts.database

    def as_mis(self, clinic: str = KHIMKI) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.keys[clinic]}"}

    async def post(self, document: dict[str, Any], clinic: str = KHIMKI, **headers: str) -> httpx.Response:
        return await self.client.post("/publish", json=document, headers={**self.as_mis(clinic), **headers})

    async def get(self, address: str, clinic: str = KHIMKI, **headers: str) -> httpx.Response:
        return await self.client.get(address, headers={**self.as_mis(clinic), **headers})

    async def queued(self, accession_number: str = "KP125706548L", **more: str) -> UUID:
        response = await self.post({"patient_id": "1000001158664", "accession_number": accession_number, **more})
        assert response.status_code == 202, response.text
        return UUID(response.json()["task_id"])

    async def claimed(self, task_id: UUID) -> Task:
        async with self.database.transaction() as tx:
            while task := await tasks.claim(tx, worker_id=uuid4(), lease=timedelta(minutes=1)):
                if task.task_id == task_id:
                    return task
        raise AssertionError("nothing to claim")

    async def postponed(self, task_id: UUID, why: StudypubError) -> None:
        task = await self.claimed(task_id)
        async with self.database.transaction() as tx:
            await tasks.postpone(tx, task, delay=timedelta(minutes=1), attempts=1, why=why)

    async def failed(self, task_id: UUID, why: StudypubError) -> None:
        task = await self.claimed(task_id)
        async with self.database.transaction() as tx:
            await tasks.end(tx, task, Event.FAIL, why=why)

    async def completed(
        self,
        task_id: UUID,
        content: bytes = b"PK-archive",
        keep: timedelta = timedelta(days=30),
        companion: Companion | None = None,
    ) -> Publication:
        """Publish that content as the task's archive, and beside it a companion that is in the store."""
        task = await self.claimed(task_id)
        stored = studies.StoredArchive(
            object_key=f"studies/{task_id}.zip",
            size=len(content),
            sha256=sha256(content).digest(),
            instances=7,
            modalities=("MR",),
            profile="basic",
            deid_key=bytes(32),
            shown_date=None,
            companion=companion,
        )
        self.store.put(stored.object_key, BytesIO(content))
        async with self.database.transaction() as tx:
            task = await tasks.advance(tx, task, Event.FOUND, study_instance_uid="1.2.3", expected=9)
            task = await tasks.advance(tx, task, Event.RECEIVED, received=9)
            left_out = (LeftOut("dose_report", Sentence("Протокол дозы", "Dose report"), 2),)
            task = await tasks.advance(tx, task, Event.PREPARED, handled=Handled(left_out))
            task = await tasks.end(tx, task, Event.PUBLISHED)
            await studies.add_object(tx, stored.object_key, task_id)
            if companion:
                await studies.add_object(tx, companion.key, task_id)
            return await studies.publish(tx, task, stored, save_till=task.requested_till or await tx.now() + keep)


@pytest.fixture
async def site(postgres_server: PostgresPeer, schema: str, tmp_path: Path) -> AsyncIterator[Site]:
    """A site of one test's own."""
    async with open_site(postgres_server, schema, tmp_path) as opened:
        yield opened


@pytest.fixture
async def bench(site: Site) -> Panel:
    """The site with people, and with what workers would do to its tasks."""
    await panel.add_people(site.database)
    return Panel(BASE_URL, site.parts)


@pytest.fixture
async def registrator(site: Site, bench: Panel) -> Person:
    """Somebody at the front desk of the first clinic."""
    del bench
    return await person.signed_in(site.app, BASE_URL, panel.REGISTRATOR)


@pytest.fixture
async def administrator(site: Site, bench: Panel) -> Person:
    """Somebody who may do everything, for every clinic."""
    del bench
    return await person.signed_in(site.app, BASE_URL, panel.ADMINISTRATOR)


@pytest.fixture(scope="session")
async def steady_site(
    postgres_server: PostgresPeer, schema: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Site]:
    """A site for tests that change nothing."""
    async with open_site(postgres_server, schema, tmp_path_factory.mktemp("steady")) as opened:
        yield opened


@asynccontextmanager
async def open_site(postgres: PostgresPeer, schema: str, folder: Path, **sections: Any) -> AsyncIterator[Site]:
    """Open a site with these sections in its configuration."""
    url = postgres.database(schema)
    try:
        async with Database(url, size=4, name="web", sees=EVERY_CLINIC, loan_seconds=PATIENCE) as database:
            yield await _build(database, folder, sections)
    finally:
        postgres.drop(url)


async def _build(database: Database, folder: Path, sections: dict[str, Any]) -> Site:
    pacs = Pacs(ae_title="ORTHANC", host="127.0.0.1", port=4242)
    usual = Config(
        server=Server(public_url=BASE_URL),
        database=DatabaseSection(data_dir=folder),
        clinics=(
            Clinic(code=KHIMKI, name="Клиника в Химках", pacs=pacs, report=Report(allowed=True)),
            Clinic(code=TVER, name="Клиника в Твери", pacs=pacs, time_zone="Asia/Yekaterinburg"),
        ),
    )
    config = msgspec.structs.replace(usual, **sections)
    store = LocalStore(folder / "storage")
    faults: dict[str, str | None] = {"database": None, "scp": None, "storage": None, "disk": None}

    async def readiness() -> dict[str, str | None]:
        return faults

    parts = Parts(config, database, store, readiness)
    app = create_app(parts)
    keys = {
        clinic.code: await sign_in.add_api_key(database, clinic_code=clinic.code, name="MIS", actor="test")
        for clinic in config.clinics
    }
    # An ASGI application either way; the two libraries name the type differently.
    transport = httpx.ASGITransport(cast("Any", app), raise_app_exceptions=False)
    client = httpx.AsyncClient(transport=transport, base_url=BASE_URL)
    return Site(app, parts, client, store, folder, faults, keys)
