"""The queue: claimed once, leased, guarded; stale workers change nothing."""

import asyncio
from datetime import timedelta
from uuid import uuid4

import psycopg
import pytest

from studypub.core.clinics import EVERY_CLINIC
from studypub.core.request import PublishRequest
from studypub.core.rota import Rota
from studypub.core.task import Event, Handled, IllegalTransition, LeaseLost, LeftOut, Origin, Status, Task
from studypub.db import queue, tasks
from studypub.db.database import Database
from studypub.db.queue import QueueFilter
from studypub.errors import AlreadyInProgress, IncompleteRetrieve, PacsUnreachable, Sentence
from studypub.flows import cancel as cancelling
from studypub.flows.request import Answer, Asker, request_publication

REQUEST = PublishRequest(patient_id="P1", accession_number="A1", clinic_code="c")
MIS = Asker("key:abcdefgh", Origin.MIS)
MINUTE = timedelta(minutes=1)
UNREACHABLE = PacsUnreachable(pacs="X", address="h:1")


async def queued(database: Database, accession_number: str = "A1") -> Task:
    request = PublishRequest(patient_id="P1", accession_number=accession_number, clinic_code="c")
    return (await request_publication(database, request, MIS, search_time=MINUTE)).task


async def claimed(database: Database, lease: timedelta = MINUTE) -> Task | None:
    async with database.transaction() as tx:
        return await tasks.claim(tx, worker_id=uuid4(), lease=lease)


async def running(database: Database) -> Task:
    await queued(database)
    task = await claimed(database)
    assert task is not None
    return task


async def again(database: Database, task: Task) -> Task:
    """Let the lease run out, and let another worker take the task."""
    async with database.transaction() as tx:
        await tasks.extend_lease(tx, task, lease=timedelta(0), received=0)
    taken = await claimed(database)
    assert taken is not None
    assert taken.task_id == task.task_id
    return taken


async def current(database: Database, task: Task) -> Task:
    async with database.transaction() as tx:
        found = await tasks.find(tx, task.task_id, clinic_code=None)
    assert found is not None
    return found


async def test_fifty_identical_requests_at_once_are_one_task(
    database: Database, connection: psycopg.Connection
) -> None:
    ask = (request_publication(database, REQUEST, MIS, search_time=MINUTE) for _ in range(50))
    answers: list[Answer] = await asyncio.gather(*ask)
    assert len({answer.task.task_id for answer in answers}) == 1
    assert connection.execute("SELECT count(*) FROM tasks").fetchone() == (1,)
    assert connection.execute("SELECT action FROM audit_log").fetchall() == [("task.queued",)]


async def test_what_was_asked_is_what_is_queued(database: Database) -> None:
    task = await queued(database)
    assert task.status is Status.QUEUED
    assert (task.attempt, task.crashes, task.received, task.expected) == (0, 0, 0, None)
    assert (task.origin, task.requested_by) == (Origin.MIS, "key:abcdefgh")
    assert task.search_until - task.created_at == MINUTE
    assert task.lease_token is None
    assert await current(database, task) == task


async def test_a_claimed_task_is_leased_and_its_attempt_counts(database: Database) -> None:
    task = await running(database)
    assert task.status is Status.SEARCHING
    assert (task.attempt, task.crashes) == (1, 0)
    assert task.lease_token is not None
    assert task.due_at is not None
    assert task.due_at - task.updated_at == MINUTE
    assert await claimed(database) is None


async def test_the_task_that_is_due_for_longest_comes_first(database: Database) -> None:
    order = [(await queued(database, f"A{number}")).task_id for number in range(5)]
    taken = [task.task_id for _ in range(5) if (task := await claimed(database))]
    assert taken == order


async def test_clinics_take_turns_and_one_that_nobody_knows_is_not_forgotten(database: Database) -> None:
    for number, clinic in enumerate(("a", "a", "a", "b", "unknown", "b")):
        request = PublishRequest(patient_id="P1", accession_number=f"A{number}", clinic_code=clinic)
        await request_publication(database, request, MIS, search_time=MINUTE)
    rota, served = Rota(("a", "b")), []
    for _ in range(7):
        async with database.transaction() as tx:
            task = await tasks.claim(tx, worker_id=uuid4(), lease=MINUTE, rota=rota.order)
        if task is not None:
            rota.serve(task.clinic_code)
            served.append(task.accession_number)
    assert served == ["A0", "A3", "A1", "A5", "A2", "A4"]


def test_a_clinic_that_is_new_comes_before_all_that_were_served() -> None:
    rota = Rota()
    rota.admit(("a", "b"))
    assert list(rota.order) == ["a", "b"]
    rota.serve("a")
    rota.admit(("a", "b", "c"))
    assert list(rota.order) == ["c", "b", "a"]


def test_two_workers_never_take_one_task(database_url: str) -> None:
    """Both hold their transactions open: what the one has locked, the other skips without waiting."""

    async def race() -> None:
        async with (
            Database(database_url, size=2, name="one", sees=EVERY_CLINIC) as one,
            Database(database_url, size=2, name="two", sees=EVERY_CLINIC) as two,
        ):
            numbers = [f"A{number}" for number in range(20)]
            expected = {(await queued(one, number)).task_id for number in numbers}
            taken: list[Task] = []
            for _ in range(10):
                async with one.transaction() as first, two.transaction() as second, asyncio.timeout(5):
                    for tx in (first, second):
                        task = await tasks.claim(tx, worker_id=uuid4(), lease=MINUTE)
                        assert task is not None
                        taken.append(task)
            assert {task.task_id for task in taken} == expected
            assert len(taken) == len(expected)
            assert len({task.lease_token for task in taken}) == 20

    asyncio.run(race())


async def test_many_workers_take_each_task_once(database: Database) -> None:
    expected = {(await queued(database, f"A{number}")).task_id for number in range(12)}
    taken = await asyncio.gather(*(claimed(database) for _ in range(18)))
    assert sorted(task.task_id for task in taken if task) == sorted(expected)


async def test_a_lost_lease_is_a_crash_and_the_task_begins_anew(database: Database) -> None:
    task = await running(database)
    async with database.transaction() as tx:
        task = await tasks.advance(tx, task, Event.FOUND, study_instance_uid="1.2", expected=5, received=3)
    taken = await again(database, task)
    assert taken.status is Status.SEARCHING
    assert (taken.attempt, taken.crashes, taken.received) == (2, 1, 0)
    assert taken.lease_token not in (None, task.lease_token)
    twice = await again(database, taken)
    assert (twice.attempt, twice.crashes) == (3, 2)


async def test_a_task_that_came_back_by_itself_has_no_crashes(database: Database) -> None:
    taken = await again(database, await running(database))
    async with database.transaction() as tx:
        back = await tasks.postpone(tx, taken, delay=timedelta(0), attempts=1, why=UNREACHABLE)
    assert (back.status, back.attempt, back.crashes, back.lease_token) == (Status.QUEUED, 1, 0, None)
    assert (back.error_code, back.error_text) == ("PACS_UNREACHABLE", UNREACHABLE.postponed)


async def test_a_stale_worker_changes_nothing(database: Database) -> None:
    stale = await running(database)
    taken = await again(database, stale)
    async with database.transaction() as tx:
        with pytest.raises(LeaseLost):
            await tasks.extend_lease(tx, stale, lease=MINUTE, received=1)
        with pytest.raises(LeaseLost):
            await tasks.advance(tx, stale, Event.FOUND, study_instance_uid="1.2")
        with pytest.raises(LeaseLost):
            await tasks.postpone(tx, stale, delay=MINUTE, attempts=1)
        with pytest.raises(LeaseLost):
            await tasks.end(tx, stale, Event.FAIL, why=UNREACHABLE)
    assert await current(database, stale) == taken


async def test_a_worker_that_missed_a_step_changes_nothing(database: Database) -> None:
    searching = await running(database)
    async with database.transaction() as tx:
        retrieving = await tasks.advance(tx, searching, Event.FOUND, study_instance_uid="1.2")
        with pytest.raises(LeaseLost):
            await tasks.advance(tx, searching, Event.FOUND, study_instance_uid="1.3")
        with pytest.raises(IllegalTransition):
            await tasks.advance(tx, retrieving, Event.PREPARED)
    assert await current(database, searching) == retrieving


async def test_progress_only_grows_within_an_attempt(database: Database) -> None:
    task = await running(database)
    async with database.transaction() as tx:
        for received, expected in ((3, 3), (2, 3), (7, 7)):
            await tasks.extend_lease(tx, task, lease=MINUTE, received=received, received_bytes=1000 * received)
            found = await tasks.find(tx, task.task_id, clinic_code=None)
            assert found is not None
            assert (found.received, found.received_bytes) == (expected, 1000 * expected)
    begun_anew = await again(database, task)
    assert (begun_anew.received, begun_anew.received_bytes) == (0, 0)


async def test_what_a_step_learned_stays(database: Database) -> None:
    task = await running(database)
    left_out = (LeftOut("structured_report", Sentence("Отчёт", "A report"), 2),)
    async with database.transaction() as tx:
        task = await tasks.advance(tx, task, Event.FOUND, study_instance_uid="1.2", modalities=("MR", "SR"), expected=9)
        task = await tasks.advance(tx, task, Event.RECEIVED, received=9)
        task = await tasks.advance(tx, task, Event.PREPARED, handled=Handled(left_out))
    assert (task.study_instance_uid, task.modalities, task.expected, task.received) == ("1.2", ("MR", "SR"), 9, 9)
    assert task.left_out == left_out
    assert await current(database, task) == task


@pytest.mark.parametrize("steps", range(4))
async def test_cancel_while_it_runs(database: Database, steps: int) -> None:
    task = await running(database)
    async with database.transaction() as tx:
        for event in (Event.FOUND, Event.RECEIVED, Event.PREPARED)[:steps]:
            task = await tasks.advance(tx, task, event)
    cancelled = await cancelling.cancel(database, task.task_id, actor="user:anna", clinic_code="c")
    assert (cancelled.status, cancelled.lease_token, cancelled.due_at) == (Status.CANCELLED, None, None)
    async with database.transaction() as tx:
        with pytest.raises(LeaseLost):
            await tasks.extend_lease(tx, task, lease=MINUTE, received=0)
    assert await claimed(database) is None


async def test_cancel_does_not_miss_a_task_that_takes_a_step_meanwhile(database: Database) -> None:
    task = await running(database)
    async with database.transaction() as tx:
        await tasks.advance(tx, task, Event.FOUND)
    async with database.transaction() as tx:
        cancelled = await tasks.cancel(tx, task)  # as it was read a moment ago
    assert cancelled is not None
    assert cancelled.status is Status.CANCELLED


async def test_an_ended_task_is_not_cancelled(database: Database) -> None:
    task = await running(database)
    async with database.transaction() as tx:
        ended = await tasks.end(tx, task, Event.FAIL, why=UNREACHABLE)
        assert await tasks.cancel(tx, ended) is None
        assert await tasks.cancel(tx, task) is None  # nor by whoever read it before it ended
    assert await current(database, task) == ended


async def test_an_ended_task_can_begin_again(database: Database) -> None:
    task = await running(database)
    async with database.transaction() as tx:
        task = await tasks.advance(tx, task, Event.FOUND, expected=9, received=4)
        failed = await tasks.end(tx, task, Event.FAIL, why=IncompleteRetrieve(received=4, expected=9))
    assert (failed.status, failed.error_code, failed.due_at) == (Status.FAILED, "INCOMPLETE_RETRIEVE", None)
    requeued = await cancelling.try_again(database, task.task_id, actor="user:a", clinic_code=None, search_time=MINUTE)
    assert (requeued.status, requeued.attempt, requeued.crashes) == (Status.QUEUED, 0, 0)
    assert (requeued.received, requeued.expected, requeued.error_code) == (0, None, None)
    assert await claimed(database) is not None


async def test_an_ended_task_cannot_begin_beside_another_of_its_study(database: Database) -> None:
    failed = await running(database)
    async with database.transaction() as tx:
        await tasks.end(tx, failed, Event.FAIL, why=UNREACHABLE)
    other = await queued(database)
    assert other.task_id != failed.task_id
    with pytest.raises(AlreadyInProgress):
        await cancelling.try_again(database, failed.task_id, actor="user:a", clinic_code="c", search_time=MINUTE)
    assert (await current(database, failed)).status is Status.FAILED


async def test_another_clinic_does_not_see_it(database: Database) -> None:
    task = await queued(database)
    async with database.transaction() as tx:
        assert await tasks.find(tx, task.task_id, clinic_code="other") is None
        assert await tasks.newest_of_accession(tx, "A1", clinic_code="other") is None
        assert await queue.lines(tx, QueueFilter(clinic_code="other"), limit=10) == []
        assert [line.task for line in await queue.lines(tx, QueueFilter(clinic_code="c"), limit=10)] == [task]
        assert await tasks.newest_of_accession(tx, "A1", clinic_code="c") == task
        assert await tasks.count_by_status(tx) == {Status.QUEUED: 1}


async def test_how_long_the_longest_has_waited(database: Database, connection: psycopg.Connection) -> None:
    async with database.transaction() as tx:
        assert await tasks.longest_wait(tx) == timedelta(0)
    await queued(database)
    connection.execute("UPDATE tasks SET due_at = now() - interval '1 hour'")
    async with database.transaction() as tx:
        assert timedelta(hours=1) <= await tasks.longest_wait(tx) < timedelta(hours=1, minutes=1)
