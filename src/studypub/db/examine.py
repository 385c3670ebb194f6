"""Looks at a server of PostgreSQL: which version, may it be written to, what time is it there."""

from datetime import datetime
from typing import NamedTuple

import psycopg

from studypub.db.database import connection_string
from studypub.db.queries import all_queries
from studypub.errors import DatabaseUnavailable


class Server(NamedTuple):
    """`version` as PostgreSQL counts: 150004 is 15.4; `account`: who we are there.

    `has_application`: a request for one clinic can work as the role that owns nothing.
    """

    version: int
    is_writable: bool
    now: datetime
    account: str
    has_application: bool


async def look(url: str) -> Server:
    """Connect and look. Raises DatabaseUnavailable, whose cause says in the server's words why it cannot."""
    try:
        async with await psycopg.AsyncConnection.connect(connection_string(url, "doctor")) as connection:
            row = await (await connection.execute(all_queries()["server"])).fetchone()
            assert row is not None  # noqa: S101 - a SELECT without FROM has one row
            return Server(connection.info.server_version, *row)
    except psycopg.OperationalError as error:
        raise DatabaseUnavailable("doctor") from error
