"""Looks at a server of PostgreSQL: which version, may it be written to, what time is it there."""

from datetime import datetime
from typing import NamedTuple

import psycopg

from studypub.db.database import connection_string
from studypub.errors import DatabaseUnavailable


class Server(NamedTuple):
    """`version` as PostgreSQL counts: 150004 is 15.4."""

    version: int
    is_writable: bool
    now: datetime


async def look(url: str) -> Server:
    """Connect and look. Raises DatabaseUnavailable, whose cause says in the server's words why it cannot."""
    try:
        async with await psycopg.AsyncConnection.connect(connection_string(url, "doctor")) as connection:
            found = await connection.execute("SELECT current_setting('transaction_read_only'), clock_timestamp()")
            row = await found.fetchone()
            assert row is not None  # noqa: S101 - a SELECT without FROM has one row
            return Server(connection.info.server_version, row[0] == "off", row[1])
    except psycopg.OperationalError as error:
        raise DatabaseUnavailable("doctor") from error
