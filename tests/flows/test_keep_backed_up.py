"""When the daemon makes a backup by itself, and what becomes of the old ones."""

import asyncio
import logging
import os
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import psycopg
import pytest
from tests.bench.pages import FILL
from tests.peers.restartable import address

from studypub.config import Backup, Config
from studypub.core.clinics import EVERY_CLINIC
from studypub.db import dump
from studypub.db.database import Database
from studypub.errors import DatabaseUnavailable, DiskFull, Refused
from studypub.flows import backup, keep_backed_up
from studypub.flows.examine import backups
from studypub.flows.keep_backed_up import is_due, make
from studypub.store.local import LocalStore

NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)


def config(folder: Path, **given: object) -> Config:
    settings = Backup(**{"folder": folder / "backups", "every_hours": 24.0, "keep": 2, **given})  # type: ignore[arg-type]
    return msgspec.structs.replace(
        Config(), backup=settings, workers=msgspec.structs.replace(Config().workers, least_free_mb=0)
    )


@pytest.mark.parametrize(
    ("hours", "due"), [(None, True), (1.0, False), (23.9, False), (24.0, True), (2000.0, True), (-5.0, True)]
)
def test_one_is_due_when_the_newest_is_old_enough(tmp_path: Path, hours: float | None, *, due: bool) -> None:
    settings = config(tmp_path)
    settings.backup_dir.mkdir()
    (settings.backup_dir / "studypub-20200101T000000Z.tar").touch()
    if hours is None:
        (settings.backup_dir / "studypub-20200101T000000Z.tar").unlink()
    else:
        (settings.backup_dir / f"studypub-{NOW - timedelta(hours=hours):%Y%m%dT%H%M%SZ}.tar").touch()
    assert is_due(settings, NOW) is due


def test_as_many_are_kept_as_are_wanted(database_url: str, tmp_path: Path) -> None:
    settings, store = config(tmp_path), LocalStore(tmp_path / "storage")
    settings.backup_dir.mkdir()
    for day in (1, 2, 3):
        (settings.backup_dir / f"studypub-2020010{day}T000000Z.tar").touch()
    make(settings, database_url, store)
    kept = sorted(path.name for path in settings.backup_dir.iterdir())
    assert (len(kept), kept[0]) == (2, "studypub-20200103T000000Z.tar")
    assert backup.newest(settings.backup_dir) is not None


def test_what_one_left_that_was_killed_is_removed_a_day_later(tmp_path: Path) -> None:
    days = timedelta(days=1).total_seconds()
    for name, age in (("old", 1.1 * days), ("new", 0.9 * days)):
        part, scratch = tmp_path / f"studypub-{name}.part", tmp_path / f"making-{name}"
        scratch.mkdir()
        (scratch / "database.dump").touch()
        part.touch()
        for path in (part, scratch):
            os.utime(path, times=(time.time() - age, time.time() - age))
    (whole := tmp_path / "studypub-20200101T000000Z.tar").touch()
    os.utime(whole, (0, 0))
    backup._remove_unfinished(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {whole.name, "studypub-new.part", "making-new"}


def test_nothing_is_made_where_it_would_fill_the_disk(database_url: str, tmp_path: Path) -> None:
    settings = config(tmp_path)
    with pytest.raises(DiskFull):
        backup.back_up(database_url, LocalStore(tmp_path / "storage"), settings.backup_dir, reserve=2**62)
    assert list(settings.backup_dir.iterdir()) == []


def test_archives_on_another_machine_need_no_room(database_url: str, tmp_path: Path) -> None:
    """They are listed, and those of a local storage that are not there are not counted either."""
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(FILL, {"number": 20})  # 10 to 100 MB each, and no file of it
        connection.execute("UPDATE published_studies SET size = 2 ^ 60")
    settings = config(tmp_path)
    path, manifest = backup.back_up(database_url, LocalStore(tmp_path / "storage"), settings.backup_dir)
    assert {each.here for each in manifest.objects} == {False}
    assert path.stat().st_size < 2**20


def test_a_copy_that_is_not_what_was_copied_is_none(database_url: str, tmp_path: Path) -> None:
    copy = tmp_path / "database.dump"
    held = dump.dump(database_url, copy).contents
    backup._try_out(database_url, copy, held)
    for other in (replace(held, rows=held.rows | {"tasks": 1}), replace(held, audit_head=b"?")):
        with pytest.raises(Refused, match="differs"):
            backup._try_out(database_url, copy, other)


def test_what_the_server_says_of_rows_is_not_told(database_url: str, tmp_path: Path) -> None:
    """Its errors may quote them, and they go to the log."""
    copy = tmp_path / "database.dump"
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("CREATE TABLE odd (name text)")
        connection.execute("INSERT INTO odd VALUES ('Ivanova'), ('Ivanova')")
        try:
            dump.dump(database_url, copy)
        finally:
            connection.execute("DROP TABLE odd")
    # Restored where names are unique: as if the copy were damaged.
    with dump.scratch(database_url) as other, psycopg.connect(other, autocommit=True) as connection:
        connection.execute("CREATE TABLE odd (name text UNIQUE)")
        with pytest.raises(Refused) as told:
            dump._run(other, "pg_restore", ["--exit-on-error", "--data-only", "--table=odd", str(copy)])
    assert str(told.value).startswith("pg_restore: ")
    assert "Ivanova" not in str(told.value)


def test_a_database_that_was_left_by_one_who_was_killed_is_removed(database_url: str) -> None:
    with (
        dump.scratch(database_url) as other,
        dump.scratch(database_url),
    ):  # one that is in use, or was made just now, stays or goes
        assert other
    with dump._connected(database_url, autocommit=True) as connection:
        connection.execute("CREATE DATABASE studypub_check_left")
        with dump.scratch(database_url) as other, dump.scratch(database_url):  # one that is in use stays
            dump.require_empty(other)
        left = connection.execute("SELECT datname FROM pg_database WHERE datname LIKE 'studypub_check%'").fetchall()
    assert left == []


def test_a_folder_that_cannot_be_written_is_named(database_url: str, tmp_path: Path) -> None:
    (tmp_path / "backups").write_bytes(b"a file")
    with pytest.raises(Refused, match="File exists") as refused:
        make(config(tmp_path), database_url, LocalStore(tmp_path / "storage"))
    assert str(tmp_path / "backups") in refused.value.sentence.en
    assert backup.newest(tmp_path / "backups") is None


class Complaints(logging.Handler):
    """Tells of the second thing that goes wrong."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.heard: list[object] = []
        self.second = asyncio.Event()

    def emit(self, record: logging.LogRecord) -> None:
        self.heard.append(record.exc_info and record.exc_info[0])
        if len(self.heard) == 2:
            self.second.set()


async def test_what_fails_is_tried_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keep_backed_up, "LOOK_SECONDS", 0.01)
    monkeypatch.setattr(keep_backed_up, "_AGAIN_SECONDS", 0.01)
    nowhere = f"host={tmp_path} dbname=studypub connect_timeout=2"
    complaints = Complaints()
    keep_backed_up.log.addHandler(complaints)
    store = LocalStore(tmp_path / "storage")
    async with Database(nowhere, size=1, name="test", sees=EVERY_CLINIC) as database:
        task = asyncio.create_task(keep_backed_up.keep_backed_up(config(tmp_path), nowhere, store, database))
        try:
            async with asyncio.timeout(20):
                await complaints.second.wait()
        finally:
            task.cancel()
            keep_backed_up.log.removeHandler(complaints)
    assert set(complaints.heard) == {DatabaseUnavailable}


async def test_what_another_machine_has_made_is_not_made_again(
    database: Database, database_url: str, connection: psycopg.Connection, tmp_path: Path
) -> None:
    first, second = (
        msgspec.structs.replace(
            config(tmp_path / title),
            dicom=msgspec.structs.replace(Config().dicom, ae_title=title),
            database=msgspec.structs.replace(Config().database, url=address(database_url), data_dir=tmp_path),
        )
        for title in ("ONE", "TWO")
    )
    assert await keep_backed_up._is_due(second, database)
    await keep_backed_up._note(first, database)
    assert not await keep_backed_up._is_due(second, database)
    assert await keep_backed_up._is_due(first, database)  # of its own the folder knows, and there is none in it
    found = await asyncio.to_thread(backups.examine, second)
    assert (found.code, found.passed) == ("BACKUP_ELSEWHERE", True)
    assert "ONE" in found.sentence.en
    connection.execute(
        "UPDATE settings SET value = jsonb_set(value, '{at}', to_jsonb(now() - interval '60 hours'))"
        " WHERE name = 'backup.newest'"
    )
    assert await keep_backed_up._is_due(second, database)
    assert (await asyncio.to_thread(backups.examine, second)).code == "BACKUP_ELSEWHERE_OLD"


@pytest.mark.parametrize(
    ("hours", "newest", "started", "passed"),
    [
        (24.0, 30.0, 9999.0, True),
        (24.0, 49.0, 9999.0, False),
        (24.0, None, None, True),  # the daemon has never run
        (24.0, None, 1.0, True),
        (24.0, None, 49.0, False),  # it has run, and made none
        (0.0, None, 9999.0, True),
    ],
)
def test_the_doctor_says_how_old_the_newest_is(
    tmp_path: Path, hours: float, newest: float | None, started: float | None, *, passed: bool
) -> None:
    settings = msgspec.structs.replace(
        config(tmp_path, every_hours=hours), database=msgspec.structs.replace(Config().database, data_dir=tmp_path)
    )
    now = datetime.now(UTC)
    settings.backup_dir.mkdir()
    if newest is not None:
        (settings.backup_dir / f"studypub-{now - timedelta(hours=newest):%Y%m%dT%H%M%SZ}.tar").touch()
    if started is not None:
        (tmp_path / "instance").touch()
        os.utime(tmp_path / "instance", ((now - timedelta(hours=started)).timestamp(),) * 2)
    found = backups.examine(settings)
    assert found.passed is passed
    assert newest is None or f" {newest:.0f} " in found.sentence.en
