"""A database with the current schema for each test process, empty at the start of each test."""

import asyncio
from collections.abc import AsyncIterator, Iterator

import psycopg
import pytest
from psycopg import sql
from tests.peers.postgres import PostgresPeer

from studypub.core.clinics import EVERY_CLINIC
from studypub.db.database import Database
from studypub.db.migrate import migrate

PATIENCE = 20.0
"""Seconds that a test waits for a connection: on a busy machine more than a request of the service would."""


@pytest.fixture(scope="session")
def migrated(postgres_server: PostgresPeer) -> str:
    """The process's database; a test asks for `database_url`, `database` or `connection`."""
    url = postgres_server.database()
    asyncio.run(migrate(url))
    return url


@pytest.fixture(scope="session")
def schema(postgres_server: PostgresPeer) -> Iterator[str]:
    """A database with the current schema and nothing in it, to be cloned."""
    template = postgres_server.database()
    asyncio.run(migrate(template))
    yield template
    postgres_server.drop(template)


@pytest.fixture
def database_url(migrated: str) -> Iterator[str]:
    """The database, emptied when the test ends."""
    yield migrated
    with psycopg.connect(migrated) as connection:
        found = connection.execute(
            "SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename <> 'schema_migrations'"
        )
        tables = sql.SQL(", ").join(sql.Identifier(table) for (table,) in found)
        # The audit log refuses to be emptied.
        connection.execute("ALTER TABLE audit_log DISABLE TRIGGER USER")
        connection.execute(sql.SQL("TRUNCATE {}").format(tables))
        connection.execute("ALTER TABLE audit_log ENABLE TRIGGER USER")


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    """The test's database, through our pool."""
    async with Database(database_url, size=6, name="test", sees=EVERY_CLINIC, loan_seconds=PATIENCE) as opened:
        yield opened


@pytest.fixture
def connection(database_url: str) -> Iterator[psycopg.Connection]:
    """A plain connection of its owner to the test's database; every statement is a transaction."""
    with psycopg.connect(database_url, autocommit=True) as opened:
        yield opened
