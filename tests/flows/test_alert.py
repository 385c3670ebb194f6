"""Somebody is told by a real mail of what is wrong, and what was told stays told over a restart."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import psycopg
import pytest
from tests.peers.mail import MailServer, serving

from studypub.config import Alerts, Clinic, Config, Current, Pacs
from studypub.config import Database as DatabaseSection
from studypub.core.alerts import Key, Kind
from studypub.core.clinics import EVERY_CLINIC
from studypub.db import alerts, audit, outages, watch
from studypub.db.database import Database
from studypub.db.outages import OfClinic
from studypub.flows.alert import Alerting
from studypub.flows.check_audit import check_audit
from studypub.metrics import Metrics

PID, ACSN = "PID-CANARY", "ACSN-CANARY"
_SILENT_MACHINE = """
INSERT INTO machines (machine_id, run, name, ae_title, place, version, settings, seen_at)
VALUES (gen_random_uuid(), gen_random_uuid(), 'left', 'LEFT', '', '1', '{}', now() - interval '16 minutes')
"""
_QUEUED = """
INSERT INTO tasks (clinic_code, patient_id, accession_number, origin, requested_by, search_until, created_at)
VALUES ('c', %s, %s, 'mis', 'key:x', now(), now() - interval '5 hours')
"""


@pytest.fixture
def server(tmp_path: Path) -> Iterator[MailServer]:
    with serving(tmp_path, "starttls") as opened:
        yield opened


@pytest.fixture
def config(server: MailServer, tmp_path: Path) -> Config:
    clinic = Clinic(code="c", name="c", time_zone="UTC", pacs=Pacs(ae_title="ORTHANC", host="127.0.0.1", port=4242))
    to = Alerts(to=("admin@clinic.example",), language="en", disk_free_mb=0)
    (tmp_path / "data").mkdir()
    return Config(database=DatabaseSection(data_dir=tmp_path / "data"), mail=server.mail, alerts=to, clinics=(clinic,))


@pytest.fixture
def faults() -> dict[str, str | None]:
    return dict.fromkeys(("database", "scp", "storage", "disk"))


def alerting(config: Config, database: Database, faults: dict[str, str | None], **values: Any) -> Alerting:
    async def found() -> dict[str, str | None]:
        return faults

    return Alerting(Current(config), database, found, Metrics(), **values)


def with_limits(config: Config, **limits: Any) -> Config:
    return msgspec.structs.replace(config, alerts=msgspec.structs.replace(config.alerts, **limits))


async def test_nothing_wrong_is_no_mail(
    config: Config, database: Database, faults: dict[str, str | None], server: MailServer
) -> None:
    await alerting(config, database, faults)()
    assert server.letters == []


async def test_each_thing_is_told_in_one_mail_and_names_nobody(
    config: Config,
    database: Database,
    faults: dict[str, str | None],
    server: MailServer,
    connection: psycopg.Connection,
) -> None:
    for number in range(4):
        connection.execute(_QUEUED, (PID, f"{ACSN}{number}"))
    connection.execute(
        "UPDATE tasks SET status = 'FAILED', due_at = NULL, error_code = 'INTERNAL', error_text = '{}'"
        " WHERE accession_number <> %s",
        (f"{ACSN}0",),
    )
    async with database.transaction() as tx:
        await outages.begin(tx, OfClinic("c", "ORTHANC"), timedelta(seconds=1))
        await outages.begin(tx, OfClinic("gone", "ORTHANC"), timedelta(seconds=1))
        await audit.append(tx, "user:анна", "study.withdrawn", PID)
    connection.execute("UPDATE away_pacs SET since = now() - interval '20 minutes'")
    connection.execute("ALTER TABLE audit_log DISABLE TRIGGER USER")
    connection.execute("UPDATE audit_log SET actor = 'user:x'")
    connection.execute("ALTER TABLE audit_log ENABLE TRIGGER USER")
    assert await check_audit(database) is not None
    connection.execute(_SILENT_MACHINE)
    (config.database.data_dir / "backups").mkdir()
    (config.database.data_dir / "backups" / "studypub-20200101T000000Z.tar").touch()
    faults["storage"] = "away"
    watching = alerting(
        with_limits(config, disk_free_mb=2**30, part_minutes=1e-6), database, faults,
        certificate_left=lambda: timedelta(days=3, hours=1),
    )  # fmt: skip
    await watching()
    (letter,) = server.letters
    text = letter.get_content()
    for words in (
        "The archive storage has not worked", "PACS ORTHANC has not answered for 20 min", "3 of 3 studies could not be",
        "Nothing has been published for 5 h", "MB of disk are free", "The newest backup is", "days left: 3",
        "The audit log's chain is broken", "Machine left has been silent for 16 min",
    ):  # fmt: skip
        assert words in text, text
    assert text.count("PACS") == 1  # a clinic that the configuration does not name any more has none
    whole = letter.as_string() + text
    assert not [word for word in (PID, ACSN, "анна") if word in whole]
    async with database.transaction() as tx:
        assert {one.key.kind for one in await alerts.standing(tx)} == set(Kind) - {Kind.WAL}
    assert watching.metrics.value("mails_total", outcome="sent") == 1


async def test_a_restart_repeats_nothing_a_day_does_and_the_end_is_told(
    config: Config,
    database: Database,
    faults: dict[str, str | None],
    server: MailServer,
    connection: psycopg.Connection,
) -> None:
    wrong = with_limits(config, disk_free_mb=2**30)
    await alerting(wrong, database, faults)()
    await alerting(wrong, database, faults)()  # a daemon that was restarted
    assert len(server.letters) == 1
    connection.execute("UPDATE alerts SET told_at = told_at - interval '24 hours'")
    await alerting(wrong, database, faults)()
    assert len(server.letters) == 2
    await alerting(config, database, faults)()
    assert len(server.letters) == 2  # it may come back
    connection.execute("UPDATE alerts SET ended_at = ended_at - interval '1 hour'")
    await alerting(config, database, faults)()
    assert len(server.letters) == 3
    assert "There is room on the disk again" in server.letters[2]["Subject"]
    await alerting(config, database, faults)()
    assert len(server.letters) == 3
    assert connection.execute("SELECT count(*) FROM alerts").fetchone() == (0,)


async def test_a_mail_that_is_not_taken_is_sent_later_and_later(
    config: Config, database: Database, faults: dict[str, str | None], server: MailServer
) -> None:
    now, server.data = [0.0], "451 not now"
    watching = alerting(with_limits(config, disk_free_mb=2**30), database, faults, clock=lambda: now[0])
    tried: list[int] = []
    for minute in range(120):
        now[0] = 60.0 * minute
        before = watching.metrics.value("mails_total", outcome="failed")
        await watching()
        tried += [minute] if watching.metrics.value("mails_total", outcome="failed") > before else []
    assert tried == [0, 1, 3, 7, 15, 31, 61, 91]
    server.data, now[0] = "250 OK", 60.0 * 121
    await watching()
    assert len(server.letters) == 1


async def test_that_the_database_is_away_is_told_though_nothing_can_be_kept(
    config: Config, faults: dict[str, str | None], server: MailServer, database: Database
) -> None:
    faults["database"] = "away"
    async with Database("postgresql://nobody@127.0.0.1:9/nothing", size=1, name="none", sees=EVERY_CLINIC) as none:
        watching = alerting(with_limits(config, part_minutes=1e-6), none, faults)
        await watching()
        await watching()
        assert [letter["Subject"] for letter in server.letters] == ["studypub: The database has not worked for 0 min"]
        watching.database, faults["database"] = database, None  # it is back
        await watching()
    async with database.transaction() as tx:
        (kept,) = await alerts.standing(tx)
        assert kept.key == Key(Kind.PART, "database")
        await alerts.keep(tx, [kept], [replace(kept, ended_at=kept.since - timedelta(hours=1))])
    await watching()
    assert server.letters[-1]["Subject"] == "studypub: The database: works again"


async def test_without_recipients_alerts_stand_and_nobody_is_written_to(
    config: Config, database: Database, faults: dict[str, str | None], server: MailServer
) -> None:
    silent = with_limits(config, to=(), disk_free_mb=2**30)
    await alerting(silent, database, faults)()
    async with database.transaction() as tx:
        assert (await alerts.standing_by_kind(tx))["disk"] == 1
    assert server.letters == []


async def test_a_cut_of_the_audit_log_is_seen_by_the_next_check(
    database: Database, connection: psycopg.Connection
) -> None:
    async with database.transaction() as tx:
        for _ in range(3):
            await audit.append(tx, "a", "b", "c")
    assert await check_audit(database) is None
    connection.execute("ALTER TABLE audit_log DISABLE TRIGGER USER")
    connection.execute("DELETE FROM audit_log WHERE entry = (SELECT max(entry) FROM audit_log)")
    connection.execute("ALTER TABLE audit_log ENABLE TRIGGER USER")
    assert await check_audit(database) is None  # not due yet
    for _ in range(2):  # it stays to be seen
        connection.execute("UPDATE audit_check SET at = at - interval '2 days'")
        assert await check_audit(database) is not None
    async with database.transaction() as tx:
        check = await watch.audit_check(tx)
    assert check is not None
    assert check.broken_entry == check.last_entry
