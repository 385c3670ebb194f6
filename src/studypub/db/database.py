"""The pool of connections, and transactions that speak in our own errors."""

import asyncio
import contextlib
import copy
import os
import socket
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from datetime import datetime
from typing import Any, Self

import orjson
import psycopg
from psycopg import AsyncClientCursor, AsyncConnection, conninfo
from psycopg.rows import dict_row
from psycopg.types.json import set_json_dumps, set_json_loads
from psycopg_pool import AsyncConnectionPool, PoolTimeout

from studypub.core.clinics import Sees
from studypub.db.queries import all_queries
from studypub.errors import AlreadyInProgress, Collision, ConfigError, DatabaseUnavailable

Row = dict[str, Any]

# A dead peer is noticed within a minute, not after the two hours of the system's default.
_KEEPALIVE = {"keepalives_idle": 10, "keepalives_interval": 5, "keepalives_count": 3, "tcp_user_timeout": 30_000}
_SESSION = (
    "-c timezone=UTC -c synchronous_commit=on"
    " -c statement_timeout=60s -c idle_in_transaction_session_timeout=60s -c lock_timeout=10s"
)
_LOAN_SECONDS = 1.5  # how long a request waits for a connection before it is told to come again
# The pool doubles its pauses; given up soon, it begins anew with the next request, seconds after the server is back.
_RECONNECT_SECONDS = 3.0
# A server that keeps its connections and says nothing: its own statement_timeout would have spoken by then.
_ANSWER_SECONDS = 62.0
# InternalError is, among others, what a server that has become read-only answers.
_UNAVAILABLE = (psycopg.OperationalError, psycopg.InterfaceError, psycopg.InternalError)
_BROKEN = (psycopg.OperationalError, psycopg.InterfaceError)
_COLLISIONS = (psycopg.errors.SerializationFailure, psycopg.errors.DeadlockDetected)
_ONE_STUDY_ONE_TASK = ("tasks_one_in_progress", "published_studies_one_live")

set_json_dumps(orjson.dumps)
set_json_loads(orjson.loads)


class Transaction:
    """One transaction: runs named queries with named parameters."""

    def __init__(self, connection: AsyncConnection[Row], sees: Sees) -> None:
        self._connection = connection
        self.sees = sees

    async def begin(self, actor: str | None) -> None:
        """Begin it, as `Database.transaction` says."""
        # Two statements at once: their values are written into them here.
        cursor = AsyncClientCursor(self._connection)
        with _answered_within(_LOAN_SECONDS / 2, self._connection):
            await cursor.execute(all_queries()["begin"], {"actor": actor or "", "clinics": self.sees.text})

    async def run(self, query: str, /, **parameters: object) -> int:
        """Run a query for its effect; return how many rows it touched."""
        return (await self._execute(query, parameters)).rowcount

    async def one(self, query: str, /, **parameters: object) -> Row | None:
        """Return the first row, or None."""
        return await (await self._execute(query, parameters)).fetchone()

    async def all(self, query: str, /, **parameters: object) -> list[Row]:
        """Return every row."""
        return await (await self._execute(query, parameters)).fetchall()

    async def now(self) -> datetime:
        """Return the database's time, which leases and dates go by."""
        row = await self.one("now")
        assert row is not None  # noqa: S101 - a SELECT without FROM has one row
        moment: datetime = row["now"]
        return moment

    async def _execute(self, query: str, parameters: Mapping[str, object]) -> psycopg.AsyncCursor[Row]:
        with _answered_within(_ANSWER_SECONDS, self._connection):
            return await self._connection.execute(all_queries()[query], parameters)


class Database:
    """PostgreSQL through a pool of its own size, as somebody who sees the rows of some clinics."""

    def __init__(self, url: str, *, size: int, name: str, sees: Sees, loan_seconds: float = _LOAN_SECONDS) -> None:
        """Hold at most `size` connections; who asks for one waits for at most `loan_seconds`."""
        self._sees = sees
        self._loan_seconds = loan_seconds
        self._pool = AsyncConnectionPool(
            connection_string(url, name),
            min_size=1,
            max_size=size,
            open=False,
            reconnect_timeout=_RECONNECT_SECONDS,
            name=name,
            kwargs={"row_factory": dict_row, "autocommit": True},  # Transaction begins it itself
            connection_class=AsyncConnection[Row],
        )

    async def __aenter__(self) -> Self:
        await self._pool.open()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._pool.close()

    def seeing(self, sees: Sees) -> "Database":
        """Return the same database, through the same pool, as somebody who sees the rows of these clinics."""
        other = copy.copy(self)
        other._sees = sees  # noqa: SLF001 - one of us
        return other

    @asynccontextmanager
    async def transaction(self, actor: str | None = None) -> AsyncIterator[Transaction]:
        """Open a transaction; it commits at the end of the block. Raises DatabaseUnavailable, Collision.

        It sees, and changes, rows of the clinics that this database was opened for: PostgreSQL itself sees to it, by
        the policies of migration 0052. Who sees not all of them works as a role that owns nothing.

        `actor`: for whom it acts, so that what happens to a task in it is told with that name.
        """
        try:
            connection, transaction = await self._begun(actor)
            try:
                async with connection:  # its end is the transaction's
                    yield transaction
            finally:
                await self._pool.putconn(connection)
        except psycopg.errors.UniqueViolation as error:
            if error.diag.constraint_name in _ONE_STUDY_ONE_TASK:
                raise AlreadyInProgress(str(error.diag.constraint_name)) from error
            raise
        except _COLLISIONS as error:
            raise Collision(type(error).__name__) from error
        except (*_UNAVAILABLE, PoolTimeout) as error:
            raise DatabaseUnavailable(type(error).__name__) from error

    async def _begun(self, actor: str | None) -> tuple[AsyncConnection[Row], Transaction]:
        """Borrow a connection and begin on it; one that turns out to be dead, or silent, is replaced."""
        until = time.monotonic() + self._loan_seconds
        while True:
            connection = await self._pool.getconn(until - time.monotonic())
            transaction = Transaction(connection, self._sees)
            try:
                await transaction.begin(actor)
            except BaseException as error:
                await self._pool.putconn(connection)
                if not isinstance(error, _BROKEN) or time.monotonic() > until:
                    raise
            else:
                return connection, transaction


@contextmanager
def _answered_within(seconds: float, connection: AsyncConnection[Row]) -> Iterator[None]:
    """Hang up on a server that is silent for so long: who waits for it has a psycopg.OperationalError at once.

    Cancelling the wait would ask that server to end the query, and wait up to ten seconds more for its word.
    """
    patience = asyncio.get_running_loop().call_later(seconds, _hang_up, connection)
    try:
        yield
    finally:
        patience.cancel()


def _hang_up(connection: AsyncConnection[Row]) -> None:
    # The connection stays open to its owner, who waits for this socket and is woken by its end.
    with contextlib.suppress(OSError, psycopg.Error), socket.socket(fileno=os.dup(connection.fileno())) as line:
        line.shutdown(socket.SHUT_RDWR)


def connection_string(url: str, name: str) -> str:
    """Return the connection string with our own limits on silence. Raises ConfigError, which quotes none of it."""
    try:
        given = conninfo.conninfo_to_dict(url)
    except psycopg.ProgrammingError:
        raise ConfigError(problem="database.url: not an address of PostgreSQL") from None
    options = f"{given.get('options', '')} {_SESSION}".strip()
    merged = {"connect_timeout": 5, **_KEEPALIVE, **given, "options": options, "application_name": f"studypub {name}"}
    return conninfo.make_conninfo("", **merged)
