"""A database with the current schema for each test, cloned from one that is migrated once."""

import asyncio
from collections.abc import AsyncIterator, Iterator

import psycopg
import pytest
from tests.peers.postgres import PostgresPeer

from studypub.db.database import Database
from studypub.db.migrate import migrate


@pytest.fixture(scope="session")
def schema(postgres_server: PostgresPeer) -> Iterator[str]:
    """A database with the current schema and nothing in it, to be cloned."""
    template = postgres_server.database()
    asyncio.run(migrate(template))
    yield template
    postgres_server.drop(template)


@pytest.fixture
def database_url(postgres_server: PostgresPeer, schema: str) -> Iterator[str]:
    """A database of one test's own."""
    url = postgres_server.database(schema)
    yield url
    postgres_server.drop(url)


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    """The test's own database, through our pool."""
    async with Database(database_url, size=6, name="test") as opened:
        yield opened


@pytest.fixture
def connection(database_url: str) -> Iterator[psycopg.Connection]:
    """A plain connection of a superuser to the test's own database."""
    with psycopg.connect(database_url, autocommit=True) as opened:
        yield opened
