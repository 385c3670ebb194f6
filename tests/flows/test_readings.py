"""What an attempt is counted as, and what looking everything up costs."""

from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest
from tests.bench.pages import FILL
from tests.peers.house import MIS

from studypub.config import Clinic, Config, Current, Pacs
from studypub.config import Database as DatabaseSection
from studypub.core.request import PublishRequest
from studypub.core.task import Event, Status, Task
from studypub.db import outages, tasks
from studypub.db.database import Database
from studypub.db.outages import OfClinic
from studypub.db.queries import all_queries
from studypub.errors import IncompleteRetrieve
from studypub.flows.note_attempt import note_attempt
from studypub.flows.readings import Readings
from studypub.flows.request import request_publication
from studypub.metrics import Metrics

_OF_EVERY_LOOK = ("tasks_in_progress", "longest_wait", "newest_audit_entry", "audit_check", "outages", "alerts")
_OF_ALERTS = ("failures_lately", "nothing_published")
_LARGE = ("tasks", "task_events", "published_studies", "audit_log")


async def claimed(database: Database) -> Task:
    async with database.transaction() as tx:
        task = await tasks.claim(tx, worker_id=uuid4(), lease=timedelta(hours=1))
    assert task is not None
    return task


async def test_a_task_that_was_rescued_and_lacks_images(database: Database, connection: psycopg.Connection) -> None:
    request = PublishRequest(patient_id="P", accession_number="A", clinic_code="c")
    await request_publication(database, request, MIS, search_time=timedelta())
    await claimed(database)
    connection.execute("UPDATE tasks SET due_at = now()")  # its worker has died
    task, metrics = await claimed(database), Metrics()
    async with database.transaction() as tx:
        found = await tasks.advance(tx, task, Event.FOUND, expected=10)
        await tasks.note_received(tx, found, 7, 1000)
        await tasks.end(tx, found, Event.FAIL, why=IncompleteRetrieve(received=7, expected=10))
    await note_attempt(metrics, database, task)
    assert metrics.value("attempts_total") == metrics.value("rescues_total") == 1
    assert metrics.value("publications_total", outcome="failed") == 1
    assert metrics.value("failures_total", code="INCOMPLETE_RETRIEVE") == 1
    assert metrics.value("missing_instances_total") == 3
    for status in ("SEARCHING", "RETRIEVING"):
        assert metrics.value("task_state_seconds_count", status=status) >= 1


def plan_reads(connection: psycopg.Connection, query: str) -> set[str]:
    """Return the tables that a query reads from one end to the other."""
    asked = {"period": timedelta(hours=4), "asked_wrongly": ["STUDY_NOT_FOUND"]}
    rows = connection.execute(b"EXPLAIN " + all_queries()[query], asked).fetchall()
    return {table for (line,) in rows for table in _LARGE if f"Seq Scan on {table}" in line}


@pytest.mark.slow
def test_nothing_large_is_read_as_a_whole(connection: psycopg.Connection) -> None:
    connection.execute("ALTER TABLE tasks DISABLE TRIGGER USER")
    with connection.cursor() as cursor:
        cursor.execute(FILL, {"number": 5000})
    connection.execute("ALTER TABLE tasks ENABLE TRIGGER USER")
    connection.execute("INSERT INTO task_events (task_id, at, kind) SELECT task_id, created_at, 'failed' FROM tasks")
    connection.execute("SELECT audit_append('a', 'b', 'c', '{}') FROM generate_series(1, 2000)")
    connection.execute("ANALYZE")
    assert {query: plan_reads(connection, query) for query in (*_OF_EVERY_LOOK, *_OF_ALERTS)} == {
        query: set() for query in (*_OF_EVERY_LOOK, *_OF_ALERTS)
    }


async def test_what_has_ended_is_counted_once_a_minute(
    database: Database, connection: psycopg.Connection, tmp_path: Path
) -> None:
    now = [1000.0]
    readings = Readings(Current(Config(database=DatabaseSection(data_dir=tmp_path))), database, clock=lambda: now[0])

    async def cancelled() -> float:
        (found,) = [one.values for one in await readings() if one.name == "tasks"]
        assert set(found) == set(Status)
        return found["CANCELLED"]

    assert await cancelled() == 0
    await request_publication(
        database, PublishRequest(patient_id="P", accession_number="A", clinic_code="c"), MIS, search_time=timedelta()
    )
    connection.execute("UPDATE tasks SET status = 'CANCELLED', due_at = NULL")
    now[0] += 59
    assert await cancelled() == 0
    now[0] += 2
    assert await cancelled() == 1


async def test_a_pacs_is_down_for_whoever_of_its_clinics_asked(database: Database, tmp_path: Path) -> None:
    places = {"a": "ONE", "b": "ONE", "c": "TWO"}
    clinics = tuple(
        Clinic(code=code, name=code, pacs=Pacs(ae_title=name, host="h", port=1)) for code, name in places.items()
    )
    readings = Readings(Current(Config(database=DatabaseSection(data_dir=tmp_path), clinics=clinics)), database)
    async with database.transaction() as tx:
        await outages.begin(tx, OfClinic("a", "ONE"), timedelta(seconds=1))
    (up,) = [one.values for one in await readings() if one.name == "pacs_up"]
    assert up == {"ONE": 0, "TWO": 1}
