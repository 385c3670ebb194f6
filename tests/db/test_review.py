"""What is held waits for a person, forgets its picture with the decision, and sends the task on."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import pytest

from studypub.core.request import PublishRequest
from studypub.core.review import Decision, Held, HeldInstance
from studypub.core.task import Event, LeaseLost, Origin, Status, Task
from studypub.db import review, tasks
from studypub.db.database import Database
from studypub.errors import Refused, Sentence
from studypub.flows.expire import sweep
from studypub.flows.review import decide
from studypub.store.local import LocalStore

_HELD = [Held(f"1.2.{number}", "ultrasound", Sentence("УЗИ", "Ultrasound"), b"\x89PNG") for number in (1, 2)]


async def _held_task(database: Database) -> Task:
    request = PublishRequest(patient_id="P-77", accession_number="A-77", clinic_code="a")
    async with database.transaction() as tx:
        await tasks.queue(tx, request, origin=Origin.MIS, requested_by="key:x", search_time=timedelta(0))
        task = await tasks.claim(tx, worker_id=uuid4(), lease=timedelta(minutes=1))
        assert task is not None
        task = await tasks.advance(tx, task, Event.FOUND)
        task = await tasks.advance(tx, task, Event.RECEIVED)
        await review.hold(tx, task, _HELD)
    return task


async def _status(database: Database, task: Task) -> Status:
    async with database.transaction() as tx:
        found = await tasks.find(tx, task.task_id, clinic_code=None)
    assert found is not None
    return found.status


async def _waiting(database: Database, task: Task) -> list[HeldInstance]:
    async with database.transaction() as tx:
        return [held for held in await review.of_task(tx, task.task_id) if held.decision is None]


async def test_the_last_decision_sends_the_task_on(database: Database) -> None:
    task = await _held_task(database)
    assert await _status(database, task) is Status.NEEDS_REVIEW
    one, other = await _waiting(database, task)
    await decide(database, task.task_id, [one.held_id], Decision.MASK, actor="user:a", clinic_code="a")
    assert await _status(database, task) is Status.NEEDS_REVIEW
    await decide(database, task.task_id, [other.held_id], Decision.LEAVE_OUT, actor="user:a", clinic_code=None)
    assert await _status(database, task) is Status.QUEUED
    async with database.transaction() as tx:
        decisions = {held.uid: held.decision for held in await review.of_task(tx, task.task_id)}
    assert decisions == {one.uid: Decision.MASK, other.uid: Decision.LEAVE_OUT}


async def test_a_picture_is_shown_to_its_clinic_and_goes_with_the_decision(database: Database) -> None:
    task = await _held_task(database)
    one, _ = await _waiting(database, task)
    async with database.transaction() as tx:
        assert await review.thumbnail(tx, one.held_id, clinic_code="a") == b"\x89PNG"
        assert await review.thumbnail(tx, one.held_id, clinic_code="b") is None
    await decide(database, task.task_id, [one.held_id], Decision.RELEASE, actor="user:a", clinic_code="a")
    async with database.transaction() as tx:
        assert await review.thumbnail(tx, one.held_id, clinic_code=None) is None


async def test_another_clinic_decides_nothing(database: Database) -> None:
    task = await _held_task(database)
    held = [instance.held_id for instance in await _waiting(database, task)]
    with pytest.raises(Refused):
        await decide(database, task.task_id, held, Decision.RELEASE, actor="user:b", clinic_code="b")
    assert len(await _waiting(database, task)) == 2


async def test_a_worker_that_lost_its_lease_holds_nothing(database: Database) -> None:
    task = await _held_task(database)
    zombie = replace(task, lease_token=uuid4())
    with pytest.raises(LeaseLost):
        async with database.transaction() as tx:
            await review.hold(tx, zombie, [replace(_HELD[0], uid="1.2.9")])
    assert len(await _waiting(database, task)) == 2


async def test_pictures_of_a_cancelled_task_are_forgotten(database: Database, tmp_path: Path) -> None:
    task = await _held_task(database)
    async with database.transaction() as tx:
        await tasks.cancel(tx, replace(task, status=Status.NEEDS_REVIEW))
    await sweep(database, LocalStore(tmp_path / "storage"))
    async with database.transaction() as tx:
        assert not any(held.has_thumbnail for held in await review.of_task(tx, task.task_id))
