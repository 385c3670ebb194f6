"""Machines take their places on one database, leave them, and are told why there is none."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from uuid import UUID, uuid4

import psycopg
import pytest

from studypub.core.machines import Machine
from studypub.db import machines
from studypub.db.database import Database
from studypub.flows import join
from studypub.flows.join import NoPlace
from studypub.store.local import LocalStore
from studypub.worker import membership as worker
from studypub.worker.membership import Membership


def machine(number: int, **given: object) -> Machine:
    values = {
        "machine_id": UUID(int=number),
        "run": uuid4(),
        "name": f"host{number}",
        "ae_title": f"STUDYPUB{number}",
        "place": f"place {number}",
        "version": "1",
        "started_at": None,
        "seen_at": None,
    }
    return Machine(**(values | given))  # type: ignore[arg-type]


def silence(connection: psycopg.Connection, seconds: float) -> None:
    """Let everybody have been silent for so long, and the duty with them."""
    age = timedelta(seconds=seconds)
    connection.execute("UPDATE machines SET seen_at = seen_at - %s", (age,))
    connection.execute("UPDATE duty SET until = until - %s", (age,))


async def beaten(database: Database, me: Machine) -> bool:
    async with database.transaction() as tx:
        return await machines.beat(tx, me, None)


async def duty(database: Database, me: Machine) -> bool:
    async with database.transaction() as tx:
        return await machines.take_duty(tx, me.machine_id)


async def joins_while_it_beats(database: Database, me: Machine, other: Machine) -> Machine:
    """Join, while the other shows that it lives."""
    joining = asyncio.create_task(join.join(database, me))
    while not joining.done():
        await beaten(database, other)
        await asyncio.wait([joining], timeout=0.02)
    return await joining


@pytest.fixture(autouse=True)
def _looks_often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(join, "_LOOK_SECONDS", 0.05)
    monkeypatch.setattr(worker, "BEAT", timedelta(seconds=0.1))


async def test_an_ae_title_has_one_machine_that_lives(database: Database) -> None:
    first = await join.join(database, machine(1))
    with pytest.raises(NoPlace, match="MACHINE_REFUSED") as refused:
        await joins_while_it_beats(database, machine(2, ae_title="STUDYPUB1"), first)
    assert "host1" in refused.value.sentence.en
    await Membership(first, alone=False).leave(database)
    await join.join(database, machine(2, ae_title="STUDYPUB1"))


async def test_who_died_is_waited_for_until_its_silence_says_so(
    database: Database, connection: psycopg.Connection
) -> None:
    await join.join(database, machine(1))
    joining = asyncio.create_task(join.join(database, machine(2, ae_title="STUDYPUB1")))
    assert not (await asyncio.wait([joining], timeout=0.3))[0]
    silence(connection, 30)
    assert (await joining).machine_id == UUID(int=2)


async def test_a_crash_on_the_same_machine_keeps_nobody_waiting(database: Database) -> None:
    first = await join.join(database, machine(1))
    again = await join.join(database, replace(first, run=uuid4()))
    assert (again.machine_id, await beaten(database, first)) == (first.machine_id, False)
    assert await beaten(database, again)


async def test_a_copy_of_a_folder_in_use_gets_a_name_of_its_own(database: Database) -> None:
    first = await join.join(database, machine(1))
    copy = await joins_while_it_beats(database, machine(1, ae_title="STUDYPUB2", place="copy"), first)
    assert copy.machine_id != first.machine_id
    assert await beaten(database, first)
    assert await beaten(database, copy)
    with pytest.raises(NoPlace):  # nothing in it was changed
        await joins_while_it_beats(database, machine(1, place="another copy"), first)


async def test_one_is_on_duty_until_it_leaves_or_is_silent(database: Database, connection: psycopg.Connection) -> None:
    first, second = [await join.join(database, machine(number)) for number in (1, 2)]
    assert [await duty(database, one) for one in (first, second, first)] == [True, False, True]
    await Membership(first, alone=False).leave(database)
    assert [await duty(database, one) for one in (second, first)] == [True, False]
    silence(connection, 31)
    assert [await duty(database, one) for one in (first, second)] == [True, False]


async def test_both_must_have_one_storage(database: Database, tmp_path: Path) -> None:
    here, elsewhere = LocalStore(tmp_path / "here"), LocalStore(tmp_path / "elsewhere")
    first, second, third = [await join.join(database, machine(number)) for number in (1, 2, 3)]
    await join.mark_storage(database, here, first)
    await join.mark_storage(database, here, second)
    with pytest.raises(NoPlace) as refused:
        await join.mark_storage(database, elsewhere, third)
    assert "host" in refused.value.sentence.en
    assert list(elsewhere.stored_keys()) == []
    again = await join.join(database, replace(first, run=uuid4()))
    await join.mark_storage(database, here, again)
    assert sorted(here.stored_keys()) == sorted(f"machine-{one.run}" for one in (again, second))


async def test_of_two_that_begin_at_once_on_two_storages_one_is_refused(database: Database, tmp_path: Path) -> None:
    for number in range(5):
        starting = [await join.join(database, machine(2 * number + side)) for side in (0, 1)]
        stores = [LocalStore(tmp_path / str(number) / str(side)) for side in (0, 1)]
        outcomes = await asyncio.gather(
            *(join.mark_storage(database, store, me) for store, me in zip(stores, starting, strict=True)),
            return_exceptions=True,
        )
        assert {type(outcome) for outcome in outcomes} == {type(None), NoPlace}
        for me in starting:
            await Membership(me, alone=False).leave(database)


@pytest.mark.parametrize("given", [{"ae_title": "STUDYPUB1"}, {"machine_id": UUID(int=1), "place": "copy"}])
async def test_a_place_that_was_taken_while_we_were_silent_is_not_used_any_more(
    database: Database, connection: psycopg.Connection, given: dict[str, object]
) -> None:
    membership = Membership(machine(1), alone=False)
    await membership.join(database)
    assert membership.on_duty()
    silence(connection, 31)
    successor = await join.join(database, machine(2, **given))
    running = asyncio.create_task(membership.run(database, lambda: None))
    while not running.done():
        assert await beaten(database, successor)
        await asyncio.wait([running], timeout=0.05)
    with pytest.raises(NoPlace):
        await running
    assert not await beaten(database, membership.me)


async def test_what_a_machine_left_behind_is_forgotten(
    database: Database, connection: psycopg.Connection, tmp_path: Path
) -> None:
    store = LocalStore(tmp_path)
    await join.mark_storage(database, store, await join.join(database, machine(1)))
    silence(connection, 31 * 86400)
    second = await join.join(database, machine(2))
    await join.mark_storage(database, store, second)
    assert await join.forget_silent(database, store) == 1
    assert list(store.stored_keys()) == [f"machine-{second.run}"]
