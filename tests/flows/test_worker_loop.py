"""Workers: what they make of outcomes, how they keep and lose tasks, how they stop."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from uuid import UUID, uuid4

import psycopg
import pytest
from tests.peers.queue import QueueWatch

from studypub.config import Workers
from studypub.core.request import PublishRequest
from studypub.core.task import Event, Origin, Status, Task
from studypub.db import tasks
from studypub.db.database import Database
from studypub.dicom.reception import Reception
from studypub.dicom.spool import StudyIsBusy
from studypub.errors import PacsUnreachable, PatientMismatch, StudyNotFound
from studypub.flows import cancel as cancelling
from studypub.flows.request import Asker, request_publication
from studypub.flows.retrieve import Progress
from studypub.worker.loop import CarryOut, WorkerLoop

SECRET = "Ковалевская^Софья"
UNREACHABLE = PacsUnreachable("refused", pacs="X", address="h:1")
QUICK = Workers(
    concurrency=2, max_attempts=3, search_interval_seconds=0.05, retry_base_seconds=0.01, lease_seconds=20.0
)
SHORT_LEASE = Workers(concurrency=1, max_attempts=3, retry_base_seconds=600.0, lease_seconds=1.0)


async def queued(database: Database, number: int = 1, search: timedelta = timedelta(0)) -> UUID:
    request = PublishRequest(patient_id="P1", accession_number=f"A{number}", clinic_code="c")
    return (await request_publication(database, request, Asker("key:x", Origin.MIS), search_time=search)).task.task_id


@asynccontextmanager
async def working(database: Database, way: CarryOut, limits: Workers = QUICK) -> AsyncIterator[WorkerLoop]:
    loop = WorkerLoop(database, way, limits)
    running = asyncio.create_task(loop.run())
    try:
        yield loop
    finally:
        await loop.drain(0.2)
        await running


async def complete(database: Database, task: Task) -> None:
    """Walk the task to its end without a study."""
    async with database.transaction() as tx:
        for event in (Event.FOUND, Event.RECEIVED, Event.PREPARED):
            task = await tasks.advance(tx, task, event)
        await tasks.end(tx, task, Event.PUBLISHED)


class Scripted:
    """Carries tasks out as told: one step for each attempt, the last one again and again."""

    def __init__(self, database: Database, *steps: BaseException | None) -> None:
        self._database = database
        self._steps = list(steps)
        self.attempts: list[Task] = []

    async def __call__(self, task: Task, _: Progress) -> None:
        self.attempts.append(task)
        step = self._steps[min(len(self.attempts), len(self._steps)) - 1]
        if step is not None:
            raise step
        await complete(self._database, task)


class Hanging:
    """Carries a task out without end, until it is told to go on."""

    def __init__(self) -> None:
        self.begun = asyncio.Event()
        self.go_on = asyncio.Event()
        self.cancelled = asyncio.Event()

    async def __call__(self, _task: Task, _progress: Progress) -> None:
        self.begun.set()
        try:
            await self.go_on.wait()
        except asyncio.CancelledError:
            self.cancelled.set()
            raise


async def test_a_task_is_carried_out(database: Database, queue_watch: QueueWatch) -> None:
    task_id = await queued(database)
    way = Scripted(database, None)
    async with working(database, way):
        done = await queue_watch.until(task_id, Status.COMPLETED)
    assert (done.attempt, done.error_code, len(way.attempts)) == (1, None, 1)


async def test_what_can_heal_is_tried_again_and_then_fails(database: Database, queue_watch: QueueWatch) -> None:
    task_id = await queued(database)
    way = Scripted(database, UNREACHABLE)
    async with working(database, way) as loop:
        failed = await queue_watch.until(task_id, Status.FAILED, loop.wake)
    assert [task.attempt for task in way.attempts] == [1, 2, 3]
    assert (failed.error_code, failed.error_text) == ("PACS_UNREACHABLE", UNREACHABLE.sentence)


async def test_what_heals_is_completed_and_its_error_forgotten(database: Database, queue_watch: QueueWatch) -> None:
    task_id = await queued(database)
    async with working(database, Scripted(database, UNREACHABLE, UNREACHABLE, None)) as loop:
        done = await queue_watch.until(task_id, Status.COMPLETED, loop.wake)
    assert (done.attempt, done.error_code, done.error_text) == (3, None, None)


async def test_while_it_waits_its_reason_can_be_read(database: Database, queue_watch: QueueWatch) -> None:
    task_id = await queued(database)
    slow = Workers(concurrency=1, retry_base_seconds=3600)
    async with working(database, Scripted(database, UNREACHABLE), slow):
        waiting = await queue_watch.until(task_id, lambda task: task.error_code is not None)
    assert (waiting.status, waiting.attempt) == (Status.QUEUED, 1)
    assert waiting.due_at is not None
    assert waiting.due_at - waiting.updated_at > timedelta(minutes=11)  # a quarter of an hour, less a quarter


async def test_what_cannot_heal_fails_at_once(database: Database, queue_watch: QueueWatch) -> None:
    task_id = await queued(database)
    way = Scripted(database, PatientMismatch(accession_number="A1", patient_id="P1"))
    async with working(database, way):
        failed = await queue_watch.until(task_id, Status.FAILED)
    assert (failed.error_code, len(way.attempts)) == ("PATIENT_MISMATCH", 1)


async def test_a_missing_study_is_looked_for_without_counting_attempts(
    database: Database, queue_watch: QueueWatch, connection: psycopg.Connection
) -> None:
    task_id = await queued(database, search=timedelta(hours=1))
    way = Scripted(database, StudyNotFound(accession_number="A1"))
    async with working(database, way) as loop:
        await queue_watch.until(task_id, lambda _: len(way.attempts) > QUICK.max_attempts + 1, loop.wake)
        waiting = await queue_watch.until(task_id, Status.QUEUED, loop.wake)
        assert (waiting.attempt, waiting.error_code) == (0, "STUDY_NOT_FOUND")
        connection.execute("UPDATE tasks SET search_until = now()")
        failed = await queue_watch.until(task_id, Status.FAILED, loop.wake)
    assert failed.error_code == "STUDY_NOT_FOUND"


async def test_the_unforeseen_is_internal_and_says_nothing(
    database: Database, queue_watch: QueueWatch, caplog: pytest.LogCaptureFixture
) -> None:
    task_id = await queued(database)
    way = Scripted(database, ValueError(SECRET))
    async with working(database, way) as loop:
        failed = await queue_watch.until(task_id, Status.FAILED, loop.wake)
    assert (failed.error_code, len(way.attempts)) == ("INTERNAL", 3)
    assert SECRET not in str(failed)
    assert SECRET not in "".join(record.getMessage() for record in caplog.records)


async def test_a_study_that_another_task_receives_is_asked_for_later(
    database: Database, queue_watch: QueueWatch
) -> None:
    task_id = await queued(database)
    async with working(database, Scripted(database, StudyIsBusy())):
        waiting = await queue_watch.until(
            task_id, lambda task: task.status is Status.QUEUED and task.updated_at > task.created_at
        )
    assert (waiting.attempt, waiting.error_code) == (0, None)


async def test_f64_a_task_that_ends_its_process_is_set_aside(database: Database, queue_watch: QueueWatch) -> None:
    task_id = await queued(database)
    for _ in range(4):  # claimed by processes that died
        async with database.transaction() as tx:
            assert await tasks.claim(tx, worker_id=uuid4(), lease=timedelta(0)) is not None
    other = await queued(database, 2)
    way = Scripted(database, None)
    async with working(database, way) as loop:
        failed = await queue_watch.until(task_id, Status.FAILED, loop.wake)
        await queue_watch.until(other, Status.COMPLETED, loop.wake)
    assert failed.error_code == "INTERNAL"
    assert failed.error_text is not None
    assert "set aside" in failed.error_text.en
    assert [task.task_id for task in way.attempts] == [other]


async def test_many_tasks_are_spread_over_the_workers(database: Database, queue_watch: QueueWatch) -> None:
    ids = [await queued(database, number) for number in range(6)]
    both = asyncio.Barrier(2)
    seen: list[UUID] = []

    async def together(task: Task, _: Progress) -> None:
        await both.wait()  # would hang if one worker did all
        seen.append(task.task_id)
        await complete(database, task)

    async with working(database, together) as loop:
        for task_id in ids:
            await queue_watch.until(task_id, Status.COMPLETED, loop.wake)
    assert sorted(seen) == sorted(ids)


@pytest.mark.parametrize("workers", [1, 2])
async def test_a_clinic_s_flood_does_not_keep_another_s_task_waiting(
    database: Database, connection: psycopg.Connection, workers: int
) -> None:
    queue = (
        "INSERT INTO tasks (clinic_code, patient_id, accession_number, origin, requested_by, search_until, due_at)"
        " SELECT %s, 'P', 'A' || n, 'mis', 'key:x', now(), now() - %s * interval '1 hour' FROM generate_series(1, %s) n"
    )
    connection.execute(queue, ("flood", 1, 200))
    served: list[str] = []
    done = asyncio.Event()

    async def note(task: Task, _: Progress) -> None:
        served.append(task.clinic_code)
        if len(served) == 5:
            connection.execute(queue, ("c", 0, 1))
            connection.execute(queue, ("gone from the configuration", 0, 1))
        if task.clinic_code == "c":
            done.set()
        await complete(database, task)

    loop = WorkerLoop(database, note, Workers(concurrency=workers), clinics=["flood", "c"])
    running = asyncio.create_task(loop.run())
    await asyncio.wait_for(done.wait(), 60)
    await loop.drain(5)
    await running
    # Each other worker may have claimed one before it came, and one more may be noted before it though claimed after.
    assert served.index("c") <= 5 + 2 * (workers - 1)


async def test_the_heartbeat_keeps_the_task_and_tells_its_progress(
    database: Database, queue_watch: QueueWatch, tmp_path: Path
) -> None:
    task_id = await queued(database)
    go_on = asyncio.Event()

    async def slow(task: Task, progress: Progress) -> None:
        progress.reception = Reception(tmp_path)
        for number in range(7):
            progress.reception.add(f"1.2.{number}", "1.2", b"", b"")
        await go_on.wait()
        await complete(database, task)

    async with working(database, slow, SHORT_LEASE) as loop:
        begun = await queue_watch.until(task_id, Status.SEARCHING)
        assert begun.due_at is not None
        first_lease = begun.due_at
        kept = await queue_watch.until(
            task_id,
            lambda task: task.due_at is not None and task.due_at - first_lease > timedelta(seconds=2),
            loop.wake,
        )
        assert (kept.received, kept.attempt, kept.lease_token) == (7, 1, begun.lease_token)
        go_on.set()
        done = await queue_watch.until(task_id, Status.COMPLETED)
    assert (done.attempt, done.crashes) == (1, 0)


async def test_a_cancelled_task_is_dropped_in_the_middle(
    database: Database, queue_watch: QueueWatch, caplog: pytest.LogCaptureFixture
) -> None:
    task_id = await queued(database)
    way = Hanging()
    with caplog.at_level(logging.WARNING):
        async with working(database, way, SHORT_LEASE):
            async with asyncio.timeout(10):
                await way.begun.wait()
                await cancelling.cancel(database, task_id, actor="user:a", clinic_code=None)
                await way.cancelled.wait()
    assert (await queue_watch.task(task_id)).status is Status.CANCELLED
    assert not [record for record in caplog.records if record.levelno >= logging.ERROR]


async def test_f14_a_worker_whose_task_was_taken_over_stops_it(
    database: Database, queue_watch: QueueWatch, connection: psycopg.Connection
) -> None:
    task_id = await queued(database)
    way = Hanging()
    async with working(database, way, SHORT_LEASE), asyncio.timeout(10):
        await way.begun.wait()
        connection.execute("UPDATE tasks SET lease_token = gen_random_uuid(), due_at = now() + interval '1 hour'")
        theirs = await queue_watch.task(task_id)
        await way.cancelled.wait()
    assert await queue_watch.task(task_id) == theirs


async def test_f17_a_worker_that_cannot_keep_its_lease_stops_before_it_ends(
    database: Database, queue_watch: QueueWatch, connection: psycopg.Connection
) -> None:
    task_id = await queued(database)
    way = Hanging()
    async with working(database, way, SHORT_LEASE), asyncio.timeout(10):
        await way.begun.wait()
        # Nobody can write to the row: the heartbeat hangs.
        with psycopg.connect(connection.info.dsn, password=connection.info.password) as holder:
            holder.execute("SELECT FROM tasks FOR UPDATE")
            await way.cancelled.wait()
        given_back = await queue_watch.until(task_id, Status.QUEUED)
    assert (given_back.attempt, given_back.crashes, given_back.error_code) == (0, 0, "DATABASE_UNAVAILABLE")


async def test_f12_draining_lets_what_runs_come_to_its_end(database: Database, queue_watch: QueueWatch) -> None:
    task_id, waiting_id = await queued(database, 1), await queued(database, 2)
    begun, go_on = asyncio.Event(), asyncio.Event()

    async def slow(task: Task, _: Progress) -> None:
        begun.set()
        await go_on.wait()
        await complete(database, task)

    loop = WorkerLoop(database, slow, Workers(concurrency=1))
    running = asyncio.create_task(loop.run())
    await asyncio.wait_for(begun.wait(), 60)
    draining = asyncio.create_task(loop.drain(20))
    await asyncio.sleep(0)
    go_on.set()
    await asyncio.wait_for(asyncio.gather(draining, running), 10)
    assert (await queue_watch.task(task_id)).status is Status.COMPLETED
    assert (await queue_watch.task(waiting_id)).status is Status.QUEUED


async def test_f12_what_does_not_end_is_given_back_without_burning_an_attempt(
    database: Database, queue_watch: QueueWatch
) -> None:
    task_id = await queued(database)
    way = Hanging()
    loop = WorkerLoop(database, way, QUICK)
    running = asyncio.create_task(loop.run())
    await asyncio.wait_for(way.begun.wait(), 60)
    await asyncio.wait_for(loop.drain(0.05), 10)
    await asyncio.wait_for(running, 10)
    given_back = await queue_watch.task(task_id)
    assert (given_back.status, given_back.attempt, given_back.crashes) == (Status.QUEUED, 0, 0)
    assert given_back.lease_token is None
    assert given_back.due_at is not None
    assert given_back.due_at <= given_back.updated_at


async def test_f13_a_task_claimed_while_draining_began_is_not_forgotten(
    database: Database, queue_watch: QueueWatch, connection: psycopg.Connection
) -> None:
    """The claim waits for the database at the moment of the drain; its task runs, or is given back."""
    task_id = await queued(database)
    way = Hanging()
    loop = WorkerLoop(database, way, Workers(concurrency=1))
    with psycopg.connect(connection.info.dsn, password=connection.info.password) as holder:
        holder.execute("LOCK TABLE tasks IN ACCESS EXCLUSIVE MODE")
        running = asyncio.create_task(loop.run())
        waits = "SELECT 1 FROM pg_locks WHERE NOT granted AND relation = 'tasks'::regclass"
        async with asyncio.timeout(10):
            while connection.execute(waits).fetchone() is None:  # noqa: ASYNC110 - a lock tells nobody
                await asyncio.sleep(0)
        draining = asyncio.create_task(loop.drain(0.5))
        await asyncio.sleep(0)
    await asyncio.wait_for(draining, 10)
    assert running.done()
    given_back = await queue_watch.task(task_id)
    assert (given_back.status, given_back.attempt) == (Status.QUEUED, 0)


async def test_an_idle_loop_stops_at_once(database: Database) -> None:
    loop = WorkerLoop(database, Hanging(), QUICK)
    running = asyncio.create_task(loop.run())
    await asyncio.wait_for(loop.drain(30), 3)
    await asyncio.wait_for(running, 1)


async def test_a_new_task_is_taken_when_the_workers_are_woken(database: Database, queue_watch: QueueWatch) -> None:
    way = Scripted(database, None)
    async with working(database, way) as loop:
        task_id = await queued(database)
        loop.wake()
        await queue_watch.until(task_id, Status.COMPLETED)
