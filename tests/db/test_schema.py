"""The schema: migrations, named queries, enumerations, and rows that it must not take."""

import asyncio
import re
from pathlib import Path

import psycopg
import pytest
from psycopg import sql
from tests.peers.postgres import PostgresPeer

from studypub import resources
from studypub.core.people import Role
from studypub.core.publication import State
from studypub.core.review import Decision
from studypub.core.task import ENDED, IN_PROGRESS, RUNNING, Origin, Status
from studypub.db.database import connection_string
from studypub.db.migrate import SchemaIsHeld, migrate
from studypub.db.queries import all_queries
from studypub.errors import ConfigError, DatabaseUnavailable, Refused


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Migrations that a test may change."""
    for file in resources.path("sql", "migrations").glob("*.sql"):
        (tmp_path / file.name).write_bytes(file.read_bytes())
    monkeypatch.setattr(resources, "path", lambda *_: tmp_path)
    return tmp_path


@pytest.fixture
def empty(postgres_server: PostgresPeer) -> str:
    return postgres_server.database()


async def test_a_second_time_there_is_nothing_to_do(empty: str) -> None:
    names = [file.stem for file in sorted(resources.path("sql", "migrations").glob("*.sql"))]
    assert await migrate(empty) == names
    assert await migrate(empty) == []


async def test_two_daemons_that_start_at_once_do_it_once(empty: str) -> None:
    done = await asyncio.gather(*(migrate(empty) for _ in range(4)))
    assert sorted(map(len, done)) == [0, 0, 0, len(list(resources.path("sql", "migrations").glob("*.sql")))]


async def test_a_migration_changed_after_it_was_applied_is_refused(empty: str, folder: Path) -> None:
    await migrate(empty)
    file = folder / "0001_the_main_job.sql"
    file.write_text(file.read_text() + "\n-- later\n")
    with pytest.raises(Refused, match="migration 1 differs"):
        await migrate(empty)


@pytest.mark.parametrize("taken", ["9998_after_0001_words", "9999_after_9998_words"])
async def test_a_newer_schema_is_refused_where_it_takes_what_this_version_needs(
    empty: str, folder: Path, taken: str
) -> None:
    newer = [folder / "9997_later.sql", folder / f"{taken}.sql"]
    for file in newer:
        file.write_text(f"CREATE TABLE t{file.name[:4]} ();")
    assert (await migrate(empty))[-2:] == [file.stem for file in newer]
    for file in newer:
        file.unlink()
    if "after_0001" in taken:
        assert await migrate(empty) == []
        return
    with pytest.raises(Refused) as raised:
        await migrate(empty)
    assert "newer version" in raised.value.sentence.en
    assert f"migration {taken}" in raised.value.sentence.en


async def test_a_transaction_that_holds_a_table_is_not_waited_for_and_nothing_is_changed(
    empty: str, folder: Path
) -> None:
    """Everybody who comes later would wait behind us."""
    await migrate(empty)
    (folder / "9998_first.sql").write_text("CREATE TABLE first ();")
    (folder / "9999_later.sql").write_text("ALTER TABLE tasks ADD COLUMN later text;")
    with psycopg.connect(empty) as somebody:
        somebody.execute("SELECT count(*) FROM tasks")
        with pytest.raises(SchemaIsHeld):
            await migrate(empty)
    assert await migrate(empty) == ["9998_first", "9999_later"]


async def test_a_migration_that_fails_leaves_nothing(empty: str, folder: Path) -> None:
    (folder / "9999_broken.sql").write_text("CREATE TABLE later (); SELECT 1 / 0;")
    with pytest.raises(psycopg.errors.DivisionByZero):
        await migrate(empty)
    with psycopg.connect(empty) as connection:
        assert connection.execute("SELECT to_regclass('tasks'), to_regclass('later')").fetchone() == (None, None)


async def test_an_account_that_may_not_make_tables_is_told_so(empty: str) -> None:
    with psycopg.connect(empty, autocommit=True) as connection:
        connection.execute("REVOKE CREATE ON SCHEMA public FROM pg_database_owner, PUBLIC")
    with pytest.raises(Refused) as raised:
        await migrate(empty)
    assert "may not create tables" in raised.value.sentence.en


async def test_no_server(tmp_path: Path) -> None:
    with pytest.raises(DatabaseUnavailable):
        await migrate(f"postgresql:///x?host={tmp_path}")


@pytest.mark.parametrize("url", ["postgresql://u:SECRET@[h/d", "postgresql://u:SECRET@h/d?x=1"])
def test_an_address_that_cannot_be_used_is_told_without_its_password(url: str) -> None:
    with pytest.raises(ConfigError) as raised:
        connection_string(url, "test")
    assert raised.value.sentence.en.startswith("Configuration error: database.url: ")
    assert "SECRET" not in raised.value.sentence.en


@pytest.mark.parametrize("name", sorted(all_queries().keys() - {"begin", "begin_to_look", "commit"}))
def test_every_query_can_be_prepared(connection: psycopg.Connection, name: str) -> None:
    query = all_queries()[name].decode()
    parameters = list(dict.fromkeys(re.findall(r"%\((\w+)\)s", query)))
    for number, parameter in enumerate(parameters, start=1):
        query = query.replace(f"%({parameter})s", f"${number}")
    connection.execute(sql.SQL("PREPARE tried AS {}").format(sql.SQL(query)))


def test_every_query_is_said_in_a_sentence() -> None:
    for file in resources.path("sql", "queries").glob("*.sql"):
        for part in file.read_text("utf-8").split("-- name: ")[1:]:
            name, sentence, *_ = part.splitlines()
            assert sentence.startswith("-- "), name


@pytest.mark.parametrize(
    ("enumeration", "values"),
    [
        ("task_status", list(Status)),
        ("task_origin", list(Origin)),
        ("study_state", list(State)),
        ("user_role", list(Role)),
        ("review_decision", list(Decision)),
    ],
)
def test_the_enumerations_are_ours(connection: psycopg.Connection, enumeration: str, values: list[str]) -> None:
    rows = connection.execute(
        "SELECT enumlabel FROM pg_enum WHERE enumtypid = %s::regtype ORDER BY enumsortorder", (enumeration,)
    )
    assert [label for (label,) in rows] == [str(value) for value in values]


def test_lists_of_states_in_sql_are_ours() -> None:
    lists = {
        tuple(re.findall(r"'(\w+)'", found)) for found in re.findall(r"status (?:NOT )?IN\s*\(([^)]*)\)", _all_sql())
    }
    assert lists == {
        tuple(status.value for status in IN_PROGRESS),
        tuple(status.value for status in RUNNING),
        tuple(status.value for status in (Status.QUEUED, *RUNNING)),
        tuple(status.value for status in ENDED),
    }


def _all_sql() -> str:
    return "\n".join(file.read_text("utf-8") for file in resources.path("sql").rglob("*.sql"))


Row = dict[str, object]

TASK: Row = {
    "clinic_code": "c",
    "patient_id": "P1",
    "accession_number": "A1",
    "origin": "mis",
    "requested_by": "key:x",
    "search_until": "2025-01-01",
}
LEASED: Row = {"status": "SEARCHING", "lease_token": "00000000-0000-0000-0000-000000000001"}
STUDY: Row = {
    "clinic_code": "c",
    "patient_id": "P1",
    "accession_number": "A1",
    "token": "x" * 22,
    "token_sha256": b"t" * 32,
    "object_key": "k",
    "size": 1,
    "sha256": b"s" * 32,
    "instances": 1,
    "left_out": 0,
    "modalities": "{CT}",
    "profile": "basic",
    "save_till": "2030-01-01",
}
KEY: Row = {"key_id": "abcdefgh", "secret_sha256": b"s" * 32, "clinic_code": "c", "name": "n"}
USER: Row = {"name": "anna", "role": "registrator", "password_hash": "$argon2id$x"}


def insert(connection: psycopg.Connection, table: str, row: Row) -> None:
    connection.execute(
        sql.SQL("INSERT INTO {} ({}) VALUES ({})").format(
            sql.Identifier(table),
            sql.SQL(", ").join(map(sql.Identifier, row)),
            sql.SQL(", ").join(sql.Placeholder() * len(row)),
        ),
        list(row.values()),
    )


def insert_study(connection: psycopg.Connection, **changes: object) -> None:
    """Insert a completed task, its object, and the study with these changes."""
    done = {**TASK, "status": "COMPLETED", "due_at": None}
    insert(connection, "tasks", done)
    (task_id,) = connection.execute("SELECT task_id FROM tasks ORDER BY created_at DESC").fetchone() or ("",)
    key = str(changes.get("object_key", "k"))
    insert(connection, "stored_objects", {"object_key": key, "task_id": task_id})
    insert(connection, "published_studies", {**STUDY, "task_id": task_id, **changes})


@pytest.mark.parametrize(
    ("table", "row", "changes"),
    [
        ("tasks", TASK, {"patient_id": ""}),
        ("tasks", TASK, {"patient_id": "x" * 65}),
        ("tasks", TASK, {"accession_number": ""}),
        ("tasks", TASK, {"accession_number": "x" * 17}),
        ("tasks", TASK, {"status": "SEARCHING"}),  # runs without a lease
        ("tasks", TASK, {"lease_token": LEASED["lease_token"]}),  # waits with one
        ("tasks", TASK, {**LEASED, "due_at": None}),  # would never be taken again
        ("tasks", TASK, {"due_at": None}),
        ("tasks", TASK, {"status": "COMPLETED"}),  # would be taken again
        ("tasks", TASK, {"status": "FAILED", "due_at": None}),  # without a reason
        ("tasks", TASK, {"error_code": "X"}),  # without words
        ("tasks", TASK, {"error_text": '{"ru": "", "en": ""}'}),
        ("tasks", TASK, {"attempt": -1}),
        ("tasks", TASK, {"crashes": -1}),
        ("tasks", TASK, {"received": -1}),
        ("tasks", TASK, {"expected": -1}),
        ("tasks", TASK, {"status": "DONE"}),
        ("tasks", TASK, {"origin": "fax"}),
        ("api_keys", KEY, {"key_id": "abc"}),
        ("api_keys", KEY, {"key_id": "abc.efgh"}),
        ("api_keys", KEY, {"secret_sha256": b"plain"}),
        ("api_keys", KEY, {"name": ""}),
        ("api_keys", KEY, {"name": "x" * 65}),
        ("users", USER, {"name": ""}),
        ("users", USER, {"password_hash": "plain"}),
        ("users", USER, {"role": "root"}),
        ("users", USER, {"password_hash": None}),  # nobody vouches for it
        ("users", USER, {"issuer": "https://sso.example", "subject": "1"}),  # two ways in
        ("users", USER, {"password_hash": None, "issuer": "https://sso.example"}),
        ("users", USER, {"password_hash": None, "issuer": "https://sso.example", "subject": ""}),
    ],
)
def test_rows_that_must_not_be(connection: psycopg.Connection, table: str, row: Row, changes: Row) -> None:
    with pytest.raises((psycopg.errors.CheckViolation, psycopg.errors.InvalidTextRepresentation)):
        insert(connection, table, {**row, **changes})
    insert(connection, table, row)


@pytest.mark.parametrize(
    "changes",
    [
        {"token": "short"},
        {"token_sha256": b"short"},
        {"sha256": b"short"},
        {"size": 0},
        {"instances": 0},
        {"left_out": -1},
        {"state": "EXPIRED"},  # without the moment
        {"closed_at": "2025-01-01"},  # open and closed
    ],
)
def test_publications_that_must_not_be(connection: psycopg.Connection, changes: Row) -> None:
    with pytest.raises(psycopg.errors.CheckViolation):
        insert_study(connection, **changes)


def test_a_study_has_one_live_publication_and_one_task_one_publication(connection: psycopg.Connection) -> None:
    insert_study(connection)
    other = {"token": "y" * 22, "token_sha256": b"u" * 32, "object_key": "k2"}
    with pytest.raises(psycopg.errors.UniqueViolation, match="published_studies_one_live"):
        insert_study(connection, **other)
    insert_study(connection, **{**other, "object_key": "k3"}, state="EXPIRED", closed_at="2025-01-01")
    (task_id,) = connection.execute("SELECT task_id FROM published_studies").fetchone() or ("",)
    with pytest.raises(psycopg.errors.UniqueViolation, match="task_id"):
        insert_study(
            connection, patient_id="P2", token="z" * 22, token_sha256=b"v" * 32, object_key="k4", task_id=task_id
        )


def test_names_of_accounts_differ_by_more_than_their_case(connection: psycopg.Connection) -> None:
    insert(connection, "users", {**USER, "name": "Анна"})
    with pytest.raises(psycopg.errors.UniqueViolation):
        insert(connection, "users", {**USER, "name": "АННА"})


def test_one_task_of_a_study_is_in_progress(connection: psycopg.Connection) -> None:
    insert(connection, "tasks", TASK)
    for row in (TASK, {**TASK, **LEASED}, {**TASK, "status": "NEEDS_REVIEW", "due_at": None}):
        with pytest.raises(psycopg.errors.UniqueViolation, match="tasks_one_in_progress"):
            insert(connection, "tasks", row)
    for changes in ({"clinic_code": "d"}, {"patient_id": "P2"}, {"accession_number": "A2"}):
        insert(connection, "tasks", {**TASK, **changes})
    insert(connection, "tasks", {**TASK, "status": "CANCELLED", "due_at": None})
