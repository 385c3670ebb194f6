"""Transactions speak in our own errors."""

import asyncio
import select
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from tests.peers.chaos import chaos
from tests.peers.database import PATIENCE

from studypub.core.clinics import EVERY_CLINIC
from studypub.db import queries
from studypub.db.database import Database, connection_string
from studypub.db.loan import answered_within
from studypub.errors import DatabaseUnavailable


async def test_a_transaction_stands_or_falls_as_one(database: Database) -> None:
    with pytest.raises(ZeroDivisionError):  # noqa: PT012
        async with database.transaction() as tx:
            await tx.run("set_setting", name="a", value="1")
            raise ZeroDivisionError
    async with database.transaction() as tx:
        assert await tx.one("setting", name="a") is None
        assert (await tx.now()).tzinfo is not None


async def test_no_server(tmp_path: Path) -> None:
    async with Database(f"postgresql:///x?host={tmp_path}", size=1, name="test", sees=EVERY_CLINIC) as database:
        with pytest.raises(DatabaseUnavailable):
            await database.transaction().__aenter__()


async def test_a_connection_that_died_on_the_shelf_is_replaced(database: Database, database_url: str) -> None:
    async with database.transaction() as tx:
        await tx.now()
    others = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'studypub test'"
    async with await psycopg.AsyncConnection.connect(database_url, application_name="other") as connection:
        await connection.execute(others)
    async with database.transaction() as tx:
        await tx.now()


async def test_a_server_whose_answer_is_here_is_not_silent_however_late_we_look(database_url: str) -> None:
    async with await psycopg.AsyncConnection.connect(database_url, autocommit=True) as connection:
        connection.pgconn.send_query(b"SELECT 1")
        assert select.select([connection.fileno()], [], [], 60)[0]
        with answered_within(0, connection):
            for _ in range(3):
                await asyncio.sleep(0)
        while connection.pgconn.get_result():
            pass
        assert (await connection.execute("SELECT 2")).pgresult is not None


async def test_a_server_that_falls_silent_after_its_first_words_is_given_up(database_url: str) -> None:
    async with await psycopg.AsyncConnection.connect(database_url, autocommit=True) as connection:
        connection.pgconn.send_query(b"SELECT 1")
        assert select.select([connection.fileno()], [], [], 60)[0]
        with answered_within(0, connection):
            for _ in range(3):
                await asyncio.sleep(0)
            while connection.pgconn.get_result():
                pass
            for _ in range(3):
                await asyncio.sleep(0)
        with pytest.raises(psycopg.OperationalError):
            await connection.execute("SELECT 2")


async def test_a_connection_that_fell_silent_on_the_shelf_costs_no_loan(database_url: str) -> None:
    """To ask the silent server to end the question, as a wait that is cancelled does, takes longer than the loan."""
    parts = conninfo_to_dict(database_url)
    with chaos(f"{parts['host']}/.s.PGSQL.{parts.get('port', 5432)}") as proxy:
        host, port = proxy.address.split(":")
        beside = make_conninfo(database_url, host=host, port=port)
        async with Database(beside, size=1, name="test", sees=EVERY_CLINIC, loan_seconds=5) as database:
            async with database.transaction() as tx:
                await tx.now()
            proxy.mute()
            async with database.transaction() as tx:
                await tx.now()


async def test_a_first_query_may_take_longer_than_a_server_may_be_silent(database_url: str) -> None:
    async with Database(database_url, size=1, name="test", sees=EVERY_CLINIC) as database:
        for open_one in (database.transaction, database.look):
            async with open_one() as tx:
                before = tx._loan.held
                await tx._ask(b"SELECT pg_sleep(0.8)")
                assert tx._loan.held is before


async def test_a_first_query_that_nobody_waits_for_any_more_leaves_a_usable_connection(database_url: str) -> None:
    async with Database(database_url, size=1, name="test", sees=EVERY_CLINIC, loan_seconds=PATIENCE) as database:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1), database.transaction() as tx:
                await tx._ask(b"SELECT pg_sleep(60)")
        async with database.transaction() as tx:
            assert await tx.one("setting", name="a") is None


async def test_what_is_noted_stands_or_falls_with_its_transaction(database: Database) -> None:
    async with database.transaction() as tx:
        tx.note("set_setting", name="alone", value="1")
        tx.note("set_setting", name="alone", value="2")
    with pytest.raises(psycopg.errors.NotNullViolation):  # noqa: PT012
        async with database.transaction() as tx:
            tx.note("set_setting", name="fails", value="1")
            tx.note("set_setting", name="fails", value=None)
    async with database.transaction() as tx:
        assert await tx.one("setting", name="alone") == {"value": 2}
        assert await tx.one("setting", name="fails") is None


async def test_a_look_is_one_query_and_changes_nothing(database: Database) -> None:
    with pytest.raises(RuntimeError):  # noqa: PT012
        async with database.look() as tx:
            await tx.now()
            await tx.now()
    with pytest.raises(DatabaseUnavailable):
        async with database.look() as tx:
            await tx.run("set_setting", name="a", value="1")
    async with database.transaction():
        pass
    async with database.look() as tx:
        assert await tx.one("setting", name="a") is None


async def test_a_connection_that_dies_in_use_is_our_error(database: Database) -> None:
    with pytest.raises(DatabaseUnavailable):
        async with database.transaction() as tx:
            await tx._ask(b"SELECT pg_terminate_backend(pg_backend_pid())")


async def test_what_is_given_up_is_undone_by_us_and_not_by_the_pool(
    database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(LookupError):  # noqa: PT012
        async with database.transaction() as tx:
            await tx.run("set_setting", name="given up", value="1")
            raise LookupError
    async with database.transaction() as tx:
        assert (await tx.one("setting", name="given up")) is None
    assert caplog.messages == []  # the pool warns of a connection that comes back in the middle of something


@pytest.mark.parametrize("fault", [b"SET TRANSACTION READ ONLY", b"SET LOCAL statement_timeout = 1"])
async def test_a_server_that_cannot_write_or_answer_in_time_is_unavailable(database: Database, fault: bytes) -> None:
    with pytest.raises(DatabaseUnavailable):  # noqa: PT012
        async with database.transaction() as tx:
            await tx._ask(fault)
            await tx.run("set_setting", name="a", value="1")
            await tx._ask(b"SELECT pg_sleep(5)")


async def test_sessions_have_our_limits(database: Database) -> None:
    async with database.transaction() as tx:
        cursor = await tx._ask(
            b"SELECT name, setting FROM pg_settings WHERE name IN ('TimeZone', 'statement_timeout', 'lock_timeout',"
            b" 'idle_in_transaction_session_timeout')"
        )
        settings = {row["name"]: row["setting"] for row in await cursor.fetchall()}
    assert settings == {
        "TimeZone": "UTC",
        "statement_timeout": "60000",
        "lock_timeout": "10000",
        "idle_in_transaction_session_timeout": "60000",
    }


def test_options_of_the_configuration_stay() -> None:
    merged = psycopg.conninfo.conninfo_to_dict(
        connection_string("postgresql://h/d?options=-c%20search_path%3Dx&connect_timeout=9", "web")
    )
    assert str(merged["options"]).startswith("-c search_path=x -c timezone=UTC")
    assert (merged["connect_timeout"], merged["application_name"]) == ("9", "studypub web")


def test_a_query_s_name_stands_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queries.resources, "path", lambda *_: tmp_path)  # type: ignore[attr-defined]
    (tmp_path / "a.sql").write_text("-- name: one\n-- Says one.\nSELECT 1;\n\n-- name: two\n-- Says two.\nSELECT\n2;\n")
    assert queries.all_queries.__wrapped__() == {"one": b"SELECT 1", "two": b"SELECT\n2"}
    (tmp_path / "b.sql").write_text("-- name: two\n-- Again.\nSELECT 3;\n")
    with pytest.raises(ValueError, match="stands twice"):
        queries.all_queries.__wrapped__()
