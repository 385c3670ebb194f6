"""Tells when a task has changed, so that a test need not ask again and again."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from dataclasses import dataclass
from uuid import UUID

import psycopg
import pytest

from studypub.core.task import Status, Task
from studypub.db import tasks
from studypub.db.database import Database
from studypub.errors import DatabaseUnavailable

_SECONDS = 60.0
_TRIES = 5
_LOOK_AGAIN_SECONDS = 0.1  # a task that was given back is due after a while of which nobody tells


@dataclass
class QueueWatch:
    """Follows tasks by notifications."""

    database: Database
    connection: psycopg.AsyncConnection

    async def task(self, task_id: UUID) -> Task:
        """Return the task as it is now; on a busy machine a connection may take its time."""
        for _ in range(_TRIES):
            with suppress(DatabaseUnavailable):
                async with self.database.transaction() as tx:
                    found = await tasks.find(tx, task_id, clinic_code=None)
                assert found is not None
                return found
        raise AssertionError("no connection")

    async def until(
        self, task_id: UUID, reached: Callable[[Task], bool] | Status, wake: Callable[[], None] = lambda: None
    ) -> Task:
        """Wait until the task is so, and return it; `wake` is called meanwhile, for workers that poll."""
        last: Task | None = None
        try:
            async with asyncio.timeout(_SECONDS):
                while True:
                    last = await self.task(task_id)
                    if last.status is reached if isinstance(reached, Status) else reached(last):
                        return last
                    wake()
                    async for _ in self.connection.notifies(timeout=_LOOK_AGAIN_SECONDS, stop_after=1):
                        pass
        except TimeoutError:
            raise AssertionError(f"the task stayed as it is: {last}") from None


@pytest.fixture
async def queue_watch(database: Database, database_url: str) -> AsyncIterator[QueueWatch]:
    """The queue of the test's database, with a trigger that tells of every change."""
    async with await psycopg.AsyncConnection.connect(database_url, autocommit=True) as connection:
        await connection.execute(
            "CREATE FUNCTION told_to_tests() RETURNS trigger LANGUAGE plpgsql AS"
            " $$ BEGIN PERFORM pg_notify('tests', ''); RETURN NULL; END $$"
        )
        await connection.execute(
            "CREATE TRIGGER told_to_tests AFTER INSERT OR UPDATE ON tasks EXECUTE FUNCTION told_to_tests()"
        )
        await connection.execute("LISTEN tests")
        yield QueueWatch(database, connection)
        await connection.execute("DROP FUNCTION told_to_tests CASCADE")
