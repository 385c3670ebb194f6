"""Measures claims from a long queue behind an old transaction: `python -m tests.bench.claims [FINISHED]`.

A million tasks have ended; a transaction was left open before 20,000 more went through the queue, so that none of the
rows that they were is swept away: about what an hour of a busy clinic leaves.
"""

import asyncio
import sys
import time
from datetime import timedelta
from uuid import uuid4

import psycopg
from tests.bench.rows import Row, at_most, percentile
from tests.peers.restartable import restartable

from studypub.core.clinics import EVERY_CLINIC
from studypub.core.rota import Rota
from studypub.db import tasks
from studypub.db.database import Database

_FLOWED, _MEASURED = 20_000, 1000
_TASKS = b"""
INSERT INTO tasks (clinic_code, patient_id, accession_number, origin, requested_by, search_until, status, due_at)
SELECT 'c' || n %% 2, 'P' || n, 'A' || n, 'mis', 'key:x', now(), %(status)s::task_status,
    CASE %(status)s WHEN 'QUEUED' THEN now() END
FROM generate_series(%(first)s::int, %(last)s::int) n
"""
_FLOW = (
    b"UPDATE tasks SET status = 'SEARCHING', lease_token = gen_random_uuid(), due_at = now() + interval '1 hour'"
    b" WHERE status = 'QUEUED'"
)
_END = b"UPDATE tasks SET status = 'COMPLETED', lease_token = NULL, due_at = NULL WHERE status = 'SEARCHING'"


def rows(finished: int = 1_000_000) -> list[Row]:
    """Return how long a claim takes."""
    with restartable() as postgres:
        url = postgres.database()
        with psycopg.connect(url) as forgotten, psycopg.connect(url, autocommit=True) as connection:
            _add(connection, "COMPLETED", 1, finished)
            forgotten.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
            forgotten.execute("SELECT count(*) FROM tasks")
            _add(connection, "QUEUED", finished + 1, finished + _FLOWED)
            connection.execute(_FLOW)
            connection.execute(_END)
            _add(connection, "QUEUED", finished + _FLOWED + 1, finished + _FLOWED + _MEASURED)
            connection.execute("ANALYZE tasks")
            spans = asyncio.run(_claims(url))
    return [at_most("a claim behind a million tasks and an old transaction, p99", percentile(spans, 99), 20, "ms")]


def _add(connection: psycopg.Connection, status: str, first: int, last: int) -> None:
    connection.execute(_TASKS, {"status": status, "first": first, "last": last})


async def _claims(url: str) -> list[float]:
    spans, rota = [], Rota(("c0", "c1"))
    async with Database(url, size=1, name="bench", sees=EVERY_CLINIC) as database:
        for _ in range(_MEASURED):
            begun = time.perf_counter()
            async with database.transaction() as tx:
                task = await tasks.claim(tx, worker_id=uuid4(), lease=timedelta(hours=1), rota=rota.order)
            assert task is not None
            rota.serve(task.clinic_code)
            spans.append(1000 * (time.perf_counter() - begun))
    return spans


if __name__ == "__main__":
    print(*rows(*map(int, sys.argv[1:])), sep="\n")  # noqa: T201
