"""The folder of the embedded database: where it lies, how it is made, what is in it."""

import os
import secrets
import shutil
import stat
import tempfile
from dataclasses import dataclass
from pathlib import Path

from studypub.db.embedded import shelter
from studypub.db.embedded.binaries import MAJOR
from studypub.db.embedded.user import CommandFailed, ServerUser, by_uid
from studypub.errors import Refused

ROLE = "studypub"
APPLICATION = "studypub_app"
PORT = 5432
SOCKET_NAME = f".s.PGSQL.{PORT}"
_SOCKET_PATH_BYTES = 107  # sun_path, unix(7), without its final zero

# Written into postgresql.conf once: the administrator may tune these there.
_TUNABLE = {
    "max_connections": "100",
    "shared_buffers": "64MB",
    "work_mem": "8MB",
    "maintenance_work_mem": "64MB",
    "min_wal_size": "80MB",
    "max_wal_size": "512MB",
}
# May make databases of its own: restoring and verifying a backup happens in a second one.
_FIRST_STATEMENTS = f"CREATE ROLE {ROLE} LOGIN CREATEDB;\nCREATE DATABASE {ROLE} OWNER {ROLE};\n"
# What a request for one clinic works as owns nothing, and is held by the policies of migration 0052; what works for all
# is not held up by them. A line is a statement.
_ROLES = (
    f"DO $$ BEGIN CREATE ROLE {APPLICATION}; EXCEPTION WHEN duplicate_object THEN NULL; END $$;\n"
    f"GRANT {APPLICATION} TO {ROLE};\nALTER ROLE {ROLE} BYPASSRLS;\n"
)
_HBA = f"local all {ROLE} peer map={ROLE}\n"
_ROLES_MADE = "studypub_roles"  # a file that says which
_WRITE = 'umask 077 && cat > "$1.new" && mv "$1.new" "$1"'


@dataclass(frozen=True)
class Cluster:
    """A database folder and its owner: `data` (PGDATA), `socket`, `log` and the two files that say who may enter."""

    home: Path
    user: ServerUser

    @property
    def data(self) -> Path:
        """PGDATA."""
        return self.home / "data"

    @property
    def log(self) -> Path:
        """The folder of the server's log: a file for each day of the week."""
        return self.home / "log"

    @property
    def socket(self) -> Path:
        """The folder of the socket, as PostgreSQL and libpq are to be told it."""
        return (self.home / "socket").resolve()

    @property
    def hba(self) -> Path:
        """The file that says which role may come in, and how."""
        return self.home / "pg_hba.conf"

    @property
    def ident(self) -> Path:
        """The file that says which users of the system may be our role."""
        return self.home / "pg_ident.conf"

    def prepare(self, programs: Path) -> None:
        """Make whatever is not there yet; raise Refused for a database that this PostgreSQL cannot read."""
        try:
            if self.data.exists():
                self._check_version()
            else:
                self._initialise(programs)
            self._make_roles(programs)
            self._say_who_may_enter()
        except CommandFailed as error:
            raise did_not_start(str(error), self.home) from error
        self._make_socket()

    def remove_socket(self) -> None:
        """Remove the socket's folder and what an earlier server left in it, for instance its lock file."""
        place = self.home / "socket"
        if place.is_symlink():
            if _is_private(place.resolve(), self.user):
                shutil.rmtree(place.resolve())
            place.unlink()
        elif place.exists():
            shutil.rmtree(place)

    def last_words(self) -> str:
        """Return the last lines of the server's log."""
        files = sorted(self.log.glob("*.log"), key=lambda file: file.stat().st_mtime)
        return "\n".join(files[-1].read_text(errors="replace").splitlines()[-20:]) if files else ""

    def _check_version(self) -> None:
        try:
            found = (self.data / "PG_VERSION").read_text().strip()
        except FileNotFoundError:
            found = "?"
        if found != str(MAJOR):
            raise Refused(
                f"{self.data}/PG_VERSION is {found}, the programs are {MAJOR}",
                reason_ru=f"База в {self.data} создана PostgreSQL {found}, а studypub работает с PostgreSQL {MAJOR}: "
                "сделайте резервную копию прежней версией studypub и восстановите её в пустую папку.",
                reason_en=f"The database in {self.data} was made by PostgreSQL {found}, and studypub brings "
                f"PostgreSQL {MAJOR}: back it up with the former studypub and restore it into an empty folder.",
            )

    def _initialise(self, programs: Path) -> None:
        for abandoned in self.home.glob("data.new-*"):
            shutil.rmtree(abandoned, ignore_errors=True)
        fresh = self.home / f"data.new-{secrets.token_hex(4)}"
        tuned = [option for name, value in _TUNABLE.items() for option in ("--set", f"{name}={value}")]
        locale = ("--encoding=UTF8", "--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8")
        self.user.run(
            programs / "initdb", "-D", fresh, "-U", "postgres", "--auth=peer", "--data-checksums", *locale, *tuned
        )
        self._say_alone(programs, fresh, _FIRST_STATEMENTS + _ROLES)
        self._write(fresh / _ROLES_MADE, _ROLES)
        # Complete or not there: a half-made database never bears the name.
        fresh.rename(self.data)
        _sync(self.home)

    def _make_roles(self, programs: Path) -> None:
        """Make those that came with a later version, once; only a server without guests has an administrator."""
        made = self.data / _ROLES_MADE
        if not made.exists() or made.read_text() != _ROLES:
            self._say_alone(programs, self.data, _ROLES)
            self._write(made, _ROLES)

    def _say_alone(self, programs: Path, data: Path, statements: str) -> None:
        single = ("--single", "-D", data, "-c", "exit_on_error=on")
        self.user.run(programs / "postgres", *single, "postgres", text=statements)

    def _say_who_may_enter(self) -> None:
        # Root could become any of the others anyhow; listed, it can give commands while the daemon runs.
        users = sorted({"root", by_uid(os.geteuid()).name, self.user.name})
        self._write(self.hba, _HBA)
        self._write(self.ident, "".join(f'{ROLE} "{user}" {ROLE}\n' for user in users))

    def _write(self, file: Path, text: str) -> None:
        if not file.exists() or file.read_text() != text:
            self.user.run("/bin/sh", "-c", _WRITE, "sh", file, text=text)

    def _make_socket(self) -> None:
        self.remove_socket()
        place = self.home / "socket"
        if _fits(place):
            self.user.make_folder(place)
        else:
            outside = Path(tempfile.mkdtemp(prefix="studypub-", dir="/run" if os.geteuid() == 0 else "/tmp"))  # noqa: S108
            self.user.give(outside)
            place.symlink_to(outside)


def locate(data_dir: Path, user: ServerUser) -> Cluster:
    """Return the cluster of a data folder, whose place is made if there is none yet; raise Refused.

    It lies in `data_dir/postgres`. Where the user cannot reach that (root's data folder below a closed one), it lies
    in root's own place instead and `data_dir/postgres` is a link to it: removing the data folder begins afresh.
    """
    place = data_dir / "postgres"
    if place.is_symlink() and not place.exists():
        raise _unusable(place, f"link to {place.readlink()}, which is gone")
    if not place.exists():
        _make(place, user)
    home = place.resolve()
    if home.stat().st_uid != user.uid:
        raise _unusable(home, f"belongs to user number {home.stat().st_uid}, not to {user.name}")
    if not user.can_use(home):
        raise _unusable(home, f"{user.name} cannot reach or write it")
    return Cluster(home, user)


def did_not_start(cause: str, home: Path) -> Refused:
    """Return the error of a server that did not start; the cause is what it said last."""
    return Refused(
        cause,
        reason_ru=f"Встроенная база данных в {home} не запустилась: причина в журнале.",
        reason_en=f"The embedded database in {home} did not start: the log has the cause.",
    )


def _make(place: Path, user: ServerUser) -> None:
    user.make_folder(place)
    if not user.can_use(place):
        place.rmdir()
        elsewhere = Path(tempfile.mkdtemp(prefix="cluster-", dir=shelter.ready()))
        user.give(elsewhere)
        place.symlink_to(elsewhere)


def _unusable(folder: Path, cause: str) -> Refused:
    return Refused(
        f"{folder}: {cause}",
        reason_ru=f"Папка базы данных {folder} недоступна: проверьте, на месте ли она, её владельца и права.",
        reason_en=f"The database folder {folder} is out of reach: check that it is there, its owner and permissions.",
    )


def _fits(folder: Path) -> bool:
    """Say whether a socket can lie in the folder and be named: libpq takes a comma for a list."""
    path = os.fsencode(folder / SOCKET_NAME)
    return len(path) <= _SOCKET_PATH_BYTES and not set(path) & set(b',"\n')


def _is_private(folder: Path, user: ServerUser) -> bool:
    try:
        found = folder.lstat()
    except FileNotFoundError:
        return False
    return stat.S_ISDIR(found.st_mode) and found.st_uid == user.uid and stat.S_IMODE(found.st_mode) == 0o700


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
