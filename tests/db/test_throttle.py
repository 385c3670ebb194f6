"""Tries are counted, cost waiting, and are forgotten in time."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import psycopg
import pytest

from studypub.core import throttle as rules
from studypub.core.throttle import Limit, network_of
from studypub.db import throttle
from studypub.db.database import Database, Transaction

LIMIT = Limit(
    kind="test", free=3, first=timedelta(minutes=1), longest=timedelta(minutes=3), forget=timedelta(minutes=10)
)


@pytest.fixture
async def tx(database: Database) -> AsyncIterator[Transaction]:
    async with database.transaction() as opened:
        yield opened


def pass_time(connection: psycopg.Connection, minutes: float) -> None:
    shift = timedelta(minutes=minutes)
    connection.execute("UPDATE throttle SET last_at = last_at - %(by)s, open_at = open_at - %(by)s", {"by": shift})


async def test_x23_pauses_double_up_to_the_longest(database: Database, connection: psycopg.Connection) -> None:
    waits = []
    for _ in range(6):
        async with database.transaction() as tx:
            assert await throttle.spend(tx, LIMIT, "a")
        async with database.transaction() as tx:
            waits.append(round((await throttle.wait(tx, LIMIT, "a")).total_seconds()))
        pass_time(connection, waits[-1] / 60)
    assert waits == [0, 0, 60, 120, 180, 180]


async def test_a_try_during_the_pause_is_refused_and_does_not_make_it_longer(database: Database) -> None:
    for allowed in (True, True, True, False, False):
        async with database.transaction() as tx:
            assert await throttle.spend(tx, LIMIT, "a") is allowed
    async with database.transaction() as tx:
        assert await throttle.wait(tx, LIMIT, "a") <= timedelta(minutes=1)
        assert await throttle.tries(tx, LIMIT, "a") == 3
        assert await throttle.spend(tx, LIMIT, "somebody else")


async def test_x23_tries_at_the_same_instant_all_count(database: Database) -> None:
    async def attempt() -> bool:
        async with database.transaction() as tx:
            return await throttle.spend(tx, LIMIT, "a")

    assert sorted(await asyncio.gather(*(attempt() for _ in range(20)))) == [False] * 17 + [True] * 3


async def test_tries_are_forgotten(database: Database, connection: psycopg.Connection) -> None:
    for _ in range(2):
        async with database.transaction() as tx:
            await throttle.spend(tx, LIMIT, "a")
    pass_time(connection, 11)
    async with database.transaction() as tx:
        assert await throttle.tries(tx, LIMIT, "a") == 0
        await throttle.spend(tx, LIMIT, "a")
        assert await throttle.tries(tx, LIMIT, "a") == 1


async def test_a_right_try_costs_nothing(tx: Transaction) -> None:
    await throttle.spend(tx, LIMIT, "a")
    await throttle.refund(tx, LIMIT, "a")
    assert await throttle.tries(tx, LIMIT, "a") == 0
    await throttle.spend(tx, LIMIT, "a")
    await throttle.forgive(tx, LIMIT, "a")
    assert await throttle.tries(tx, LIMIT, "a") == 0


async def test_what_nobody_has_tried_for_long_is_swept(database: Database, connection: psycopg.Connection) -> None:
    async with database.transaction() as tx:
        await throttle.spend(tx, LIMIT, "a")
    pass_time(connection, 9 * 24 * 60)
    async with database.transaction() as tx:
        await throttle.spend(tx, LIMIT, "b")
        await throttle.sweep(tx)
    assert connection.execute("SELECT count(*) FROM throttle").fetchone() == (1,)


def test_every_limit_counts_by_itself() -> None:
    limits = [value for value in vars(rules).values() if isinstance(value, Limit)]
    assert len({limit.kind for limit in limits}) == len(limits) == 9
    # What is kept is swept after eight days: nothing may be remembered for longer.
    assert max(limit.forget for limit in limits) < timedelta(days=8)


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("203.0.113.9", "203.0.113.9"),
        ("2001:db8:1:2:3:4:5:6", "2001:0db8:0001:0002"),
        ("2001:db8:1:2::1", "2001:0db8:0001:0002"),
        ("::ffff:203.0.113.9", "203.0.113.9"),
        ("", ""),
        ("testclient", "testclient"),
    ],
)
def test_a_network_is_one_address(address: str, network: str) -> None:
    assert network_of(address) == network
