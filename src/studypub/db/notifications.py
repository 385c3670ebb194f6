"""Listens for new tasks; polling finds them too, this only hastens it."""

import asyncio
from collections.abc import Callable

import psycopg

from studypub.db.database import connection_string

_SILENCE_SECONDS = 20.0
_ANSWER_SECONDS = 10.0


async def listen(url: str, heard: Callable[[], object]) -> None:
    """Call `heard` at every notification until the connection ends; asks in every silence whether it still lives.

    Raises psycopg's errors, and silence, as ConnectionError, so that the caller can begin again.
    """
    try:
        async with await psycopg.AsyncConnection.connect(
            connection_string(url, "listen"), autocommit=True
        ) as connection:
            await connection.execute("LISTEN studypub_tasks")
            heard()
            while True:
                async for _ in connection.notifies(timeout=_SILENCE_SECONDS):
                    heard()
                async with asyncio.timeout(_ANSWER_SECONDS):
                    await connection.execute("SELECT 1")
    except (psycopg.Error, TimeoutError) as error:
        raise ConnectionError(type(error).__name__) from error
