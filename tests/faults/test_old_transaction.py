"""Somebody forgets a transaction while the queue flows: claims stay quick, and the table small."""

from datetime import timedelta
from uuid import uuid4

import psycopg
from tests.peers.restartable import Restartable

from studypub.core.clinics import EVERY_CLINIC
from studypub.db import tasks
from studypub.db.database import Database

FLOWED, MEASURED = 20_000, 200
MOST_ROWS = 20  # for one claim
_QUEUE = (
    "INSERT INTO tasks (clinic_code, patient_id, accession_number, origin, requested_by, search_until)"
    " SELECT 'c', 'P', 'A' || n, 'mis', 'key:x', now() FROM generate_series(%s::int, %s::int) n"
)
# What a task leaves in the table and its indexes: the rows that it was.
_FLOW = (
    "UPDATE tasks SET status = 'SEARCHING', lease_token = gen_random_uuid(), due_at = now() + interval '1 hour'",
    "UPDATE tasks SET status = 'COMPLETED', lease_token = NULL, due_at = NULL",
)


async def test_f27_claims_stay_quick_behind_an_old_transaction(postgres: Restartable) -> None:
    postgres.start()
    url = postgres.database()
    with psycopg.connect(url) as forgotten, psycopg.connect(url, autocommit=True) as connection:
        forgotten.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        forgotten.execute("SELECT count(*) FROM tasks")
        connection.execute(_QUEUE, (1, FLOWED))
        for step in _FLOW:
            connection.execute(step.encode())
        connection.execute(_QUEUE, (FLOWED + 1, FLOWED + MEASURED))
        before = _rows_looked_at(connection)
        async with Database(url, size=1, name="test", sees=EVERY_CLINIC) as database:
            for _ in range(MEASURED):
                await _claim(database)
        assert _rows_looked_at(connection) - before < MEASURED * MOST_ROWS
        forgotten.rollback()
        connection.execute("VACUUM tasks")
        row = connection.execute("SELECT pg_total_relation_size('tasks')").fetchone()
        assert row is not None
        assert row[0] < 64 << 20


async def _claim(database: Database) -> None:
    async with database.transaction() as tx:
        assert await tasks.claim(tx, worker_id=uuid4(), lease=timedelta(hours=1)) is not None


def _rows_looked_at(connection: psycopg.Connection) -> int:
    """Return how many rows of the queue were read, by scans and by indexes, those that nobody needs included."""
    looked_at = "SELECT seq_tup_read + idx_tup_fetch FROM pg_stat_user_tables WHERE relname = 'tasks'"
    row = connection.execute(looked_at).fetchone()
    assert row is not None
    return int(row[0])
