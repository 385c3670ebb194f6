"""A PostgreSQL of the clinic's own: set up, copied and brought back from its WAL by the words of docs/install.md."""

import os
import re
import shutil
import signal
import subprocess
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

import psycopg

from studypub.db.embedded import binaries, processes
from studypub.db.embedded.user import ServerUser, choose

MANUAL = (Path(__file__).parents[2] / "docs/install.md").read_text("utf-8")
_BACKUP, _SERVER = "/mnt/backup", "/var/lib/postgresql/17"
_LAST_WAL = "SELECT last_archived_wal FROM pg_stat_archiver"
# Of the names that the manual takes for granted: root's way to the user of the server, and what systemd would run.
_AS_IF = 'set -e\numask 077\nsudo() { shift 2; "$@"; }\nsystemctl() { :; }\n'


def _block(word: str) -> str:
    """Return the manual's block that has the word in it."""
    blocks = re.findall(r"^```\w*\n(.*?)^```$", MANUAL, re.MULTILINE | re.DOTALL)
    (block,) = (block for block in blocks if word in block)
    return str(block)


SETTINGS = _block("archive_command")
COPY = _block("pg_basebackup")
RECOVERY = _block("restore_command")
WAY_BACK = _block("recovery.signal")


def archive_timeout() -> int:
    """Return after how many seconds, at most, the manual has what was committed archived."""
    (seconds,) = re.findall(r"^archive_timeout = (\d+)$", SETTINGS, re.MULTILINE)
    return int(seconds)


def archive_command(backup: Path) -> str:
    """Return the manual's command that archives a file, into this folder."""
    (command,) = re.findall(r"^archive_command = '(.+)'$", SETTINGS, re.MULTILINE)
    return str(command).replace(_BACKUP, str(backup))


@dataclass
class ClinicPostgres:
    """A server whose data, and the folder of what it takes to bring them back, lie in a folder of their own each."""

    folder: Path
    _user: ServerUser = field(init=False)
    _programs: Path = field(init=False)
    _process: "subprocess.Popen[bytes] | None" = None

    def __post_init__(self) -> None:
        self._user = choose(self.folder / "none", self.folder / "none")
        self._programs = binaries.usable_by(self._user)
        for place in (self.folder / "server", self.backup, self.backup / "wal"):
            self._user.make_folder(place)

    @property
    def backup(self) -> Path:
        """What survives the server."""
        return self.folder / "backup"

    @property
    def data(self) -> Path:
        return self.folder / "server" / "main"

    @property
    def url(self) -> str:
        return f"postgresql://postgres@/postgres?host={quote(str(self.folder / 'server'), safe='')}"

    def set_up(self) -> None:
        """Make the server with the manual's settings, and start it."""
        initdb = ("-D", self.data, "-U", "postgres", "--no-sync", "--auth=trust", "--encoding=UTF8", "--locale=C")
        self._user.run(self._programs / "initdb", *initdb)
        place = f"listen_addresses = ''\nunix_socket_directories = '{self.folder / 'server'}'\n"
        self._configure(place + SETTINGS)
        self._start()

    def serve(self, file: Path) -> None:
        """Name this server in an installation's configuration."""
        text = file.read_text("utf-8")
        file.write_text(text.replace("[database]", f'[database]\nurl = "{self.url}"'), "utf-8")

    def copy(self) -> None:
        """Make the daily copy."""
        self._do(COPY)

    def archive(self) -> None:
        """Have everything that is committed archived now, as it is after `archive_timeout`."""
        with psycopg.connect(self.url, autocommit=True) as connection:
            row = connection.execute("SELECT pg_walfile_name(pg_switch_wal())").fetchone()
            assert row
            while not self._archived(connection) >= row[0]:
                connection.execute("SELECT pg_sleep(0.05)")

    def lose(self) -> None:
        """Kill every process of the server at once, and remove its data: on the new machine there is another's."""
        for pid in processes.of(self.data):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        assert self._process
        self._process.wait()
        shutil.rmtree(self.data)
        self._user.make_folder(self.data)

    def bring_back(self) -> None:
        """Go the manual's way back, and wait until its last sentence is true."""
        (copy,) = self.backup.glob("base-*")
        with (copy / "postgresql.conf").open("a") as file:
            file.write(self._here(RECOVERY))
        self._do(WAY_BACK)
        self._start()
        with psycopg.connect(self.url, autocommit=True) as connection:
            while connection.execute("SELECT pg_is_in_recovery()").fetchone() != (False,):
                connection.execute("SELECT pg_sleep(0.05)")

    def stop(self) -> None:
        """End it, whatever it does."""
        if self._process and self._process.poll() is None:
            self._process.send_signal(signal.SIGQUIT)
            self._process.wait()

    @staticmethod
    def _archived(connection: "psycopg.Connection[tuple[str | None]]") -> str:
        row = connection.execute(_LAST_WAL).fetchone()
        return (row and row[0]) or ""

    def _configure(self, text: str) -> None:
        with (self.data / "postgresql.conf").open("a") as file:
            file.write(self._here(text))

    def _here(self, text: str) -> str:
        return text.replace(_BACKUP, str(self.backup)).replace(_SERVER, str(self.folder / "server"))

    def _do(self, script: str) -> None:
        place = f"export PATH={self._programs}:$PATH PGHOST={self.folder / 'server'} PGUSER=postgres\n"
        self._user.run("/bin/sh", "-c", place + _AS_IF + self._here(script))

    def _start(self) -> None:
        (self.folder / "said").touch()
        with (self.folder / "said").open("ab") as said:
            self._process = self._user.begin(self._programs / "postgres", "-D", self.data, stderr=said)
        for _ in range(1200):
            with suppress(psycopg.OperationalError):
                psycopg.connect(self.url).close()
                return
            assert self._process.poll() is None, (self.folder / "said").read_text()
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(0.05)
        raise AssertionError((self.folder / "said").read_text())
