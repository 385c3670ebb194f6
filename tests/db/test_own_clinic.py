"""No clinic sees another's rows, whatever our queries ask for: PostgreSQL holds them, by policies on every table."""

import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import psycopg
import pytest
from psycopg import sql
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb
from tests.peers.database import PATIENCE

from studypub.core.clinics import EVERY_CLINIC, NO_CLINIC, Sees, only
from studypub.db import audit
from studypub.db.database import Database
from studypub.db.queries import all_queries

# What belongs to no clinic: whatever stands in a new table has to be said here, or be held by a policy.
OF_THE_INSTANCE = {
    "alerts",
    "audit_check",
    "duty",
    "fhir_pushes",
    "machines",
    "schema_migrations",
    "settings",
    "setup_link",
    "strange_objects",
    "throttle",
}
# A row of every table that is held, for clinic %(c)s; so that any can be told from another's, the code stands in it.
ROWS = """
INSERT INTO users (user_id, name, role, clinic_code, password_hash, totp_secret)
    VALUES (%(id)s, %(c)s || '-user', 'administrator', %(c)s, '$argon2id$' || %(c)s, repeat('Q', 32));
INSERT INTO sessions (token_sha256, user_id, csrf_token, expires_at)
    VALUES (%(sha)s, %(id)s, %(c)s || '-csrf', now() + interval '1 day');
INSERT INTO known_browsers (token_sha256, user_id) VALUES (%(sha)s, %(id)s);
INSERT INTO recovery_codes (user_id, code_sha256) VALUES (%(id)s, %(sha)s);
INSERT INTO api_keys (key_id, secret_sha256, clinic_code, name, callback_url, callback_secret)
    VALUES (%(key)s, %(sha)s, %(c)s, %(c)s || '-key', 'https://' || %(c)s || '.example/', 'whsec_x');
INSERT INTO pacs_outages (clinic_code, probe_at) VALUES (%(c)s, now());
INSERT INTO away_pacs (clinic_code, ae_title, probe_at, pacs) VALUES (%(c)s, 'A', now(), 1);
INSERT INTO tasks (task_id, clinic_code, patient_id, accession_number, origin, requested_by, search_until, status,
    lease_token, worker_id)
    VALUES (%(id)s, %(c)s, %(c)s || '-patient', 'ACSN', 'mis', 'key:' || %(key)s, now(), 'SEARCHING', %(id)s, %(id)s);
INSERT INTO manual_requests (user_id, clinic_code, patient_id, accession_number, task_id)
    VALUES (%(id)s, %(c)s, %(c)s || '-patient', 'ACSN', %(id)s);
INSERT INTO stored_objects (object_key, task_id) VALUES ('studies/' || %(c)s, %(id)s), ('viewer/' || %(c)s, %(id)s);
INSERT INTO published_studies (study_id, task_id, clinic_code, patient_id, accession_number, token, token_sha256,
    object_key, size, sha256, instances, left_out, modalities, profile, save_till, companion_key, companion_size,
    companion_sha256)
    VALUES (%(id)s, %(id)s, %(c)s, %(c)s || '-patient', 'ACSN', repeat(%(c)s, 5), %(sha)s, 'studies/' || %(c)s, 1,
        %(sha)s, 1, 0, '{CT}', 'basic', now() + interval '1 day', 'viewer/' || %(c)s, 1, %(sha)s);
INSERT INTO held_instances (held_id, task_id, uid, reason, reason_text, thumbnail)
    VALUES (%(id)s, %(id)s, '1.2', 'x', '{}', convert_to(%(c)s, 'UTF8'));
INSERT INTO task_events (task_id, kind, actor) VALUES (%(id)s, 'published', 'user:' || %(c)s);
INSERT INTO named_requests (key_id, name, body_sha256, task_id) VALUES (%(key)s, 'name', %(sha)s, %(id)s);
INSERT INTO reports (object_key, task_id, state, size, sha256, pages, unread, clues)
    VALUES ('reports/' || %(c)s, %(id)s, 'attached', 1, %(sha)s, 1, 0, '{}');
INSERT INTO recipients (task_id, email, wait) VALUES (%(id)s, %(c)s || '@mail.example', '0');
INSERT INTO outbox (message_id, task_id, event_id, status, kind, target, lease_token)
    SELECT %(id)s, %(id)s, event_id, 'COMPLETED', 'email', 'email', %(id)s FROM task_events
    WHERE task_id = %(id)s ORDER BY event_id LIMIT 1;
INSERT INTO clinics (code, document, changed_by) VALUES (%(c)s, jsonb_build_object('name', %(c)s), 'user:x');
INSERT INTO clinic_logos (clinic_code, width, height, content, changed_by)
    VALUES (%(c)s, 1, 1, convert_to(%(c)s, 'UTF8'), 'user:' || %(c)s);
SELECT audit_append('user:' || %(c)s, 'x', '', '{}');
"""
A: dict[str, Any] = {"c": "clinic-a", "id": "aaaaaaaa-aaaa-4aaa-8aaa-aaaaaaaaaaaa", "key": "AAAAAAAA", "sha": b"a" * 32}
B: dict[str, Any] = {"c": "clinic-b", "id": "bbbbbbbb-bbbb-4bbb-8bbb-bbbbbbbbbbbb", "key": "BBBBBBBB", "sha": b"b" * 32}
# Its own names, however a row is printed.
OF_A = re.compile("clinic-a|a{8}|A{8}")
Owner = psycopg.Connection[dict[str, Any]]
AS_B, AS_NOBODY = only(B["c"]), NO_CLINIC


@pytest.fixture
def rows(connection: psycopg.Connection) -> psycopg.Connection:
    """A row of each clinic in every table that is held."""
    for one in (A, B):
        psycopg.ClientCursor(connection).execute(ROWS, one)
    return connection


@pytest.fixture
def owner(rows: psycopg.Connection, database_url: str) -> Iterator[Owner]:
    """A transaction of the owner's in which anything may be tried; nothing of it stays."""
    del rows
    with psycopg.connect(database_url, row_factory=dict_row) as opened:
        yield opened
        opened.rollback()


def tables(connection: Owner) -> set[str]:
    query = "SELECT tablename AS name FROM pg_tables WHERE schemaname = 'public'"
    return {row["name"] for row in connection.execute(query)}


def become(connection: Owner, sees: Sees) -> None:
    connection.execute(all_queries()["act_for"], {"actor": "", "clinics": sees.text})


def again(connection: Owner) -> None:
    """Be the owner again, who sees everything."""
    connection.execute("RESET ROLE")
    connection.execute("SET LOCAL studypub.clinics = '*'")


def of_a(connection: Owner) -> dict[str, list[str]]:
    """Return every row of the first clinic, by table, as the owner sees them."""
    return {table: _of_a(connection, table) for table in tables(connection)}


def _of_a(connection: Owner, table: str) -> list[str]:
    return sorted(text for row in _whole(connection, table) if OF_A.search(text := str(row)))


def _whole(connection: Owner, table: str) -> list[dict[str, Any]]:
    return connection.execute(sql.SQL("SELECT * FROM {}").format(sql.Identifier(table))).fetchall()


def tried(connection: Owner, statement: sql.SQL | sql.Composed | bytes, values: Any = None) -> list[Any] | str:
    """Run it within a transaction that goes on; return its rows, or by which error it was refused."""
    try:
        with connection.transaction():
            cursor = connection.execute(statement, values)
            return cursor.fetchall() if cursor.description else []
    except psycopg.Error as error:
        return type(error).__name__


def holes(connection: Owner, table: str, sees: Sees) -> list[str]:
    """Return what somebody can do with the first clinic's rows of a table who is not to; nothing of it stays."""
    with connection.transaction(force_rollback=True):
        return _holes(connection, table, sees)


def _holes(connection: Owner, table: str, sees: Sees) -> list[str]:
    again(connection)
    before, name = _of_a(connection, table), sql.Identifier(table)
    columns = [
        row["attname"]
        for row in connection.execute(
            "SELECT attname FROM pg_attribute WHERE attrelid = %s::regclass AND attnum > 0 AND attgenerated = ''"
            " AND NOT attisdropped ORDER BY attnum",
            (table,),
        )
    ]
    listed = sql.SQL(", ").join(map(sql.Identifier, columns))
    copy = connection.execute(
        sql.SQL("SELECT to_jsonb({0}) AS row FROM {0} WHERE {0}::text ~ %s LIMIT 1").format(name),
        ("clinic-a|aaaaaaaa|6161616161",),
    ).fetchone()
    become(connection, sees)
    found = []
    if OF_A.search(str(tried(connection, sql.SQL("SELECT * FROM {}").format(name)))):
        found.append("SELECT")
    change = sql.SQL("UPDATE {} SET {}").format(name, sql.SQL("{0} = {0}").format(sql.Identifier(columns[-1])))
    if OF_A.search(str(tried(connection, change + sql.SQL(" RETURNING *")))):
        found.append("UPDATE")
    if OF_A.search(str(tried(connection, sql.SQL("DELETE FROM {} RETURNING *").format(name)))):
        found.append("DELETE")
    if copy is not None:
        insert = sql.SQL(
            "INSERT INTO {0} ({1}) OVERRIDING SYSTEM VALUE SELECT {1} FROM jsonb_populate_record(NULL::{0}, %s)"
        )
        refused = tried(connection, insert.format(name, listed), (Jsonb(copy["row"]),))
        if refused != "InsufficientPrivilege":
            found.append(f"INSERT: {refused}")
    again(connection)
    if _of_a(connection, table) != before:
        found.append("changed")
    return found


def test_every_table_is_held_or_belongs_to_no_clinic(owner: Owner) -> None:
    query = "SELECT relname FROM pg_class WHERE relrowsecurity AND relforcerowsecurity"
    held = {row["relname"] for row in owner.execute(query)}
    assert held | OF_THE_INSTANCE == tables(owner)
    assert held & OF_THE_INSTANCE == set()
    found = of_a(owner)
    assert {table for table in held if found[table]} == held, "a row of each is tried"


@pytest.mark.parametrize("sees", [AS_B, AS_NOBODY, Sees("")], ids=["another clinic", "nobody", "silence"])
def test_no_row_of_another_clinic_is_seen_changed_or_made(owner: Owner, sees: Sees) -> None:
    found = {table: holes(owner, table, sees) for table in tables(owner) - OF_THE_INSTANCE}
    assert {table: hole for table, hole in found.items() if hole} == {}
    become(owner, sees)
    of_all = OF_THE_INSTANCE | {"audit_log", "clinics"}  # for whoever sees every clinic alone
    seen = {table: len(_whole(owner, table)) for table in tables(owner) - of_all}
    assert all(seen.values()) is (sees == AS_B)
    assert any(seen.values()) is (sees == AS_B)


def test_a_policy_that_is_missing_is_noticed(owner: Owner) -> None:
    for table in sorted(tables(owner) - OF_THE_INSTANCE):
        with owner.transaction(force_rollback=True):
            owner.execute(sql.SQL("ALTER TABLE {} DISABLE ROW LEVEL SECURITY").format(sql.Identifier(table)))
            found = holes(owner, table, AS_B)
        assert "SELECT" in found, table
        assert table == "audit_log" or "UPDATE" in found, table


def test_nothing_of_ones_own_is_given_to_another_clinic(owner: Owner) -> None:
    become(owner, AS_B)
    of_clinics = ("tasks", "published_studies", "manual_requests", "api_keys", "users", "pacs_outages", "away_pacs")
    for table in (*of_clinics, "clinic_logos"):
        change = sql.SQL("UPDATE {} SET clinic_code = %s").format(sql.Identifier(table))
        assert tried(owner, change, (A["c"],)) == "InsufficientPrivilege", table
    for table in (
        "stored_objects",
        "held_instances",
        "task_events",
        "named_requests",
        "outbox",
        "recipients",
        "reports",
    ):
        change = sql.SQL("UPDATE {} SET task_id = %s").format(sql.Identifier(table))
        assert tried(owner, change, (A["id"],)) == "InsufficientPrivilege", table


def test_who_sees_one_clinic_writes_nothing_that_belongs_to_all(owner: Owner) -> None:
    become(owner, AS_B)
    for table in sorted(OF_THE_INSTANCE - {"throttle"}):
        assert tried(owner, sql.SQL("DELETE FROM {}").format(sql.Identifier(table))) == "InsufficientPrivilege", table
    assert tried(owner, b"TRUNCATE tasks CASCADE") == "InsufficientPrivilege"
    assert tried(owner, b"INSERT INTO audit_log DEFAULT VALUES") == "InsufficientPrivilege"


def test_the_owner_is_held_too_where_there_is_no_role_for_requests(owner: Owner) -> None:
    # The role stands in for a login that owns the tables and cannot become anybody else.
    owner.execute("GRANT CREATE ON SCHEMA public TO studypub_app")
    for table in sorted(tables(owner)):
        owner.execute(sql.SQL("ALTER TABLE {} OWNER TO studypub_app").format(sql.Identifier(table)))
    found = {table: holes(owner, table, AS_B) for table in sorted(tables(owner) - OF_THE_INSTANCE)}
    assert {table: hole for table, hole in found.items() if hole} == {}


_OF_TRANSACTIONS = {"begin", "begin_to_look", "act_for", "commit"}
_WRONG_KIND = ("DatatypeMismatch", "ProgrammingError", "UndefinedFunction", "InvalidTextRepresentation")
# What is called otherwise than a column, or has to be of a kind that fits every row.
_HOUR = timedelta(hours=1)
_OTHERS: dict[str, Any] = {
    "actor": "user:x",
    "after": None,
    "age": -_HOUR,
    "attempts": 1,
    "by_start": False,
    "details": Jsonb({}),
    "crashes": 0,
    "delay": _HOUR,
    "forget": _HOUR,
    "from": "SEARCHING",
    "hold": _HOUR,
    "idle": _HOUR,
    "error_text": Jsonb({"ru": "x", "en": "x"}),
    "kinds": ["email"],
    "lease": _HOUR,
    "left_out": Jsonb([]),
    "lifetime": _HOUR,
    "limit": 100,
    "most": 1,
    "offset": 0,
    "origins": ["mis"],
    "patience": _HOUR,
    "pause": _HOUR,
    "period": _HOUR,
    "reason_text": Jsonb({}),
    "rota": ["clinic-a"],
    "search_time": _HOUR,
    "states": ["pending"],
    "statuses": ["SEARCHING"],
    "text": "",
    "texts": ["clinic-a"],
    "to": "QUEUED",
    "upload": _HOUR,
    "wait": _HOUR,
    "worker_id": B["id"],
}


def _parameters(name: str, query: bytes, all_of_a: dict[str, Any]) -> dict[str, object]:
    values = all_of_a | {"left_out": 0} if name == "publish_study" else all_of_a
    return {parameter: values.get(parameter) for parameter in re.findall(r"%\((\w+)\)s", query.decode())}


def test_no_query_of_ours_shows_or_changes_anothers_rows(owner: Owner) -> None:
    known = _values_of_a(owner)
    again(owner)
    before, harmful, done = of_a(owner), [], 0
    for name, query in sorted(all_queries().items()):
        if name in _OF_TRANSACTIONS:
            continue
        for sees in (EVERY_CLINIC, AS_B):
            with owner.transaction(force_rollback=True):
                become(owner, sees)
                answer = tried(owner, query, _parameters(name, query, known))
                assert answer not in _WRONG_KIND, f"{name}: say of what kind its values are"
                again(owner)
                does = bool(OF_A.search(str(answer))) or of_a(owner) != before
            if sees == EVERY_CLINIC:
                done += does
            elif does:
                harmful.append((name, answer))
    assert harmful == []
    assert done > 55, "of those that show or change something of the clinic itself"


def _values_of_a(connection: Owner) -> dict[str, Any]:
    """Return what the parameters of queries are called, with what they are for the first clinic's rows."""
    known: dict[str, Any] = {}
    for table in (
        "outbox",
        "held_instances",
        "recipients",
        "users",
        "tasks",
        "published_studies",
        "api_keys",
        "sessions",
    ):
        row = connection.execute(
            sql.SQL("SELECT * FROM {0} WHERE {0}::text ~ %s LIMIT 1").format(sql.Identifier(table)),
            ("clinic-a|aaaaaaaa",),
        ).fetchone()
        assert row is not None, table
        known |= row
    known |= {f"{name}s": [value] for name, value in known.items()}
    return known | _OTHERS


async def test_a_transaction_works_as_who_it_is_for_and_the_connection_is_nobodys_afterwards(
    database_url: str, rows: psycopg.Connection
) -> None:
    del rows
    async with Database(database_url, size=1, name="test", sees=EVERY_CLINIC, loan_seconds=PATIENCE) as database:
        for sees, role, number in (
            (AS_B, "studypub_app", 1),
            (EVERY_CLINIC, "studypub", 2),
            (NO_CLINIC, "studypub_app", 0),
        ):
            for _ in range(8):  # psycopg prepares what is asked again and again
                async with database.seeing(sees).transaction("user:x") as tx:
                    cursor = await tx._ask(
                        b"SELECT current_user, current_setting('studypub.actor') AS actor, count(*) FROM tasks"
                    )
                    assert await cursor.fetchone() == {"current_user": role, "actor": "user:x", "count": number}
                    await audit.append(tx, "user:x", "x", "")
                    assert await _seen(tx) == number
    assert (await _chain(database_url)) is None


async def _seen(tx: Any) -> int:
    return len(await (await tx._ask(b"SELECT FROM tasks")).fetchall())


async def _chain(database_url: str) -> int | None:
    """Return the first entry at which the audit log's chain does not hold."""
    with psycopg.connect(database_url) as connection:
        row = connection.execute(
            all_queries()["piece_of_audit_log"], {"head": b"\0", "after": 0, "limit": 1000}
        ).fetchone()
    assert row is not None
    broken: int | None = row[2]
    return broken
