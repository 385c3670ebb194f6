"""The queue against a model: in whatever order claims, steps, lost leases, failures and wishes come, it keeps faith."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, ClassVar, TypeVar
from uuid import UUID, uuid4

import psycopg
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test
from tests.peers.restartable import Restartable

from studypub.core.clinics import EVERY_CLINIC
from studypub.core.request import PublishRequest
from studypub.core.task import ENDED, RUNNING, TRANSITIONS, Event, LeaseLost, Origin, Status, Task
from studypub.db import tasks
from studypub.db.database import Database, Transaction
from studypub.errors import AlreadyInProgress, PacsUnreachable

_T = TypeVar("_T")
LEASE = timedelta(hours=1)
NUMBERS = ("A1", "A2", "A3", "A4")
STEPS = {
    Status.SEARCHING: Event.FOUND,
    Status.RETRIEVING: Event.RECEIVED,
    Status.PROCESSING: Event.PREPARED,
    Status.UPLOADING: Event.PUBLISHED,
}
UNREACHABLE = PacsUnreachable(pacs="X", address="h:1")


@dataclass
class Known:
    """What the model knows of a task."""

    number: str
    status: Status = Status.QUEUED
    attempt: int = 0
    crashes: int = 0
    expired: bool = False  # the lease of a running one


@pytest.fixture(scope="module")
def two(postgres: Restartable) -> Iterator[tuple[asyncio.Runner, list[Database], str]]:
    """Two pools on one database, as two daemons have them."""
    postgres.start()
    url = postgres.database()
    with asyncio.Runner() as runner:
        pools = [Database(url, size=2, name=name, sees=EVERY_CLINIC) for name in ("one", "two")]
        for pool in pools:
            runner.run(pool.__aenter__())
        yield runner, pools, url
        for pool in pools:
            runner.run(pool.__aexit__())


class QueueMachine(RuleBasedStateMachine):
    """Each run begins with an empty queue, on the pools that a subclass names."""

    runner: ClassVar[asyncio.Runner]
    pools: ClassVar[list[Database]]
    url: ClassVar[str]

    def __init__(self) -> None:
        super().__init__()
        self.model: dict[UUID, Known] = {}
        self.holders: list[Task] = []  # every claim ever made, as its worker remembers it
        self._looker = psycopg.connect(self.url, autocommit=True)
        self._looker.execute("DELETE FROM tasks")
        self._lost = 0

    def teardown(self) -> None:
        self._looker.close()

    def do(self, which: int, work: Callable[[Transaction], Awaitable[_T]]) -> _T:
        async def run() -> _T:
            async with self.pools[which].transaction() as tx:
                return await work(tx)

        return self.runner.run(run())

    def pick(self, data: st.DataObject, among: list[_T]) -> _T:
        """Draw by place: ids are different each time."""
        return among[data.draw(st.integers(0, len(among) - 1))]

    def current(self, task: Task) -> bool:
        """Whether this worker's claim is the one that counts."""
        newest = [one for one in self.holders if one.task_id == task.task_id][-1]
        known = self.model[task.task_id]
        return newest.lease_token == task.lease_token and known.status in RUNNING

    def update(self, old: Task, new: Task) -> None:
        self.holders[self.holders.index(old)] = new

    @rule(which=st.integers(0, 1), number=st.sampled_from(NUMBERS))
    def ask(self, which: int, number: str) -> None:
        request = PublishRequest(patient_id="P", accession_number=number, clinic_code="c")
        made = self.do(
            which,
            lambda tx: tasks.queue(tx, request, origin=Origin.MIS, requested_by="key:x", search_time=LEASE),
        )
        known = [one for one in self.model.values() if one.number == number and one.status not in ENDED]
        assert (made is None) == bool(known)
        if made:
            self.model[made.task_id] = Known(number)

    @rule(which=st.integers(0, 1))
    def claim(self, which: int) -> None:
        task = self.do(which, lambda tx: tasks.claim(tx, worker_id=uuid4(), lease=LEASE))
        due = {
            task_id
            for task_id, one in self.model.items()
            if one.status is Status.QUEUED or (one.status in RUNNING and one.expired)
        }
        assert (task is None) == (not due)
        if task:
            assert task.task_id in due
            known = self.model[task.task_id]
            known.crashes += known.status in RUNNING
            known.attempt += 1
            known.status, known.expired = Status.SEARCHING, False
            self.holders.append(task)

    @precondition(lambda self: self.holders)
    @rule(which=st.integers(0, 1), data=st.data(), act=st.sampled_from(["step", "beat", "fail", "back", "note"]))
    def work(self, which: int, data: st.DataObject, act: str) -> None:
        """A worker does what it thinks is its task; only the holder of the newest claim gets through."""
        task = self.pick(data, self.holders)
        ours = self.current(task)
        try:
            changed = self.do(which, lambda tx: self.act(tx, task, act))
        except LeaseLost:
            assert not ours
            return
        assert ours
        known = self.model[task.task_id]
        known.expired = known.expired and act in {"step", "note"}
        if changed:
            known.status, known.attempt, known.crashes = changed.status, changed.attempt, changed.crashes
            self.update(task, changed) if changed.status in RUNNING else None

    async def act(self, tx: Transaction, task: Task, act: str) -> Task | None:
        if act == "beat":
            await tasks.extend_lease(tx, task, lease=LEASE, received=1)
            return None
        if act == "note":
            await tasks.note_left_out(tx, task, ())
            return None
        if act == "fail":
            return await tasks.end(tx, task, Event.FAIL, why=UNREACHABLE)
        if act == "back":
            return await tasks.postpone(tx, task, delay=timedelta(0), attempts=task.attempt - 1, why=UNREACHABLE)
        event = STEPS[task.status]
        return await (tasks.end if event is Event.PUBLISHED else tasks.advance)(tx, task, event)

    @precondition(lambda self: any(one.status in RUNNING for one in self.model.values()))
    @rule(data=st.data())
    def lose_lease(self, data: st.DataObject) -> None:
        running = [task_id for task_id, one in self.model.items() if one.status in RUNNING]
        task_id = self.pick(data, running)
        self._lost += 1  # the first that was lost is the first that is due, before all that waits
        lost = "UPDATE tasks SET due_at = to_timestamp(%s) WHERE task_id = %s"
        self._looker.execute(lost, (self._lost, task_id))
        self.model[task_id].expired = True

    @precondition(lambda self: self.model)
    @rule(which=st.integers(0, 1), data=st.data())
    def cancel(self, which: int, data: st.DataObject) -> None:
        task_id = self.pick(data, list(self.model))
        known = self.model[task_id]
        done = self.do(which, lambda tx: self.cancel_as_read(tx, task_id))
        assert (done is None) == (known.status in ENDED)
        known.status = Status.CANCELLED if done else known.status

    async def cancel_as_read(self, tx: Transaction, task_id: UUID) -> Task | None:
        found = await tasks.find(tx, task_id, clinic_code=None)
        assert found is not None
        return await tasks.cancel(tx, found)

    @precondition(lambda self: any(one.status in ENDED for one in self.model.values()))
    @rule(which=st.integers(0, 1), data=st.data())
    def again(self, which: int, data: st.DataObject) -> None:
        ended = [task_id for task_id, one in self.model.items() if one.status in ENDED]
        task_id = self.pick(data, ended)
        known = self.model[task_id]
        beside = any(one.number == known.number and one.status not in ENDED for one in self.model.values())
        try:
            queued = self.do(which, lambda tx: self.again_as_read(tx, task_id))
        except AlreadyInProgress:
            assert beside
            assert (known.status, Event.AGAIN) in TRANSITIONS
            return
        assert bool(queued) == ((known.status, Event.AGAIN) in TRANSITIONS)
        if queued:
            self.model[task_id] = Known(known.number)

    async def again_as_read(self, tx: Transaction, task_id: UUID) -> Task | None:
        found = await tasks.find(tx, task_id, clinic_code=None)
        assert found is not None
        return await tasks.requeue(tx, found, search_time=LEASE)

    @invariant()
    def the_table_is_what_the_model_says(self) -> None:
        rows = self._looker.execute("SELECT task_id, status, attempt, crashes FROM tasks").fetchall()
        found: dict[UUID, tuple[Any, ...]] = {row[0]: row[1:] for row in rows}
        assert found == {task_id: (one.status.value, one.attempt, one.crashes) for task_id, one in self.model.items()}


def test_f14_the_queue_keeps_its_promises_whatever_happens(
    two: tuple[asyncio.Runner, list[Database], str],
) -> None:
    runner, pools, url = two
    run_state_machine_as_test(
        type("OnTwo", (QueueMachine,), {"runner": runner, "pools": pools, "url": url}),
        settings=settings(
            max_examples=25,
            stateful_step_count=40,
            deadline=None,
            database=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
