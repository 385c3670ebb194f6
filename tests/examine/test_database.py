"""A database that cannot be used: each reason by its own code, as a real PostgreSQL says it."""

import asyncio
import os
import signal
import socket
import time
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from tests.examine.conftest import by_code, failures
from tests.peers.database import PATIENCE
from tests.peers.postgres import PostgresPeer, open_folder
from tests.peers.program import deaf_port

from studypub.config import Clinic, Config, Current
from studypub.core.clinics import EVERY_CLINIC, NO_CLINIC, only
from studypub.db import dump
from studypub.db.database import Database
from studypub.db.embedded import EmbeddedPostgres
from studypub.flows.examine import database
from studypub.flows.examine.causes import database as causes
from studypub.flows.examine.finding import Cause, Finding

_RULES = """
local all postgres trust
local all missing_role trust
local all limited trust
local all lonely trust
local all locked scram-sha-256
local all outsider reject
"""


class Server:
    """A PostgreSQL with accounts that are wrongly set up; `socket` is its folder."""

    def __init__(self, conninfo: str, home: Path) -> None:
        self.peer = PostgresPeer(conninfo)
        self.given = {name: str(value) for name, value in conninfo_to_dict(conninfo).items()}
        rules = home / "pg_hba.conf"
        rules.write_text(_RULES + rules.read_text())
        os.kill(int((home / "data" / "postmaster.pid").read_text().split()[0]), signal.SIGHUP)
        until = time.monotonic() + 30
        while True:  # it reads the file when it comes to it
            try:
                self._do("CREATE ROLE limited LOGIN CONNECTION LIMIT 0")
                break
            except psycopg.OperationalError:
                assert time.monotonic() < until
        self._do("CREATE ROLE locked LOGIN PASSWORD 'right'")
        self._do("CREATE ROLE outsider LOGIN")

    def _do(self, statement: str) -> None:
        with psycopg.connect(self.address(user="postgres", dbname="postgres"), autocommit=True) as connection:
            connection.execute(statement.encode())

    def address(self, **changes: str) -> str:
        return make_conninfo("", **(self.given | changes))


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with open_folder() as folder:
        embedded = EmbeddedPostgres(folder)
        try:
            conninfo = embedded.start()
            yield Server(conninfo, (folder / "postgres").resolve())
        finally:
            embedded.stop()


def config_of(clinics: int) -> Config:
    pacs = Config().clinics[0].pacs
    return Config(clinics=tuple(Clinic(code=f"c{number}", name="x", pacs=pacs) for number in range(clinics)))


def examined(url: str, clinics: int = 1) -> dict[str, Finding]:
    found = by_code(list(database.examine(lambda: nullcontext(url), Current(config_of(clinics)))))
    for finding in found.values():
        assert "secret-password" not in f"{finding.sentence} {finding.remedy}"
    return found


def test_a_database_that_works(server: Server) -> None:
    assert set(examined(server.peer.database())) == {"DATABASE_READY", "CLOCK_DATABASE"}


def test_clinics_of_the_panel_are_told_and_whichever_cannot_be_used(server: Server) -> None:
    url = server.peer.database()
    examined(url)
    with psycopg.connect(url, autocommit=True) as connection:
        for code, document in (
            ("c0", '{"name": "x", "pacs": {"ae_title": "A", "host": "b", "port": 1}}'),
            ("c9", "{}"),
        ):
            insert = "INSERT INTO clinics (code, document, changed_by) VALUES (%s, %s, 'user:x')"
            connection.execute(insert, (code, document))
    found = examined(url)
    assert found["DATABASE_CLINICS_OF_PANEL"].sentence.en.endswith(": c0.")
    assert found["DATABASE_CLINIC_UNUSABLE"].clinic == "c9"
    assert "missing required field `name`" in found["DATABASE_CLINIC_UNUSABLE"].sentence.en


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"dbname": "missing_database"}, "DATABASE_MISSING"),
        ({"user": "missing_role"}, "DATABASE_NO_ROLE"),
        ({"user": "limited"}, "DATABASE_FULL"),
        ({"user": "locked", "password": "secret-password"}, "DATABASE_WRONG_PASSWORD"),
        ({"user": "locked"}, "DATABASE_WRONG_PASSWORD"),
        ({"user": "outsider"}, "DATABASE_NOT_ADMITTED"),
        ({"user": "nobody_s_mapping"}, "DATABASE_NOT_ADMITTED"),
        ({"host": "/nowhere"}, "DATABASE_NO_SOCKET"),
        ({"host": "postgres.invalid"}, "DATABASE_NAME_UNKNOWN"),
    ],
)
def test_what_postgresql_says_is_understood(server: Server, changes: dict[str, str], code: str) -> None:
    assert failures(examined(server.address(**changes))) == {code}


def test_nobody_answers(server: Server) -> None:
    with deaf_port() as closed:
        assert failures(examined(server.address(host="127.0.0.1", port=str(closed)))) == {"DATABASE_PORT_CLOSED"}
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = server.address(host="127.0.0.1", port=str(silent.getsockname()[1]), connect_timeout="2")
        assert failures(examined(address)) == {"DATABASE_SILENT"}


def test_a_database_that_is_read_only(server: Server) -> None:
    address = server.peer.database()
    name = conninfo_to_dict(address)["dbname"]
    server._do(f"ALTER DATABASE {name} SET default_transaction_read_only = on")
    assert failures(examined(address)) == {"DATABASE_READ_ONLY"}


def test_an_owner_that_can_become_nobody_else_is_held_and_backed_up_and_its_administrator_told(
    server: Server, tmp_path: Path
) -> None:
    server._do("CREATE ROLE lonely LOGIN CREATEDB")
    server._do("CREATE DATABASE lonely OWNER lonely")
    address = server.address(user="lonely", dbname="lonely")
    told = set(examined(address, clinics=2)) - set(examined(address))
    assert told == {"DATABASE_CLINICS_NOT_APART"}
    with psycopg.connect(address) as connection:
        connection.execute(
            "INSERT INTO tasks (clinic_code, patient_id, accession_number, origin, requested_by, search_until)"
            " SELECT clinic, 'P', 'A', 'mis', 'key:x', now() FROM unnest('{a,b,c}'::text[]) clinic"
        )
    assert asyncio.run(_seen(address)) == [("lonely", 1), ("lonely", 0), ("lonely", 3)]
    assert dump.dump(address, tmp_path / "copy").contents.rows["tasks"] == 3
    server._do("CREATE DATABASE lonely_too OWNER lonely")
    again = server.address(user="lonely", dbname="lonely_too")
    dump.restore(again, tmp_path / "copy")
    assert dump.contents(again).rows["tasks"] == 3
    server._do("GRANT studypub_app TO lonely")
    assert "DATABASE_CLINICS_NOT_APART" not in examined(address, clinics=2)
    assert asyncio.run(_seen(address)) == [("studypub_app", 1), ("studypub_app", 0), ("lonely", 3)]


async def _seen(address: str) -> list[tuple[str, int]]:
    """Return as whom, and how many tasks, one clinic, nobody and the whole installation see."""
    found = []
    async with Database(address, size=1, name="test", sees=NO_CLINIC, loan_seconds=PATIENCE) as database:
        for sees in (only("a"), NO_CLINIC, EVERY_CLINIC):
            async with database.seeing(sees).transaction() as tx:
                cursor = await tx._ask(b"SELECT current_user AS role, count(*) AS tasks FROM tasks")
                row = await cursor.fetchone()
            assert row is not None
            found.append((row["role"], row["tasks"]))
    return found


def test_an_account_that_may_not_make_tables(server: Server) -> None:
    name = conninfo_to_dict(server.peer.database())["dbname"]
    server._do("ALTER ROLE limited CONNECTION LIMIT -1")
    found = examined(server.address(user="limited", dbname=str(name)))
    server._do("ALTER ROLE limited CONNECTION LIMIT 0")
    assert failures(found) == {"DATABASE_REFUSED"}
    assert "may not create tables" in found["DATABASE_REFUSED"].sentence.en


def test_a_server_that_may_lose_what_it_acknowledged(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ours is started with these settings on; one that is off stands in for them."""
    monkeypatch.setattr("studypub.db.durable._MUST_BE_ON", ("fsync", "log_checkpoints"))
    found = examined(server.peer.database())
    assert failures(found) == {"DATABASE_NOT_DURABLE"}
    assert "log_checkpoints = off" in found["DATABASE_NOT_DURABLE"].sentence.en


@pytest.mark.parametrize(
    ("text", "cause"),
    [
        ('ВАЖНО:  пользователь "studypub" не прошёл проверку подлинности (по паролю)', causes.WRONG_PASSWORD),
        ('ВАЖНО:  база данных "studypub" не существует', causes.MISSING),
        ('ВАЖНО:  роль "studypub" не существует', causes.NO_ROLE),
        ('ВАЖНО:  в pg_hba.conf нет записи для компьютера "10.0.0.7"', causes.NOT_ADMITTED),
        ('ВАЖНО:  пользователь "studypub" не прошёл проверку подлинности (Peer)', causes.OTHER_USER),
        ("ВАЖНО:  извините, уже слишком много клиентов", causes.FULL),
        ("ВАЖНО:  система баз данных запускается", causes.STARTING),
        ('FATAL:  Peer authentication failed for user "studypub"', causes.OTHER_USER),
        ("FATAL:  the database system is starting up", causes.STARTING),
        ("FATAL:  sorry, too many clients already", causes.FULL),
        ("SSL error: certificate verify failed", causes.NO_TLS),
        ("server does not support SSL, but SSL was required", causes.NO_TLS),
        ("something new", causes.UNAVAILABLE),
    ],
)
def test_words_in_both_languages(text: str, cause: Cause) -> None:
    assert causes.of_words(text) is cause


@pytest.mark.parametrize(
    ("version", "code"), [(120019, "DATABASE_TOO_OLD"), (140011, "DATABASE_OLD"), (150004, ""), (180000, "")]
)
def test_old_servers(version: int, code: str) -> None:
    found = causes.of_version(version)
    assert (found.code if found else "") == code
    assert found is None or f"PostgreSQL {version // 10000}" in found.sentence.ru


@pytest.mark.parametrize(
    ("skew", "code"), [(0.4, "CLOCK_DATABASE"), (5.0, "CLOCK_DATABASE"), (9, "CLOCK_DATABASE_DIFFERS")]
)
def test_clocks(skew: float, code: str) -> None:
    assert causes.of_clocks(skew).code == code
