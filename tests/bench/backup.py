"""Measures what is lost at most, and how soon links open again, with 100,000 tasks: `python -m tests.bench.backup`.

The machine is gone, its archives are not, as in S3. Once a dump is restored that `studypub backup` made; once a
PostgreSQL of the clinic's own comes back by the manual's words from its WAL alone, since all tasks came after the copy
of its data. That one archives at its own pace, which takes some minutes.
"""

import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import psycopg
from tests.bench.pages import FILL
from tests.bench.rows import Row, at_most
from tests.peers.clinic_postgres import ClinicPostgres
from tests.peers.daemon import Installation, install, serving
from tests.peers.postgres import open_folder

from studypub.data_dir import embedded
from studypub.flows.keep_backed_up import LOOK_SECONDS

EVERY_HOURS = 0.9  # what the manual says for an hour of loss at most
_HOURS_LOST, _SECONDS_LOST, _MINUTES_DOWN = 1, 300, 240
_PACE_SECONDS, _GO_ON_SECONDS = 0.2, 5.0
_ASK = b"""
INSERT INTO tasks (clinic_code, patient_id, accession_number, origin, requested_by, search_until, due_at)
VALUES ('f_Khimki', 'P', %s, 'mis', 'key:x', now(), now() + interval '1 day')
"""
_ARCHIVED = b"SELECT archived_count FROM pg_stat_archiver"


def rows(tasks: int = 100_000) -> list[Row]:
    """Return both ways' figures."""
    return [*_dumped(tasks), *_archived(tasks)]


def _dumped(tasks: int) -> Iterator[Row]:
    with open_folder() as one, open_folder() as other:
        ours, empty = (install(folder, pacs="NOBODY", pacs_port=1) for folder in (one, other))
        assert ours.command("migrate").returncode == 0
        with embedded(one / "data", alone=True) as (url, _):
            token = _fill(url, tasks, other / "data" / "storage")
        begun = time.monotonic()
        done = ours.command("backup", str(one / "backups"), "--without-archives")
        behind = (LOOK_SECONDS + time.monotonic() - begun) / 3600
        assert done.returncode == 0, done.stderr
        yield at_most(f"lost at most by a dump every {EVERY_HOURS} h", EVERY_HOURS + behind, _HOURS_LOST, "h")
        begun = time.monotonic()
        _run(empty, "restore", done.stdout.splitlines()[0])
        back = _open(empty, token) - begun
        yield at_most("from an empty machine to open links, from a dump", back / 60, _MINUTES_DOWN, "min")


def _archived(tasks: int) -> Iterator[Row]:
    with open_folder() as folder:
        server = ClinicPostgres(folder)
        installation = install(folder, pacs="NOBODY", pacs_port=1)
        server.serve(installation.file)
        try:
            server.set_up()
            _run(installation, "migrate")
            server.copy()
            token = _fill(server.url, tasks, folder / "data" / "storage")
            server.archive()
            asked, archived, killed = _work(server)
            begun = time.monotonic()
            server.bring_back()
            _run(installation, "reconcile")
            back = _open(installation, token) - begun
            with psycopg.connect(server.url) as connection:
                kept = connection.execute("SELECT count(*) FROM tasks WHERE status = 'QUEUED'").fetchone()
        finally:
            server.stop()
    assert kept
    lost = max(archived - asked[0], killed - asked[kept[0]])
    yield at_most("lost at most by a PostgreSQL that archives its WAL", lost, _SECONDS_LOST, "s")
    yield at_most("from an empty machine to open links, from the WAL", back / 60, _MINUTES_DOWN, "min")


def _work(server: ClinicPostgres) -> tuple[list[float], float, float]:
    """Ask until the server has archived by itself, and a little longer; then it is lost.

    Return when each task was committed, when the archive was made, and when all ended.
    """
    asked: list[float] = []
    with psycopg.connect(server.url, autocommit=True) as connection:
        before = connection.execute(_ARCHIVED).fetchone()
        archived = 0.0
        while not archived or time.monotonic() < archived + _GO_ON_SECONDS:
            connection.execute(_ASK, [f"A{len(asked)}"])
            asked.append(time.monotonic())
            if not archived and connection.execute(_ARCHIVED).fetchone() != before:
                archived = time.monotonic()
            time.sleep(_PACE_SECONDS)
        killed = time.monotonic()
        server.lose()
    return asked, archived, killed


def _fill(url: str, tasks: int, storage: Path) -> str:
    """Make tasks and publications, and files of their archives' sizes; return the token of the newest one."""
    storage.parent.mkdir(mode=0o711, exist_ok=True)
    (storage / "studies").mkdir(parents=True)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(FILL, {"number": tasks})
        found = connection.execute(
            "SELECT object_key, size, token FROM published_studies WHERE state = 'LIVE' ORDER BY upload_date"
        ).fetchall()
    for key, size, _ in found:
        with (storage / key).open("wb") as file:
            file.truncate(size)
    return str(found[-1][2])


def _run(installation: Installation, *command: str) -> None:
    done = installation.command(*command)
    assert done.returncode == 0, done.stderr
    assert "Closed" not in done.stdout


def _open(installation: Installation, token: str) -> float:
    """Return when the link was open."""
    with serving(installation):
        assert httpx.get(f"{installation.url}/s/{token}", trust_env=False).status_code == 200
        return time.monotonic()


if __name__ == "__main__":
    print(*rows(*map(int, sys.argv[1:])), sep="\n")  # noqa: T201
