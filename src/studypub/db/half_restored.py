"""A mark on the database, not in it, while it is filled from a backup: it holds what no longer need be true."""

import psycopg
from psycopg import sql
from psycopg.conninfo import make_conninfo

from studypub.db.queries import all_queries
from studypub.errors import DatabaseUnavailable, Refused

_MARK = "studypub: restored, and not yet held against the store"


def mark(url: str) -> None:
    """Say that what comes into the database has yet to be held against the store. Raises as `_say` does."""
    _say(url, _MARK)


def clear(url: str) -> None:
    """Say that it was. Raises as `_say` does."""
    _say(url, None)


def require_whole(url: str) -> None:
    """Raise Refused where a restore broke off before its end, DatabaseUnavailable where nobody answers."""
    try:
        with psycopg.connect(make_conninfo(url, connect_timeout=5), autocommit=True) as connection:
            row = connection.execute(all_queries()["comment_on_database"]).fetchone()
    except psycopg.OperationalError as error:
        raise DatabaseUnavailable("half restored?") from error
    if row == (_MARK,):
        raise Refused(
            "half restored",
            reason_ru="Восстановление из копии прервалось. Если база пуста, повторите studypub restore, если нет — "
            "завершите его командой studypub reconcile.",
            reason_en="A restore broke off. Where the database is empty, run studypub restore again; where it is not, "
            "finish with studypub reconcile.",
        )


def _say(url: str, text: str | None) -> None:
    """Change the comment on the database. Raises Refused, DatabaseUnavailable."""
    try:
        with psycopg.connect(make_conninfo(url, connect_timeout=5), autocommit=True) as connection:
            name = sql.Identifier(connection.info.dbname)
            connection.execute(sql.SQL("COMMENT ON DATABASE {} IS {}").format(name, sql.Literal(text)))
    except psycopg.errors.InsufficientPrivilege as error:
        raise Refused(
            "insufficient privilege",
            reason_ru="Учётная запись studypub не владеет базой данных. Сделайте её владельцем.",
            reason_en="The account of studypub does not own the database. Make it the owner.",
        ) from error
    except psycopg.OperationalError as error:
        raise DatabaseUnavailable("comment on database") from error
