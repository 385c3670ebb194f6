"""Claims tasks and carries them out, keeps their leases, and decides what follows a failure."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import timedelta
from uuid import UUID, uuid4

from studypub.config import Workers
from studypub.core.retry import MOST_CRASHES, Limits, after_failure
from studypub.core.task import Event, LeaseLost, Task
from studypub.db import tasks
from studypub.db.database import Database
from studypub.dicom.spool import StudyIsBusy
from studypub.errors import DatabaseUnavailable, InternalError, SetAside, StudypubError
from studypub.flows.retrieve import Progress

log = logging.getLogger(__name__)

_POLL_SECONDS = 5.0
_HEARTBEAT_SECONDS = 2.0
_BUSY_DELAY = timedelta(seconds=5)
_GIVE_BACK_SECONDS = 5.0

CarryOut = Callable[[Task, Progress], Awaitable[object]]
Afterwards = Callable[[Task], Awaitable[object]]


class WorkerLoop:
    """A number of workers on one queue; each holds one task at a time."""

    def __init__(
        self, database: Database, carry_out: CarryOut, limits: Workers, *, afterwards: Afterwards | None = None
    ) -> None:
        """`afterwards` is done after every attempt, whatever became of it."""
        self._database = database
        self._carry_out = carry_out
        self._afterwards = afterwards
        self._concurrency = limits.concurrency
        self._lease = timedelta(seconds=limits.lease_seconds)
        self._limits = Limits(
            limits.max_attempts,
            timedelta(seconds=limits.retry_base_seconds),
            timedelta(seconds=limits.search_interval_seconds),
        )
        self._worker_id: UUID = uuid4()
        self._wake = asyncio.Event()
        self._draining = asyncio.Event()
        self._ended = asyncio.Event()
        self._jobs: set[asyncio.Task[None]] = set()

    def wake(self) -> None:
        """Look for tasks now instead of at the next poll."""
        self._wake.set()

    async def run(self) -> None:
        """Claim and carry out tasks until drained."""
        try:
            async with asyncio.TaskGroup() as group:
                for _ in range(self._concurrency):
                    group.create_task(self._work())
        finally:
            self._ended.set()

    async def drain(self, grace: float) -> None:
        """Claim nothing more; let what runs come to an end for `grace` seconds, then give it back to the queue."""
        self._draining.set()
        self._wake.set()
        if not await self._ends_within(grace):
            for job in self._jobs:
                job.cancel()
            await self._ends_within(_GIVE_BACK_SECONDS)

    async def _ends_within(self, seconds: float) -> bool:
        with suppress(TimeoutError):
            await asyncio.wait_for(self._ended.wait(), seconds)
        return self._ended.is_set()

    async def _work(self) -> None:
        while not self._draining.is_set():
            self._wake.clear()
            task = await self._claim()
            if task is None:
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._wake.wait(), _POLL_SECONDS)
                continue
            self._wake.set()  # where one task is due, there may be another
            job = asyncio.create_task(self._job_and_afterwards(task), name=f"task {task.task_id}")
            self._jobs.add(job)
            job.add_done_callback(self._jobs.discard)
            await asyncio.wait([job])

    async def _claim(self) -> Task | None:
        try:
            async with self._database.transaction() as tx:
                return await tasks.claim(tx, worker_id=self._worker_id, lease=self._lease)
        except DatabaseUnavailable:
            log.warning("База данных недоступна, задания ждут")
            return None

    async def _job_and_afterwards(self, task: Task) -> None:
        await self._job(task)
        if self._afterwards is not None:
            with suppress(DatabaseUnavailable):  # housekeeping does it later
                await self._afterwards(task)

    async def _job(self, task: Task) -> None:
        """Run one task to an outcome and write the outcome down."""
        try:
            try:
                await self._attempt(task)
            except LeaseLost:
                raise
            except StudyIsBusy:
                await self._postpone(task, _BUSY_DELAY, task.attempt - 1, None)
            except asyncio.CancelledError:
                await self._postpone(task, timedelta(0), task.attempt - 1, None)
            except StudypubError as error:
                await self._failed(task, error)
            except Exception as error:  # the worker must live on, whatever one task does
                log.exception("Непредвиденная ошибка задания", extra={"details": _details(task)})
                failure = InternalError()
                failure.__cause__ = error
                await self._failed(task, failure)
        except LeaseLost:
            log.warning("Задание больше не наше, результат отброшен", extra={"details": _details(task)})
        except DatabaseUnavailable:
            # The lease will run out and the task will be taken again.
            log.warning("Исход задания не записан: база данных недоступна", extra={"details": _details(task)})

    async def _attempt(self, task: Task) -> None:
        if task.crashes >= MOST_CRASHES:
            raise SetAside(attempts=task.crashes)
        progress = Progress()
        work = asyncio.ensure_future(self._carry_out(task, progress))
        heartbeat = asyncio.create_task(self._heartbeat(task, progress))
        try:
            await asyncio.wait([work, heartbeat], return_when=asyncio.FIRST_COMPLETED)
            if work.done():
                await work
            else:
                await heartbeat  # it ends only by losing the lease
        finally:
            for future in (work, heartbeat):
                future.cancel()
            await asyncio.gather(work, heartbeat, return_exceptions=True)

    async def _heartbeat(self, task: Task, progress: Progress) -> None:
        """Extend the lease again and again; raise LeaseLost when it is lost, or when it can no longer be extended."""
        loop = asyncio.get_running_loop()
        lease = self._lease.total_seconds()
        kept_until = loop.time() + lease
        while True:
            await asyncio.sleep(min(_HEARTBEAT_SECONDS, lease / 4))
            began = loop.time()
            give_up = kept_until - lease / 3
            try:
                async with asyncio.timeout_at(give_up), self._database.transaction() as tx:
                    await tasks.extend_lease(tx, task, lease=self._lease, received=progress.received)
                kept_until = began + lease
            except (DatabaseUnavailable, TimeoutError):
                if loop.time() >= give_up:
                    raise LeaseLost from None

    async def _failed(self, task: Task, error: StudypubError) -> None:
        async with self._database.transaction() as tx:
            current = await tasks.find(tx, task.task_id, clinic_code=None)
            if current is None or current.lease_token != task.lease_token:
                raise LeaseLost
            later = after_failure(current, error, self._limits, await tx.now())
            if later is not None:
                await tasks.postpone(tx, current, delay=later.delay, attempts=later.attempts, why=error)
            else:
                await tasks.end(tx, current, Event.FAIL, why=error)
        log.log(
            logging.WARNING if later else logging.ERROR,
            "Исследование %s %s: %s",
            task.accession_number,
            "отложено" if later else "не опубликовано",
            error.sentence.ru,
            exc_info=error,
            extra={"details": {**_details(task), "status": "QUEUED" if later else "FAILED", "code": error.code}},
        )

    async def _postpone(self, task: Task, delay: timedelta, attempts: int, why: StudypubError | None) -> None:
        async with self._database.transaction() as tx:
            current = await tasks.find(tx, task.task_id, clinic_code=None)
            if current is None or current.lease_token != task.lease_token:
                raise LeaseLost
            await tasks.postpone(tx, current, delay=delay, attempts=attempts, why=why)


def _details(task: Task) -> dict[str, object]:
    return {"pid": task.patient_id, "acsn": task.accession_number, "task_id": str(task.task_id)}
