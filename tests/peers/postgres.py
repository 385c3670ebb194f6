"""A real PostgreSQL for tests: one server for each test process, databases in it for the asking."""

import itertools
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from studypub.db.embedded import EmbeddedPostgres, processes


class PostgresPeer:
    """A running server; `conninfo` names its standing database, which a test should leave alone."""

    def __init__(self, conninfo: str) -> None:
        self.conninfo = conninfo
        self._numbers = itertools.count(1)

    def database(self, template: str | None = None) -> str:
        """Make a new database, empty or a clone of the one that `template` (a conninfo) names; return its conninfo.

        Nobody may be connected to the template meanwhile.
        """
        name = f"test_{next(self._numbers)}"
        source = "template1" if template is None else conninfo_to_dict(template)["dbname"]
        self._do("CREATE DATABASE {} TEMPLATE {}", name, str(source))
        return make_conninfo(self.conninfo, dbname=name)

    def drop(self, conninfo: str) -> None:
        """Drop a database made here, whoever is still connected to it."""
        name = str(conninfo_to_dict(conninfo)["dbname"])
        try:
            self._do("DROP DATABASE {} WITH (FORCE)", name)
        except psycopg.errors.InsufficientPrivilege:  # autovacuum is at it, which only the plain statement may stop
            self._do("DROP DATABASE {}", name)

    def _do(self, statement: str, *names: str) -> None:
        with psycopg.connect(self.conninfo, autocommit=True) as connection:
            connection.execute(sql.SQL(statement).format(*map(sql.Identifier, names)))


_MEMORY = Path("/dev/shm")
_ENOUGH_BYTES = 4 << 30


def memory() -> Path | None:
    """Return where a server of tests has its data in memory, as long as there is enough; None where there is not.

    Databases are made and dropped by the thousand, and on a disk each waits for it, some tenths of a second.
    """
    return _MEMORY if _MEMORY.is_dir() and shutil.disk_usage(_MEMORY).free > _ENOUGH_BYTES else None


@contextmanager
def open_folder(within: Path | None = None) -> Iterator[Path]:
    """Make a folder that every user may pass through, so that for root, too, all of a daemon's data lies below it.

    pytest's own folders are closed; a server that root starts in them would live in /var/lib/studypub-postgres.
    At the end the servers of killed daemons are waited for, and clusters that live elsewhere go, too.
    """
    folder = Path(tempfile.mkdtemp(prefix="sp-", dir=within))
    folder.chmod(0o711)
    try:
        yield folder
    finally:
        for home in {path.resolve() for path in folder.glob("**/postgres") if path.is_dir()}:
            processes.interrupt(home / "data", 30)
            shutil.rmtree(home)
        shutil.rmtree(folder)


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresPeer]:
    """Run a server for this test process."""
    with open_folder(memory()) as folder:
        server = EmbeddedPostgres(folder)
        try:
            yield PostgresPeer(server.start())
        finally:
            server.stop()
