"""Runs a PostgreSQL server of our own beside the daemon, for as long as the daemon lives."""

import os
import select
import signal
import subprocess
import tempfile
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import IO

import psycopg
from psycopg.conninfo import make_conninfo

from studypub.db.embedded import binaries, processes
from studypub.db.embedded.cluster import PORT, ROLE, SOCKET_NAME, Cluster, did_not_start, locate
from studypub.db.embedded.owner import OwnerLock
from studypub.db.embedded.user import choose
from studypub.errors import DatabaseUnavailable, Refused

_READY_SECONDS = 120  # replaying the log after a crash included
_OTHER_OWNER_SECONDS = 20
_FAST_SECONDS = 15
_IMMEDIATE_SECONDS = 7  # PostgreSQL itself kills what is left after 5
_LOOK_AGAIN_SECONDS = 0.01


class EmbeddedPostgres:
    """PostgreSQL 18 in `data_dir/postgres`, reached by a Unix socket only, by this user, root and the server's user.

    Whoever starts it owns it: `stop` shuts it down, and if the owner is killed, the kernel interrupts the server
    (PR_SET_PDEATHSIG), so that none is left behind. The kernel counts the *thread* that started the server, which is
    why `start` insists on the main thread.

    A second process on the same data folder is a guest: it gets the owner's server, and its `stop` does nothing. So
    commands work beside the daemon. The daemon itself starts with `alone=True`: it must not be the guest of a
    command that ends before it, and two daemons are not meant to share a folder.

    As root the server runs under an unprivileged user (`user.choose`), in a folder made for it and owned by it. No
    other permission is changed. What that user cannot reach, tried by really acting as that user, lies below
    /var/lib/studypub-postgres instead: the programs as a copy, the database behind a link at `data_dir/postgres`.
    Removing the data folder then leaves that database there: remove it, too, where it holds what must not stay.
    """

    def __init__(self, data_dir: Path) -> None:
        self._data_dir = data_dir
        self._lock = OwnerLock(data_dir)
        self._cluster: Cluster | None = None
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, *, alone: bool = False, wait: float = _OTHER_OWNER_SECONDS) -> str:
        """Start the server, made at the first start, or be the guest of one that runs; return libpq's conninfo.

        `wait` is how many seconds another owner is given to open its server, or to leave it if we are to be alone.
        Called again while our server runs, it returns the same; after the server's death it starts it anew.
        Raises Refused where it cannot work (permissions, another version of PostgreSQL, another owner if `alone`) and
        DatabaseUnavailable where time may help.
        """
        if threading.current_thread() is not threading.main_thread():
            raise RuntimeError("the kernel would end the server together with this thread: start it from the main one")
        if self.is_running() and self._cluster is not None:
            return _conninfo(self._cluster.socket)
        self.stop()
        try:
            self._data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
            return self._guest(alone, wait) or self._own()
        except OSError as error:
            self.stop()
            raise Refused(
                f"{error.filename}: {error.strerror}",
                reason_ru=f"Папка данных {self._data_dir} не подходит для базы данных: проверьте права и место.",
                reason_en=f"The data folder {self._data_dir} cannot hold the database: check permissions and space.",
            ) from error
        except BaseException:
            self.stop()
            raise

    def is_running(self) -> bool:
        """Whether the server that we started lives."""
        return self._process is not None and self._process.poll() is None

    def stop(self) -> None:
        """Shut down our server and wait for its end (up to 22 s); nothing happens to somebody else's server."""
        process, self._process = self._process, None
        if process is not None and self._cluster is not None:
            _shut_down(process)
            processes.interrupt(self._cluster.data, _IMMEDIATE_SECONDS)  # its log's writer ends last
            self._cluster.remove_socket()
        self._lock.release()

    def _guest(self, alone: bool, wait: float) -> str | None:
        """Return the conninfo of another owner's server, or nothing as soon as we are the owner."""
        until = time.monotonic() + wait
        socket = self._data_dir / "postgres" / "socket"
        while not self._lock.take():
            conninfo = _conninfo(socket.resolve())
            if not alone and (socket / SOCKET_NAME).exists() and _accepts(conninfo):
                return conninfo
            if time.monotonic() > until:
                raise self._owned_by_another() if alone else DatabaseUnavailable("its owner does not open it")
            time.sleep(_LOOK_AGAIN_SECONDS)
        return None

    def _own(self) -> str:
        user = choose(self._data_dir / "postgres", self._data_dir)
        programs = binaries.usable_by(user)
        cluster = self._cluster = locate(self._data_dir, user)
        _end_leftover(cluster)
        cluster.prepare(programs)
        with tempfile.TemporaryFile() as complaints:
            process = self._process = user.begin(*_command(programs, cluster), stderr=complaints)
            if not _ready(process, cluster.data / "postmaster.pid"):
                raise did_not_start(_said(complaints) + cluster.last_words(), cluster.home)
        conninfo = _conninfo(cluster.socket)
        try:
            psycopg.connect(conninfo).close()
        except psycopg.Error as error:
            raise did_not_start(f"{error}\n{cluster.last_words()}", cluster.home) from error
        return conninfo

    def _owned_by_another(self) -> Refused:
        return Refused(
            f"the lock in {self._data_dir} is held",
            reason_ru=f"С папкой данных {self._data_dir} уже работает другой studypub.",
            reason_en=f"Another studypub works with the data folder {self._data_dir}.",
        )


def _conninfo(socket: Path) -> str:
    return make_conninfo(host=str(socket), port=PORT, user=ROLE, dbname=ROLE)


def _accepts(conninfo: str) -> bool:
    try:
        psycopg.connect(conninfo, connect_timeout=2).close()
    except psycopg.OperationalError:
        return False
    return True


def _end_leftover(cluster: Cluster) -> None:
    """Shut down a server that runs without an owner; a new one will be ours and end with us."""
    if not processes.interrupt(cluster.data, _READY_SECONDS):
        raise DatabaseUnavailable(f"an earlier server in {cluster.data} does not end")
    # A number left by a crash may by now be another process, and PostgreSQL would not start for its sake.
    with suppress(FileNotFoundError):
        (cluster.data / "postmaster.pid").unlink()


def _command(programs: Path, cluster: Cluster) -> list[str | Path]:
    """Return the server's command line: what must hold whatever stands in postgresql.conf.

    The server's log has what concerns the server (LOG, FATAL, PANIC), a file for each day of the week. Errors of
    statements reach the daemon and are left out there, since their texts quote values: patients' data.
    """
    socket = str(cluster.socket).replace('"', '""')
    settings = {
        "listen_addresses": "",
        "port": PORT,
        "unix_socket_directories": f'"{socket}"',
        "unix_socket_permissions": "0700",
        "hba_file": cluster.hba,
        "ident_file": cluster.ident,
        "fsync": "on",
        "full_page_writes": "on",
        "synchronous_commit": "on",
        "timezone": "UTC",
        "log_timezone": "UTC",
        "logging_collector": "on",
        "log_destination": "stderr",
        "log_directory": cluster.log,
        "log_filename": "postgresql-%a.log",
        "log_file_mode": "0600",
        "log_rotation_age": "1d",
        "log_rotation_size": 0,
        "log_truncate_on_rotation": "on",
        "log_min_messages": "log",
        "log_min_error_statement": "panic",
        "log_error_verbosity": "terse",
        "log_checkpoints": "off",
    }
    options = [option for name, value in settings.items() for option in ("-c", f"{name}={value}")]
    return [programs / "postgres", "-D", cluster.data, *options]


def _ready(process: subprocess.Popen[bytes], pid_file: Path) -> bool:
    """Wait until the server says so in the last line of its file; False if it ended, or not within the time."""
    until = time.monotonic() + _READY_SECONDS
    handle = os.pidfd_open(process.pid)
    try:
        poll = select.poll()
        poll.register(handle, select.POLLIN)
        while time.monotonic() < until and not poll.poll(_LOOK_AGAIN_SECONDS * 1000):
            with suppress(FileNotFoundError):
                if pid_file.read_text().rstrip().endswith("\nready"):
                    return True
    finally:
        os.close(handle)
    return False


def _said(complaints: IO[bytes]) -> str:
    complaints.seek(0)
    return complaints.read()[-2000:].decode(errors="replace")


def _shut_down(process: subprocess.Popen[bytes]) -> None:
    """End the server: fast first (transactions rolled back), then at once, then by force."""
    for end, seconds in ((signal.SIGINT, _FAST_SECONDS), (signal.SIGQUIT, _IMMEDIATE_SECONDS)):
        process.send_signal(end)
        with suppress(subprocess.TimeoutExpired):
            process.wait(seconds)
            return
    process.kill()
    process.wait()
