"""A connection on loan from the pool, and how long its server may be silent."""

import asyncio
import contextlib
import os
import select
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Self

import psycopg
from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool


class Loan:
    """A connection of the pool for a while; a broken one can be exchanged as long as somebody waits for a loan."""

    def __init__(self, pool: AsyncConnectionPool[AsyncConnection[Any]], seconds: float) -> None:
        self.connection: AsyncConnection[Any] | None = None
        self._pool = pool
        self._until = time.monotonic() + seconds

    async def __aenter__(self) -> Self:
        await self._take()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._give_back()

    @property
    def held(self) -> AsyncConnection[Any]:
        """The connection, which is there."""
        assert self.connection is not None  # noqa: S101 - it lacks only after an exchange that failed
        return self.connection

    @property
    def is_over(self) -> bool:
        """Whether nobody waits for a connection for so long."""
        return time.monotonic() > self._until

    async def exchange(self) -> None:
        """Give the connection back for another one."""
        await self._give_back()
        await self._take()

    async def _take(self) -> None:
        self.connection = await self._pool.getconn(self._until - time.monotonic())

    async def _give_back(self) -> None:
        connection, self.connection = self.connection, None
        if connection is not None:
            await self._pool.putconn(connection)


@contextmanager
def answered_within(
    seconds: float, connection: AsyncConnection[Any], cursor: psycopg.AsyncCursor[Any] | None = None
) -> Iterator[None]:
    """Hang up on a server that is silent for so long: who waits for it has a psycopg.OperationalError at once.

    `cursor`: whose answer is enough.

    Cancelling the wait would ask that server to end the query, and wait up to ten seconds more for its word.
    """
    loop = asyncio.get_running_loop()
    patience: asyncio.TimerHandle

    def lose_patience() -> None:
        nonlocal patience
        if cursor is not None and cursor.pgresult is not None:
            return
        if _has_spoken(connection):  # it is we who are late: the timer comes before whoever reads
            patience = loop.call_later(seconds, lose_patience)
        else:
            _hang_up(connection)

    patience = loop.call_later(seconds, lose_patience)
    try:
        yield
    finally:
        patience.cancel()


def _has_spoken(connection: AsyncConnection[Any]) -> bool:
    with contextlib.suppress(OSError, psycopg.Error):
        here = select.poll()
        here.register(connection.fileno(), select.POLLIN)
        return bool(here.poll(0))
    return False


def _hang_up(connection: AsyncConnection[Any]) -> None:
    # The connection stays open to its owner, who waits for this socket and is woken by its end.
    with contextlib.suppress(OSError, psycopg.Error), socket.socket(fileno=os.dup(connection.fileno())) as line:
        line.shutdown(socket.SHUT_RDWR)
