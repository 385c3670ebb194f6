"""Refuses a server on which an acknowledged task could be lost in a crash."""

import psycopg

from studypub.db.database import connection_string
from studypub.errors import DatabaseUnavailable, Refused

_MUST_BE_ON = ("fsync", "full_page_writes", "synchronous_commit")


async def require_durable(url: str) -> None:
    """Raise Refused where a commit that was answered need not be on the disk; DatabaseUnavailable."""
    try:
        async with await psycopg.AsyncConnection.connect(connection_string(url, "start")) as connection:
            for name in _MUST_BE_ON:
                row = await (await connection.execute("SELECT current_setting(%s)", (name,))).fetchone()
                if row != ("on",):
                    raise Refused(
                        f"{name} is {row and row[0]}",
                        reason_ru=f"PostgreSQL настроен с {name} = off: при сбое принятые задания потерялись бы. "
                        "Включите этот параметр.",
                        reason_en=f"PostgreSQL runs with {name} = off: a crash would lose tasks that were accepted. "
                        "Turn it on.",
                    )
    except psycopg.OperationalError as error:
        raise DatabaseUnavailable("start") from error
