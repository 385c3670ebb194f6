"""Listens for new tasks and changed clinics; polling finds them too, this only hastens it."""

import asyncio
from collections.abc import Callable

import psycopg

from studypub.db.database import connection_string

_SILENCE_SECONDS = 20.0
_ANSWER_SECONDS = 10.0
_CLINICS = "studypub_clinics"


async def listen(url: str, heard: Callable[[], object], of_clinics: Callable[[], object] = lambda: None) -> None:
    """Call `heard` at every task until the connection ends, `of_clinics` where clinics have changed; both at the start.

    It is asked in every silence whether it still lives.

    Raises psycopg's errors, and silence, as ConnectionError, so that the caller can begin again.
    """
    try:
        async with await psycopg.AsyncConnection.connect(
            connection_string(url, "listen"), autocommit=True
        ) as connection:
            await connection.execute(f"LISTEN studypub_tasks; LISTEN {_CLINICS}")
            heard()
            of_clinics()
            while True:
                async for one in connection.notifies(timeout=_SILENCE_SECONDS):
                    (of_clinics if one.channel == _CLINICS else heard)()
                async with asyncio.timeout(_ANSWER_SECONDS):
                    await connection.execute("SELECT 1")
    except (psycopg.Error, TimeoutError) as error:
        raise ConnectionError(type(error).__name__) from error
