"""Every change of a task's state leaves a step behind, in the same transaction; the queue is read from any place on."""

from itertools import pairwise
from uuid import uuid4

import psycopg
import pytest
from tests.db.test_queue import MINUTE, UNREACHABLE, again, claimed, queued, running

from studypub.core.task import Event, LeaseLost, Task
from studypub.db import events, queue, tasks
from studypub.db.database import Database
from studypub.db.queue import QueueFilter


async def take_two_steps(database: Database, task: Task, other: Task) -> None:
    async with database.transaction() as tx:
        await tasks.advance(tx, task, Event.FOUND)
        await tasks.advance(tx, other, Event.FOUND)
        await tasks.advance(tx, other, Event.FOUND)


async def running_too(database: Database) -> Task:
    await queued(database, "A2")
    task = await claimed(database)
    assert task is not None
    return task


async def kinds(database: Database, task: Task) -> list[str]:
    async with database.transaction() as tx:
        return [event.kind for event in await events.of_task(tx, task.task_id)]


async def test_a_failed_task(database: Database) -> None:
    task = await running(database)
    async with database.transaction() as tx:
        task = await tasks.advance(tx, task, Event.FOUND, study_instance_uid="1.2", expected=9, modalities=("MR",))
        await tasks.extend_lease(tx, task, lease=MINUTE, received=4)
        await tasks.end(tx, task, Event.FAIL, why=UNREACHABLE)
        told = await events.of_task(tx, task.task_id)
    assert [event.kind for event in told] == ["queued", "claimed", "found", "failed"]
    assert told[0].details == {"origin": "mis"}
    assert told[2].details == {"expected": 9, "modalities": ["MR"]}
    assert told[3].details == {"code": "PACS_UNREACHABLE", "received": 4, "expected": 9}
    assert told[3].sentence == UNREACHABLE.sentence
    assert all(before.at <= after.at for before, after in pairwise(told))


async def test_a_worker_that_takes_over_is_told(database: Database) -> None:
    task = await again(database, await running(database))
    async with database.transaction() as tx:
        told = await events.of_task(tx, task.task_id)
    assert [(event.kind, event.details.get("taken_over")) for event in told] == [
        ("queued", None),
        ("claimed", False),
        ("claimed", True),
    ]


async def test_a_change_that_is_taken_back_leaves_nothing(database: Database) -> None:
    task = await running(database)
    other = await running_too(database)
    with pytest.raises(LeaseLost):
        await take_two_steps(database, task, other)
    assert await kinds(database, task) == ["queued", "claimed"]


def test_every_state_has_a_kind_of_its_own(connection: psycopg.Connection) -> None:
    found = connection.execute(
        "SELECT before, after, task_event_kind(before, after) FROM unnest(enum_range(NULL::task_status)) before,"
        " unnest(enum_range(NULL::task_status)) after"
    ).fetchall()
    assert all(kind for _, _, kind in found)
    assert {kind for before, _, kind in found if before == "COMPLETED"} >= {"withdrawn", "expired"}


async def test_the_queue_from_a_place_on_and_back(database: Database) -> None:
    order = [(await queued(database, f"A{number}")).accession_number for number in range(5)][::-1]
    async with database.transaction() as tx:
        first = await queue.lines(tx, QueueFilter(), limit=2)
        second = await queue.lines(tx, QueueFilter(), limit=2, place=first[-1].place)
        back = await queue.lines(tx, QueueFilter(), limit=2, place=second[0].place, back=True)
    numbers = [line.task.accession_number for line in (*first, *second)]
    assert numbers == order[:4]
    assert back == first


async def test_one_line_is_for_its_own_clinic(database: Database) -> None:
    task = await queued(database)
    async with database.transaction() as tx:
        assert await queue.line(tx, task.task_id, clinic_code="other") is None
        assert await queue.line(tx, uuid4(), clinic_code=None) is None
        line = await queue.line(tx, task.task_id, clinic_code="c")
    assert line is not None
    assert line.task == task
