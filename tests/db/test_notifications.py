"""New tasks are heard of; a listener whose connection dies says so."""

import asyncio
from datetime import timedelta
from pathlib import Path

import psycopg
import pytest

from studypub.core.request import PublishRequest
from studypub.core.task import Origin
from studypub.db import clinics
from studypub.db.database import Database
from studypub.db.notifications import listen
from studypub.flows.request import Asker, request_publication

REQUEST = PublishRequest(patient_id="P1", accession_number="A1", clinic_code="c")


class Heard:
    """Counts, and lets a test wait for a count."""

    def __init__(self) -> None:
        self.calls: asyncio.Queue[None] = asyncio.Queue()

    def __call__(self) -> None:
        self.calls.put_nowait(None)

    async def once(self) -> None:
        await asyncio.wait_for(self.calls.get(), 10)


async def test_a_queued_task_is_heard_of(database: Database, database_url: str) -> None:
    heard = Heard()
    listening = asyncio.create_task(listen(database_url, heard))
    await heard.once()  # at the start: what was queued before is to be looked for
    await request_publication(database, REQUEST, Asker("key:x", Origin.MIS), search_time=timedelta(0))
    await heard.once()
    listening.cancel()
    with pytest.raises(asyncio.CancelledError):
        await listening


async def test_a_clinic_that_changes_is_heard_of_and_no_task(database: Database, database_url: str) -> None:
    heard, of_clinics = Heard(), Heard()
    listening = asyncio.create_task(listen(database_url, heard, of_clinics))
    await heard.once()
    await of_clinics.once()
    async with database.transaction() as tx:
        await clinics.keep(tx, "c", {}, actor="user:x")
    await of_clinics.once()
    async with database.transaction() as tx:
        assert await clinics.give_back(tx, "c")
    await of_clinics.once()
    assert heard.calls.empty()
    listening.cancel()
    with pytest.raises(asyncio.CancelledError):
        await listening


async def test_f20_a_connection_that_dies_is_an_error(database_url: str, connection: psycopg.Connection) -> None:
    heard = Heard()
    listening = asyncio.create_task(listen(database_url, heard))
    await heard.once()
    connection.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'studypub listen'"
    )
    with pytest.raises(ConnectionError):
        await asyncio.wait_for(listening, 10)


async def test_no_server(tmp_path: Path) -> None:
    with pytest.raises(ConnectionError):
        await listen(f"postgresql:///x?host={tmp_path}", lambda: None)
