"""The audit log is appended to, and shows when it was not only that."""

import asyncio

import psycopg
import pytest

from studypub.db import audit
from studypub.db.database import Database


async def written(database: Database, count: int) -> None:
    for number in range(count):
        async with database.transaction() as tx:
            await audit.append(tx, "user:анна", "study.withdrawn", f"s{number}", reason="ошибка", number=number)


async def broken(database: Database) -> int | None:
    async with database.transaction() as tx:
        found = await audit.first_broken(tx)
        assert [await audit.first_broken(tx, piece=piece) for piece in (1, 2, 3)] == [found] * 3
        return found


async def test_what_is_written_can_be_read_newest_first(database: Database) -> None:
    await written(database, 3)
    async with database.transaction() as tx:
        entries = await audit.newest(tx, limit=2, offset=1)
        assert await audit.count(tx) == 3
    assert [entry.subject for entry in entries] == ["s1", "s0"]
    assert (entries[0].actor, entries[0].details) == ("user:анна", {"reason": "ошибка", "number": 1})
    assert await broken(database) is None


async def test_it_stands_or_falls_with_its_transaction(database: Database) -> None:
    with pytest.raises(ZeroDivisionError):  # noqa: PT012
        async with database.transaction() as tx:
            await audit.append(tx, "a", "b", "c")
            raise ZeroDivisionError
    await written(database, 1)
    assert await broken(database) is None
    async with database.transaction() as tx:
        assert await audit.count(tx) == 1


async def test_many_at_once_make_one_chain(database: Database) -> None:
    await asyncio.gather(*(written(database, 5) for _ in range(5)))
    async with database.transaction() as tx:
        assert await audit.count(tx) == 25
    assert await broken(database) is None


async def test_the_chain_does_not_depend_on_the_session_that_checks_it(
    database: Database, connection: psycopg.Connection
) -> None:
    await written(database, 2)
    connection.execute("SET timezone = 'Asia/Kathmandu'")
    connection.execute("SET extra_float_digits = 0")
    connection.execute("SET bytea_output = 'escape'")
    from_queries = (
        "SELECT count(*) FROM audit_log WHERE hash <> audit_hash(previous, at, actor, action, subject, details)"
    )
    assert connection.execute(from_queries).fetchone() == (0,)


@pytest.mark.parametrize(
    "statement",
    ["UPDATE audit_log SET actor = 'x'", "DELETE FROM audit_log", "TRUNCATE audit_log", "UPDATE audit_log SET at = at"],
)
async def test_x39_nothing_is_changed_or_removed(
    database: Database, connection: psycopg.Connection, statement: str
) -> None:
    await written(database, 2)
    with pytest.raises(psycopg.errors.RaiseException, match="only appended to"):
        connection.execute(statement)
    assert await broken(database) is None


@pytest.mark.parametrize(
    ("statement", "first"),
    [
        ("UPDATE audit_log SET actor = 'user:x' WHERE subject = 's1'", "s1"),
        ("UPDATE audit_log SET action = 'x' WHERE subject = 's1'", "s1"),
        ("UPDATE audit_log SET at = at + interval '1 second' WHERE subject = 's1'", "s1"),
        ("""UPDATE audit_log SET details = '{"reason": "x"}' WHERE subject = 's1'""", "s1"),
        ("UPDATE audit_log SET subject = 'x' WHERE subject = 's1'", "x"),
        ("UPDATE audit_log SET hash = sha256('x') WHERE subject = 's1'", "s1"),
        ("DELETE FROM audit_log WHERE subject = 's1'", "s2"),
        ("DELETE FROM audit_log WHERE subject = 's0'", "s1"),
        (
            # Whoever forges an entry and its hash cannot forge the ones after it unnoticed.
            """UPDATE audit_log SET actor = 'user:x',
            hash = audit_hash(previous, at, 'user:x', action, subject, details)
            WHERE subject = 's1'""",
            "s2",
        ),
    ],
)
async def test_x39_whoever_goes_past_the_triggers_breaks_the_chain(
    database: Database, connection: psycopg.Connection, statement: str, first: str
) -> None:
    await written(database, 4)
    connection.execute("ALTER TABLE audit_log DISABLE TRIGGER USER")
    connection.execute(statement)
    connection.execute("ALTER TABLE audit_log ENABLE TRIGGER USER")
    (entry,) = connection.execute("SELECT entry FROM audit_log WHERE subject = %s", (first,)).fetchone() or (0,)
    assert await broken(database) == entry


async def test_x39_a_cut_shows_by_a_head_that_was_noted(database: Database, connection: psycopg.Connection) -> None:
    await written(database, 3)
    async with database.transaction() as tx:
        noted = await audit.head(tx)
        assert len(noted) == 32
        assert await audit.holds(tx, noted)
    connection.execute("ALTER TABLE audit_log DISABLE TRIGGER USER")
    connection.execute("DELETE FROM audit_log WHERE entry = (SELECT max(entry) FROM audit_log)")
    connection.execute("ALTER TABLE audit_log ENABLE TRIGGER USER")
    assert await broken(database) is None  # what is left is whole
    async with database.transaction() as tx:
        assert not await audit.holds(tx, noted)
