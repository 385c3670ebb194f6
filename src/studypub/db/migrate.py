"""Brings the schema up to date: numbered files, each once, in one transaction, one daemon at a time.

A schema may be newer than the program: migrations add, so that the version before goes on working. One that takes
something, or adds what an older program would not guard (a PIN) or would delete (a new kind of object), says so by its
name, `NNNN_after_MMMM_words.sql`: a program that does not know migrations up to MMMM does not run on it.
"""

import hashlib
import logging
import re
from pathlib import Path

import psycopg

from studypub import __version__, resources
from studypub.db.database import connection_string
from studypub.db.queries import all_queries
from studypub.errors import DatabaseUnavailable, Refused

log = logging.getLogger(__name__)

_LOCK = 7305315
_AFTER = re.compile(r"\d+_after_(\d+)_")
_HISTORY = """
CREATE TABLE IF NOT EXISTS schema_migrations (
    version integer PRIMARY KEY, name text NOT NULL, sha256 bytea NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT now())
"""


class SchemaIsHeld(DatabaseUnavailable):
    """Somebody's transaction, or another daemon's migration, holds a table; whoever came later would wait behind us."""


async def migrate(url: str) -> list[str]:
    """Apply what is pending and return its names; two daemons that start at once do it once.

    Raises DatabaseUnavailable, SchemaIsHeld where it is to be tried again after a while, and Refused where the
    database is too new for the program or our account may not create tables.
    """
    try:
        async with await psycopg.AsyncConnection.connect(connection_string(url, "migrate")) as connection:
            # Another daemon that migrates is waited for; behind a lock of a table everybody else would wait with us.
            await connection.execute("SET LOCAL lock_timeout = '60s'")
            await connection.execute("SET LOCAL statement_timeout = 0")
            await connection.execute("SELECT pg_advisory_xact_lock(%s)", (_LOCK,))
            await connection.execute("SET LOCAL lock_timeout = '2s'")
            return await _apply_pending(connection)
    except psycopg.errors.LockNotAvailable as error:
        raise SchemaIsHeld("migrate") from error
    except psycopg.OperationalError as error:
        raise DatabaseUnavailable("migrate") from error
    except psycopg.errors.InsufficientPrivilege as error:
        raise Refused(
            "insufficient privilege",
            reason_ru="Учётная запись studypub не вправе создавать таблицы в базе данных. Сделайте её владельцем базы.",
            reason_en="The account of studypub may not create tables in the database. Make it the database's owner.",
        ) from error


async def _apply_pending(connection: psycopg.AsyncConnection) -> list[str]:
    await connection.execute(_HISTORY)
    cursor = await connection.execute("SELECT version, name, sha256 FROM schema_migrations")
    rows = await cursor.fetchall()
    applied = {version: bytes(digest) for version, _, digest in rows}
    known = {int(file.name.split("_")[0]): file for file in resources.path("sql", "migrations").glob("*.sql")}
    _refuse_too_new(sorted(name for version, name, _ in rows if version not in known), max(known))
    _refuse_changed(applied, known)
    names = []
    for version, file in sorted(known.items()):
        text = file.read_bytes()
        if version not in applied:
            await connection.execute(text)
            await connection.execute(
                "INSERT INTO schema_migrations (version, name, sha256) VALUES (%s, %s, %s)",
                (version, file.stem, hashlib.sha256(text).digest()),
            )
            names.append(file.stem)
    await connection.execute(all_queries()["admit_application"])
    return names


def _refuse_too_new(unknown: list[str], ours: int) -> None:
    after = max((int(found[1]) for found in map(_AFTER.match, unknown) if found), default=0)
    if after > ours:
        raise Refused(
            f"schema after {after}",
            reason_ru=f"База данных создана более новой версией studypub: в ней миграция {unknown[-1]}, версия "
            f"{__version__} знает до {ours}. Установите ту версию или восстановите копию, сделанную до обновления.",
            reason_en=f"The database was made by a newer version of studypub: it has migration {unknown[-1]}, version "
            f"{__version__} knows up to {ours}. Install that one, or restore a backup made before the upgrade.",
        )
    if unknown:
        log.warning("Схема базы новее программы, и эта версия с ней работает: %s", ", ".join(unknown))


def _refuse_changed(applied: dict[int, bytes], known: dict[int, Path]) -> None:
    for version, file in known.items():
        if version in applied and applied[version] != hashlib.sha256(file.read_bytes()).digest():
            raise Refused(
                f"migration {version} differs",
                reason_ru=f"Миграция {file.stem} изменена после применения.",
                reason_en=f"Migration {file.stem} was changed after it was applied.",
            )
