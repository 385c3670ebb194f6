"""The pool of connections, and transactions that speak in our own errors."""

import contextlib
import copy
from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from datetime import datetime
from typing import Any, Self

import orjson
import psycopg
from psycopg import AsyncConnection, conninfo
from psycopg.abc import QueryNoTemplate
from psycopg.rows import dict_row
from psycopg.types.json import set_json_dumps, set_json_loads
from psycopg_pool import AsyncConnectionPool, PoolTimeout

from studypub.core.clinics import Sees
from studypub.db.journey import journey
from studypub.db.loan import Loan, answered_within
from studypub.db.queries import all_queries
from studypub.errors import AlreadyInProgress, Collision, ConfigError, DatabaseUnavailable

Row = dict[str, Any]
_Statement = tuple[QueryNoTemplate, Mapping[str, object] | None]

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
    """One transaction: runs named queries with named parameters.

    Where many threads are busy, each wait for the server's answer is long, however fast that is. So it begins in one
    journey with its first query, and what need not be waited for goes with what follows it.
    """

    def __init__(self, loan: Loan, sees: Sees, actor: str, *, looks: bool) -> None:
        self.sees = sees
        self._loan = loan
        self._actor = actor
        self._looks = looks
        self._ends = looks
        self._unsent: list[_Statement] = []
        self._has_begun = False
        self._is_over = False

    async def run(self, query: str, /, **parameters: object) -> int:
        """Run a query for its effect; return how many rows it touched."""
        return (await self._ask(all_queries()[query], parameters)).rowcount

    async def one(self, query: str, /, **parameters: object) -> Row | None:
        """Return the first row, or None."""
        return await (await self._ask(all_queries()[query], parameters)).fetchone()

    async def all(self, query: str, /, **parameters: object) -> list[Row]:
        """Return every row."""
        return await (await self._ask(all_queries()[query], parameters)).fetchall()

    async def now(self) -> datetime:
        """Return the database's time, which leases and dates go by."""
        row = await self.one("now")
        assert row is not None  # noqa: S101 - a SELECT without FROM has one row
        moment: datetime = row["now"]
        return moment

    def note(self, query: str, /, **parameters: object) -> None:
        """Run a query for nothing but its effect, on the way to what follows; its error is raised there, too."""
        self._unsent.append((all_queries()[query], parameters))

    def ends_with_next(self) -> None:
        """Let its end go with the next query, which is the last one; where that is the first, only if it is a look."""
        self._ends = self._has_begun or self._looks

    async def commit(self) -> None:
        """End it. `Database.transaction` does."""
        if self._unsent and not self._has_begun:  # not with the commit: what may be done already is not sent anew
            await self._ask(*self._unsent.pop())
        if self._has_begun and not self._is_over:
            self._ends = False
            await self._ask(all_queries()["commit"])

    async def roll_back(self) -> None:
        """Undo it. `Database.transaction` does."""
        if self._loan.connection is not None:
            with contextlib.suppress(psycopg.Error):  # the pool disposes of it; what has broken it is being told
                await self._loan.connection.rollback()

    async def _ask(
        self, query: QueryNoTemplate, parameters: Mapping[str, object] | None = None
    ) -> psycopg.AsyncCursor[Row]:
        """Send what is unsent and a query, and wait for the answers; return the query's."""
        statements = [*self._unsent, (query, parameters)]
        self._unsent = []
        if not self._has_begun:
            return await self._begin(statements)
        if self._is_over:  # outside of it everybody's rows would be seen
            raise RuntimeError("the transaction has ended")
        connection = self._loan.held
        with answered_within(_ANSWER_SECONDS, connection):
            if len(statements) == 1 and not self._ends:
                return await connection.execute(query, parameters)
            async with journey(connection):
                cursor = await _sent(connection, statements, end=self._ends)
        self._is_over = self._ends
        return cursor

    async def _begin(self, statements: list[_Statement]) -> psycopg.AsyncCursor[Row]:
        """Begin it with these; a connection that turns out to be dead, or silent, is replaced.

        The server says at once that it has begun, however long the queries take. Where it has not said so, nothing is
        committed, and all is sent anew.
        """
        while True:
            connection = self._loan.held
            begun = connection.cursor()
            try:
                with (
                    answered_within(_LOAN_SECONDS / 2, connection, begun),
                    answered_within(_ANSWER_SECONDS, connection),
                ):
                    async with journey(connection) as pipeline:
                        await connection.execute(all_queries()["begin_to_look" if self._looks else "begin"])
                        await begun.execute(all_queries()["act_for"], {"actor": self._actor, "clinics": self.sees.text})
                        pipeline.answer_at_once()
                        cursor = await _sent(connection, statements, end=self._ends)
                self._is_over = self._ends
            except _BROKEN:
                if begun.pgresult is not None or self._loan.is_over:
                    raise
                await self._loan.exchange()
            else:
                return cursor
            finally:
                self._has_begun = begun.pgresult is not None


async def _sent(
    connection: AsyncConnection[Row], statements: list[_Statement], *, end: bool
) -> psycopg.AsyncCursor[Row]:
    """Send these in the connection's pipeline; return the last one's cursor, which has its answer when that ends."""
    cursors = [await connection.execute(query, parameters) for query, parameters in statements]
    if end:
        await connection.execute(all_queries()["commit"])
    return cursors[-1]


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

    def transaction(self, actor: str | None = None) -> AbstractAsyncContextManager[Transaction]:
        """Open a transaction; it commits at the end of the block. Raises DatabaseUnavailable, Collision.

        It sees, and changes, rows of the clinics that this database was opened for: PostgreSQL itself sees to it, by
        the policies of migration 0052. Who sees not all of them works as a role that owns nothing.

        `actor`: for whom it acts, so that what happens to a task in it is told with that name.
        """
        return self._open(actor or "", looks=False)

    def look(self) -> AbstractAsyncContextManager[Transaction]:
        """Open a transaction of one query that only reads: beginning, query and end are one journey."""
        return self._open("", looks=True)

    @asynccontextmanager
    async def _open(self, actor: str, *, looks: bool) -> AsyncIterator[Transaction]:
        try:
            async with Loan(self._pool, self._loan_seconds) as loan:
                transaction = Transaction(loan, self._sees, actor, looks=looks)
                async with AsyncExitStack() as in_vain:
                    in_vain.push_async_callback(transaction.roll_back)
                    yield transaction
                    await transaction.commit()
                    in_vain.pop_all()
        except psycopg.errors.UniqueViolation as error:
            if error.diag.constraint_name in _ONE_STUDY_ONE_TASK:
                raise AlreadyInProgress(str(error.diag.constraint_name)) from error
            raise
        except _COLLISIONS as error:
            raise Collision(type(error).__name__) from error
        except (*_UNAVAILABLE, PoolTimeout) as error:
            raise DatabaseUnavailable(type(error).__name__) from error


def connection_string(url: str, name: str) -> str:
    """Return the connection string with our own limits on silence. Raises ConfigError, which quotes none of it."""
    try:
        given = conninfo.conninfo_to_dict(url)
    except psycopg.ProgrammingError:
        raise ConfigError(problem="database.url: not an address of PostgreSQL") from None
    options = f"{given.get('options', '')} {_SESSION}".strip()
    merged = {"connect_timeout": 5, **_KEEPALIVE, **given, "options": options, "application_name": f"studypub {name}"}
    return conninfo.make_conninfo("", **merged)
