"""Writes down what became of a task that did not come to its end, however long the database is away."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from datetime import timedelta

from studypub.core.retry import Limits, after_failure
from studypub.core.task import Event, LeaseLost, Task
from studypub.db import tasks
from studypub.db.database import Database, Transaction
from studypub.errors import DatabaseUnavailable, StudypubError

log = logging.getLogger(__name__)
_AGAIN_SECONDS = 1.0


class Outcomes:
    """Failures and returns to the queue; both raise LeaseLost where the task is not ours any more.

    The lease may run out while the database is away. Whoever claims the task then has a lease token of his own, by
    which we notice; else the task is still ours to give back, and its attempt has not ended by a crash.
    """

    def __init__(self, database: Database, limits: Limits, seen: Callable[[], None]) -> None:
        """`seen` is called at every try: whoever waits for the database has not stalled."""
        self._database = database
        self._limits = limits
        self._seen = seen

    async def failed(self, task: Task, error: StudypubError) -> None:
        """Decide whether the task is tried again, and when."""
        later = await self._written(task, lambda tx, current: self._decided(tx, current, error))
        log.log(
            logging.WARNING if later else logging.ERROR,
            "Исследование %s %s: %s",
            task.accession_number,
            "отложено" if later else "не опубликовано",
            error.sentence.ru,
            exc_info=error,
            extra={"details": {**details(task), "status": "QUEUED" if later else "FAILED", "code": error.code}},
        )

    async def given_back(self, task: Task, delay: timedelta, *, crashes: int = 0) -> None:
        """Return the task to the queue as if it had not been taken; `crashes` is what its count becomes."""

        async def give_back(tx: Transaction, current: Task) -> bool:
            await tasks.postpone(tx, current, delay=delay, attempts=task.attempt - 1, crashes=crashes)
            return True

        await self._written(task, give_back)

    async def _decided(self, tx: Transaction, task: Task, error: StudypubError) -> bool:
        later = after_failure(task, error, self._limits, await tx.now())
        if later is None:
            await tasks.end(tx, task, Event.FAIL, why=error)
        else:
            await tasks.postpone(tx, task, delay=later.delay, attempts=later.attempts, why=error)
        return later is not None

    async def _written(self, task: Task, write: Callable[[Transaction, Task], Awaitable[bool]]) -> bool:
        while True:
            self._seen()
            try:
                async with self._database.transaction() as tx:
                    current = await tasks.find(tx, task.task_id, clinic_code=None)
                    if current is None or current.lease_token != task.lease_token:
                        raise LeaseLost
                    return await write(tx, current)
            except DatabaseUnavailable:
                log.warning("Исход задания ждёт базы данных", extra={"details": details(task)})
                await asyncio.sleep(_AGAIN_SECONDS)


def details(task: Task) -> dict[str, object]:
    """Return what a line of the log says of a task."""
    return {"pid": task.patient_id, "acsn": task.accession_number, "task_id": str(task.task_id)}
