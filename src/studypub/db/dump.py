"""Takes a copy of the database, and makes a database of one: PostgreSQL's own pg_dump and pg_restore."""

import os
import secrets
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from studypub.db.embedded.binaries import program
from studypub.db.queries import all_queries
from studypub.errors import DatabaseUnavailable, Refused

_SCRATCH = "studypub_check_"
_IN_USE, _GONE = psycopg.errors.ObjectInUse, psycopg.errors.InvalidCatalogName
_ANOTHER_S = psycopg.errors.InsufficientPrivilege  # of another installation on the same server
# A large database takes as long as it takes.
_PATIENT = "-c timezone=UTC -c statement_timeout=0 -c idle_in_transaction_session_timeout=0"


@dataclass(frozen=True, slots=True)
class StoredObject:
    """What an open link leads to: its key, its size in bytes, its SHA-256."""

    key: str
    size: int
    sha256: bytes


@dataclass(frozen=True, slots=True)
class Contents:
    """What a database holds at one moment: the rows of each table, the newest hash of the audit log."""

    rows: dict[str, int]
    audit_head: bytes


@dataclass(frozen=True, slots=True)
class Dumped:
    """What was copied, and the objects to which its open links lead."""

    contents: Contents
    objects: tuple[StoredObject, ...]


def dump(url: str, target: Path) -> Dumped:
    """Write the database as it is at this moment into a file of pg_dump's custom format, and say what it holds.

    Raises DatabaseUnavailable, Refused.
    """
    with _connected(url) as connection, connection.transaction():
        connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        snapshot = _one(connection, "SELECT pg_export_snapshot()")
        # As the owner, whom policies show everything while it says nothing of clinics; pg_dump would rather refuse.
        shape = ["--format=custom", "--no-owner", "--no-privileges", "--enable-row-security"]
        options = [*shape, f"--snapshot={snapshot}", f"--file={target}"]
        _run(url, "pg_dump", options)
        objects = tuple(
            StoredObject(key, size, bytes(sha256))
            for key, size, sha256 in connection.execute(all_queries()["live_objects"])
        )
        return Dumped(_contents(connection), objects)


def require_empty(url: str) -> None:
    """Raise Refused where the database holds anything, DatabaseUnavailable where it does not answer."""
    with _connected(url) as connection:
        if connection.execute(all_queries()["tables"]).fetchone() is not None:
            raise Refused(
                "not empty",
                reason_ru="База данных не пуста. Восстанавливайте копию в новую, пустую базу; восстановление, которое "
                "прервалось, завершает studypub reconcile.",
                reason_en="The database is not empty. Restore the backup into a new, empty one; a restore that broke "
                "off is finished by studypub reconcile.",
            )


def restore(url: str, source: Path) -> None:
    """Fill an empty database from such a file, wholly or not at all. Raises DatabaseUnavailable, Refused."""
    require_empty(url)
    _run(url, "pg_restore", ["--exit-on-error", "--single-transaction", "--no-owner", "--no-privileges", str(source)])


def contents(url: str) -> Contents:
    """Say what a database holds. Raises DatabaseUnavailable."""
    with _connected(url) as connection:
        return _contents(connection)


@contextmanager
def scratch(url: str) -> Iterator[str]:
    """Make an empty database beside this one, and remove it at the end. Raises DatabaseUnavailable, Refused."""
    name = f"{_SCRATCH}{secrets.token_hex(8)}"
    with _connected(url, autocommit=True) as connection:
        _remove_unfinished(connection)
        try:
            connection.execute(sql.SQL("CREATE DATABASE {} TEMPLATE template0").format(sql.Identifier(name)))
        except psycopg.errors.InsufficientPrivilege as error:
            raise Refused(
                "CREATEDB",
                reason_ru="Проверить копию негде: учётная запись studypub не вправе создать базу (CREATEDB).",
                reason_en="The backup cannot be tried out: the account may not make a database (CREATEDB).",
            ) from error
        try:
            made = make_conninfo(url, dbname=name)
            with _connected(made):  # which tells another one that it is in use
                yield made
        finally:
            _drop(connection, name)


def _remove_unfinished(connection: psycopg.Connection[Any]) -> None:
    """Remove databases that were left by one who was killed: nobody is connected to them."""
    left = connection.execute(all_queries()["left_databases"], {"prefix": _SCRATCH}).fetchall()
    for (name,) in left:
        with suppress(_IN_USE, _GONE, _ANOTHER_S):
            connection.execute(sql.SQL("DROP DATABASE {}").format(sql.Identifier(name)))


def _drop(connection: psycopg.Connection[Any], name: str) -> None:
    try:
        connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))
    except psycopg.errors.InsufficientPrivilege:  # autovacuum is at it, which only the plain statement may stop
        connection.execute(sql.SQL("DROP DATABASE {}").format(sql.Identifier(name)))


def _contents(connection: psycopg.Connection[Any]) -> Contents:
    tables = [name for (name,) in connection.execute(all_queries()["tables"]).fetchall()]
    count = sql.SQL("SELECT count(*) FROM {}")
    rows = {name: int(_one(connection, count.format(sql.Identifier(name)))) for name in tables}
    head = connection.execute(all_queries()["head_of_audit_log"]).fetchone()
    return Contents(rows, bytes(head[0]) if head else b"")


def _one(connection: psycopg.Connection[Any], query: Any) -> Any:
    row = connection.execute(query).fetchone()
    assert row is not None  # noqa: S101 - a SELECT of one value
    return row[0]


@contextmanager
def _connected(url: str, *, autocommit: bool = False) -> Iterator[psycopg.Connection[Any]]:
    try:
        with psycopg.connect(
            url, autocommit=autocommit, connect_timeout=5, application_name="studypub backup", options=_PATIENT
        ) as one:
            yield one
    except psycopg.OperationalError as error:
        raise DatabaseUnavailable(type(error).__name__) from error
    except psycopg.Error as error:
        raise _not_done("PostgreSQL", type(error).__name__) from error


def _run(url: str, name: str, options: Sequence[str]) -> None:
    """Run one of PostgreSQL's programs on a database; the password is not among its arguments, which all can see."""
    address = conninfo_to_dict(url)
    password = address.pop("password", None)
    environment = {**os.environ, **({"PGPASSWORD": str(password)} if password else {})}
    command: list[str | Path] = [program(name), "--no-password", f"--dbname={make_conninfo('', **address)}", *options]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, errors="replace", check=False)
    if done.returncode:
        # What the server says behind its ERROR may quote rows.
        said = (line.partition(": ERROR")[0] for line in done.stderr.splitlines() if ": error: " in line)
        raise _not_done(name, next(said, f"exit status {done.returncode}"))


def _not_done(name: str, cause: str) -> Refused:
    return Refused(
        f"{name}: {cause}",
        reason_ru=f"PostgreSQL не справился с копией ({name}). Подробности в журнале.",
        reason_en=f"PostgreSQL could not do it ({name}). The log says more.",
    )
