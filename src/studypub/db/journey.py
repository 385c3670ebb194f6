"""Several queries sent to PostgreSQL as one piece, and their answers waited for once."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from psycopg import AsyncConnection, AsyncPipeline, generators
from psycopg.abc import PQGen


class Journey(AsyncPipeline):
    """A pipeline of psycopg's that sends nothing before its end.

    That one sends each query at once and looks for answers then: every time another thread may take the interpreter,
    and where several are busy it comes back after 10 to 20 ms.
    """

    def answer_at_once(self) -> None:
        """Let the server answer what stands before this without waiting for the rest."""
        self.command_queue.append(self.pgconn.send_flush_request)

    def _communicate_gen(self) -> PQGen[None]:
        yield from ()

    def _exit_gen(self) -> PQGen[None]:
        self._enqueue_sync()
        while self.command_queue:
            self.command_queue.popleft()()
        yield from generators.send(self.pgconn)
        yield from self._fetch_gen(flush=False)


@asynccontextmanager
async def journey(connection: AsyncConnection[Any]) -> AsyncIterator[Journey]:
    """Send what is executed in the block when that ends; cursors have their answers afterwards."""
    pipeline = connection._pipeline = Journey(connection)  # noqa: SLF001 - psycopg knows no other way to give it one
    async with connection.pipeline():
        yield pipeline
