"""A PostgreSQL that a test may stop, crash and start again, with a migrated database for each test."""

import asyncio
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import quote

import psycopg
from psycopg.conninfo import conninfo_to_dict
from tests.peers.postgres import PostgresPeer, open_folder

from studypub.core.clinics import EVERY_CLINIC
from studypub.db.database import Database
from studypub.db.embedded import EmbeddedPostgres
from studypub.db.migrate import migrate
from studypub.flows import sign_in

CLINIC = "f_Khimki"


class Restartable:
    """The server; `key` is a MIS's key, valid in every database that is made here."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._server = EmbeddedPostgres(folder)
        self._peer = PostgresPeer(self._server.start())
        self._template = self._peer.database()
        self.key = asyncio.run(_prepare(self._template))

    def database(self) -> str:
        """Make a database with the current schema; return its address."""
        made = address(self._peer.database(self._template))
        with psycopg.connect(made) as connection:
            # PostgreSQL takes what a clone's sequence has in reserve for logged: after a crash it would go back.
            connection.execute("SELECT setval('audit_log_entry_seq', (SELECT max(entry) FROM audit_log))")
        return made

    def empty_database(self) -> str:
        """Make a database without a schema; return its address."""
        return address(self._peer.database())

    @property
    def socket(self) -> str:
        """The path of the server's Unix socket."""
        found = conninfo_to_dict(self._peer.conninfo)
        return f"{found['host']}/.s.PGSQL.{found['port']}"

    def stop(self) -> None:
        """Stop it as `pg_ctl stop -m fast` does."""
        self._server.stop()

    def start(self) -> None:
        """Start it where it does not run."""
        self._server.start()

    def crash(self) -> None:
        """End it as `pg_ctl stop -m immediate` does; nothing that is not on the disk outlives this."""
        pid = int((self._folder / "postgres" / "data" / "postmaster.pid").read_text().split()[0])
        handle = os.pidfd_open(pid)
        try:
            signal.pidfd_send_signal(handle, signal.SIGQUIT)
        finally:
            os.close(handle)
        self._server.stop()

    def execute(self, statement: str) -> None:
        """Run a statement on the standing database."""
        with psycopg.connect(self._peer.conninfo, autocommit=True) as connection:
            connection.execute(statement.encode())


def address(conninfo: str) -> str:
    """Write a conninfo as a configuration file has it."""
    found = conninfo_to_dict(conninfo)
    host = quote(str(found["host"]), safe="")
    return f"postgresql://{found['user']}@/{found['dbname']}?host={host}&port={found['port']}"


@contextmanager
def restartable(within: Path | None = None) -> Iterator[Restartable]:
    """Run one, whose data lies in this folder."""
    with open_folder(within) as folder:
        server = Restartable(folder)
        try:
            yield server
        finally:
            with suppress(FileNotFoundError):  # it was stopped
                server.crash()


async def _prepare(url: str) -> str:
    await migrate(url)
    async with Database(url, size=1, name="test", sees=EVERY_CLINIC) as database:
        return await sign_in.add_api_key(database, clinic_code=CLINIC, name="МИС", actor="command:test")
