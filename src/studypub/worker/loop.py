"""Claims tasks and carries them out, and decides what follows a failure."""

import asyncio
import logging
import os
import time
from collections.abc import Awaitable, Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from functools import partial
from typing import NoReturn
from uuid import UUID, uuid4

from studypub import log as logs
from studypub.config import Workers
from studypub.core.retry import MOST_CRASHES, Limits
from studypub.core.rota import Rota
from studypub.core.task import LeaseLost, Task
from studypub.db import tasks
from studypub.db.database import Database
from studypub.dicom.spool import StudyIsBusy
from studypub.errors import DatabaseUnavailable, InternalError, Sentence, SetAside, StudypubError
from studypub.flows.retrieve import Progress
from studypub.worker.heartbeat import keep_lease
from studypub.worker.outcome import Outcomes, details

log = logging.getLogger(__name__)

_POLL_SECONDS = 5.0
_CLAIM_SECONDS = 10.0
_BUSY_DELAY = timedelta(seconds=5)
_GIVE_BACK_SECONDS = 5.0
_STALLED_SECONDS = 60.0
_LAST_WORDS_SECONDS = 1.0
_EXHAUSTED = 70  # sysexits.h: EX_SOFTWARE

CarryOut = Callable[[Task, Progress], Awaitable[object]]
Afterwards = Callable[[Task], Awaitable[object]]


class _AnotherSuspect(Exception):
    """Another task that may have ended a process is running."""


class WorkerLoop:
    """A number of workers on one queue; each holds one task at a time.

    `instance` names this daemon in its tasks from one start to the next: nobody else may be running under it.
    `obstacle` says why nothing can be begun now, or None. `afterwards` is done after every attempt, whatever became of
    it. The `clinics` take turns.
    """

    def __init__(
        self,
        database: Database,
        carry_out: CarryOut,
        limits: Workers,
        *,
        instance: UUID | None = None,
        obstacle: Callable[[], Sentence | None] = lambda: None,
        afterwards: Afterwards | None = None,
        clinics: Iterable[str] = (),
    ) -> None:
        self._database = database
        self._carry_out = carry_out
        self._afterwards = afterwards
        self._lease = timedelta(seconds=limits.lease_seconds)
        self._limits = Limits(
            limits.max_attempts,
            timedelta(seconds=limits.retry_base_seconds),
            timedelta(seconds=limits.search_interval_seconds),
        )
        self._instance = instance or uuid4()
        self._obstacle = obstacle
        self._rota = Rota(clinics)
        self._hindered: Sentence | None = None
        self._suspect: UUID | None = None
        self._wake = asyncio.Event()
        self._draining = asyncio.Event()
        self._ended = asyncio.Event()
        self._jobs: set[asyncio.Task[None]] = set()
        self._seen = [time.monotonic()] * limits.concurrency

    def wake(self) -> None:
        """Look for tasks now instead of at the next poll."""
        self._wake.set()

    def admit(self, clinics: Iterable[str]) -> None:
        """Let these clinics, too, take turns from now on."""
        self._rota.admit(clinics)

    @property
    def busy(self) -> int:
        """How many tasks are in work."""
        return len(self._jobs)

    def is_moving(self) -> bool:
        """Whether each worker has shown a sign of life lately."""
        return self._draining.is_set() or time.monotonic() - min(self._seen) < _STALLED_SECONDS

    async def run(self) -> None:
        """Claim and carry out tasks until drained; begin with those that an earlier process of ours left."""
        try:
            await self._take_back()
            async with asyncio.TaskGroup() as group:
                for number in range(len(self._seen)):
                    group.create_task(self._work(number))
        finally:
            self._ended.set()

    def claim_no_more(self) -> None:
        """Begin nothing from now on."""
        self._draining.set()
        self._wake.set()

    async def drain(self, grace: float, hurry: asyncio.Event | None = None) -> None:
        """Claim nothing more; let what runs come to an end for `grace` seconds, then give it back to the queue.

        Once `hurry` is set, the time is over.
        """
        self.claim_no_more()
        if not await self._ends_within(grace, hurry or asyncio.Event()):
            for job in self._jobs:
                job.cancel()
            await self._ends_within(_GIVE_BACK_SECONDS, asyncio.Event())

    async def _ends_within(self, seconds: float, hurry: asyncio.Event) -> bool:
        waiting = [asyncio.create_task(event.wait()) for event in (self._ended, hurry)]
        await asyncio.wait(waiting, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        for one in waiting:
            one.cancel()
        return self._ended.is_set()

    async def _take_back(self) -> None:
        with suppress(DatabaseUnavailable):  # their leases run out by themselves
            async with self._database.transaction() as tx:
                left = await tasks.take_back(tx, worker_id=self._instance)
            if left:
                log.warning("Прерванных заданий: %s, они начнутся заново", left)

    async def _work(self, number: int) -> None:
        while not self._draining.is_set():
            self._see(number)
            self._wake.clear()
            task = await self._claim()
            if task is None:
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._wake.wait(), _POLL_SECONDS)
                continue
            self._wake.set()  # where one task is due, there may be another
            seen = partial(self._see, number)
            job = asyncio.create_task(self._job_and_afterwards(task, seen), name=f"task {task.task_id}")
            self._jobs.add(job)
            job.add_done_callback(self._jobs.discard)
            await asyncio.wait([job])

    def _see(self, number: int) -> None:
        self._seen[number] = time.monotonic()

    async def _claim(self) -> Task | None:
        if self._is_hindered():
            return None
        try:
            async with asyncio.timeout(_CLAIM_SECONDS), self._database.transaction() as tx:
                task = await tasks.claim(tx, worker_id=self._instance, lease=self._lease, rota=self._rota.order)
        except (DatabaseUnavailable, TimeoutError):
            log.warning("База данных недоступна, задания ждут")
            return None
        if task is not None:
            self._rota.serve(task.clinic_code)
        return task

    async def _job_and_afterwards(self, task: Task, seen: Callable[[], None]) -> None:
        await self._job(task, seen)
        if self._afterwards is not None:
            with suppress(DatabaseUnavailable):  # housekeeping does it later
                await self._afterwards(task)

    def _is_hindered(self) -> bool:
        hindered = self._obstacle()
        if hindered != self._hindered:
            log.warning("Задания %s", f"ждут. {hindered.ru}" if hindered else "снова выполняются")
        self._hindered = hindered
        return hindered is not None

    async def _job(self, task: Task, seen: Callable[[], None]) -> None:
        """Run one task to an outcome and write the outcome down."""
        outcomes = Outcomes(self._database, self._limits, seen)
        try:
            try:
                await self._attempt(task, seen)
            except LeaseLost:
                raise
            except StudyIsBusy:
                await outcomes.given_back(task, _BUSY_DELAY)
            except _AnotherSuspect:
                await outcomes.given_back(task, _BUSY_DELAY, crashes=task.crashes)
            except MemoryError:
                _end_process(task)
            except asyncio.CancelledError:
                await outcomes.given_back(task, timedelta(0))
            except StudypubError as error:
                await outcomes.failed(task, error)
            except Exception as error:  # the worker must live on, whatever one task does
                log.exception("Непредвиденная ошибка задания", extra={"details": details(task)})
                failure = InternalError()
                failure.__cause__ = error
                await outcomes.failed(task, failure)
        except LeaseLost:
            log.warning("Задание больше не наше, результат отброшен", extra={"details": details(task)})

    async def _attempt(self, task: Task, seen: Callable[[], None]) -> None:
        if task.crashes >= MOST_CRASHES or task.attempt > self._limits.max_attempts:
            raise SetAside(attempts=task.crashes)
        with self._alone_if_suspect(task):
            progress = Progress()
            work = asyncio.ensure_future(self._carry_out(task, progress))
            heartbeat = asyncio.create_task(keep_lease(self._database, task, self._lease, progress, seen))
            try:
                await asyncio.wait([work, heartbeat], return_when=asyncio.FIRST_COMPLETED)
                await (work if work.done() else heartbeat)
            finally:
                for future in (work, heartbeat):
                    future.cancel()
                await asyncio.gather(work, heartbeat, return_exceptions=True)

    @contextmanager
    def _alone_if_suspect(self, task: Task) -> Iterator[None]:
        """Of those that were running when a process ended only one runs at a time, so that the culprit is known."""
        if task.crashes and self._suspect:
            raise _AnotherSuspect
        if task.crashes:
            self._suspect = task.task_id
        try:
            yield
        finally:
            if self._suspect == task.task_id:
                self._suspect = None


def _end_process(task: Task) -> NoReturn:
    """End at once, as the kernel does where memory runs out: nobody knows what else of this process lacks a piece.

    The tasks that were running begin anew in the next one, and this counts as a crash of theirs.
    """
    log.critical("Память кончилась, процесс завершается", extra={"details": details(task)})
    logs.flush(_LAST_WORDS_SECONDS)
    os._exit(_EXHAUSTED)
