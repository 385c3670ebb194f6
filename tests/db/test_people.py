"""Accounts, browser sessions and API keys."""

from datetime import timedelta

import psycopg
import pytest

from studypub.core.people import Role
from studypub.db import people
from studypub.db.database import Database
from studypub.errors import Refused
from studypub.flows import sign_in

PASSWORD = "correct horse battery"
ADMINISTRATOR = "command:root"


async def added(database: Database, name: str = "anna", password: str = PASSWORD) -> None:
    await sign_in.add_user(database, name, Role.REGISTRATOR, password, clinic_code="c", actor=ADMINISTRATOR)


async def signed_in(database: Database, password: str = PASSWORD) -> str:
    opened = await sign_in.sign_in(database, "anna", password)
    assert isinstance(opened, sign_in.SignedIn)
    return opened.session


def audited(connection: psycopg.Connection) -> list[str]:
    return [action for (action,) in connection.execute("SELECT action FROM audit_log ORDER BY entry")]


async def test_sign_in_and_out(database: Database, connection: psycopg.Connection) -> None:
    await added(database)
    token = await signed_in(database)
    session = await sign_in.who(database, token)
    assert session is not None
    assert (session.user.name, session.user.role, session.user.clinic_code) == ("anna", Role.REGISTRATOR, "c")
    assert len(session.csrf_token) == 43
    await sign_in.sign_out(database, token)
    assert await sign_in.who(database, token) is None
    assert audited(connection) == ["user.added", "user.signed_in"]


@pytest.mark.parametrize(
    ("name", "password"),
    [
        ("anna", "wrong horse battery"),
        ("anna", ""),
        ("anna", PASSWORD + " "),
        ("boris", PASSWORD),
        ("", PASSWORD),
        ("an\x00na", PASSWORD),
        ("anna", chr(0xD800) * 12),
        (chr(0xD800), PASSWORD),
    ],
)
async def test_what_does_not_fit_opens_nothing(database: Database, name: str, password: str) -> None:
    await added(database)
    assert await sign_in.sign_in(database, name, password) is None


async def test_the_name_s_case_does_not_matter(database: Database) -> None:
    await added(database, "Анна")
    assert await sign_in.sign_in(database, "аННА", PASSWORD) is not None
    with pytest.raises(Refused, match=r"REFUSED"):
        await added(database, "АННА")


@pytest.mark.parametrize(("name", "password"), [("a b", PASSWORD), ("", PASSWORD), ("anna", "short"), ("anna", "")])
async def test_accounts_that_are_refused(database: Database, name: str, password: str) -> None:
    with pytest.raises(Refused):
        await added(database, name, password)


async def test_tokens_and_secrets_are_kept_as_digests_only(database: Database, connection: psycopg.Connection) -> None:
    await added(database)
    token = await signed_in(database)
    key = await sign_in.add_api_key(database, clinic_code="c", name="mis", actor=ADMINISTRATOR)
    for table in ("sessions", "api_keys", "users", "audit_log"):
        rows = connection.execute(f"SELECT {table}::text FROM {table}").fetchall()  # noqa: S608
        text = "".join(row for (row,) in rows)
        assert rows
        for secret in (token, key.partition(".")[2], PASSWORD):
            assert secret not in text
            assert secret.encode().hex() not in text


@pytest.mark.parametrize(
    "end",
    [
        "UPDATE sessions SET expires_at = now()",
        "UPDATE sessions SET seen_at = now() - interval '3 hours'",
        "UPDATE users SET disabled_at = now()",
    ],
)
async def test_a_session_that_no_longer_counts(database: Database, connection: psycopg.Connection, end: str) -> None:
    await added(database)
    token = await signed_in(database)
    connection.execute(end)
    assert await sign_in.who(database, token) is None


async def test_a_session_in_use_stays(database: Database, connection: psycopg.Connection) -> None:
    await added(database)
    token = await signed_in(database)
    connection.execute("UPDATE sessions SET seen_at = now() - interval '1 hour'")
    assert await sign_in.who(database, token) is not None
    assert connection.execute("SELECT now() - seen_at < interval '1 minute' FROM sessions").fetchone() == (True,)


async def test_expired_sessions_are_swept(database: Database, connection: psycopg.Connection) -> None:
    await added(database)
    kept = await signed_in(database)
    await signed_in(database)
    connection.execute(
        "UPDATE sessions SET expires_at = now() WHERE token_sha256 <> sha256(convert_to(%s, 'UTF8'))", (kept,)
    )
    async with database.transaction() as tx:
        await people.sweep_sessions(tx)
    assert connection.execute("SELECT count(*) FROM sessions").fetchone() == (1,)
    assert await sign_in.who(database, kept) is not None


async def test_a_new_password_or_a_closed_account_ends_the_sessions(
    database: Database, connection: psycopg.Connection
) -> None:
    await added(database)
    token = await signed_in(database)
    await sign_in.set_password(database, "anna", "another horse battery", actor=ADMINISTRATOR)
    assert await sign_in.who(database, token) is None
    assert await sign_in.sign_in(database, "anna", PASSWORD) is None
    token = await signed_in(database, "another horse battery")
    await sign_in.disable_user(database, "anna", actor=ADMINISTRATOR)
    assert await sign_in.who(database, token) is None
    assert await sign_in.sign_in(database, "anna", "another horse battery") is None
    assert audited(connection) == [
        "user.added",
        "user.signed_in",
        "user.password_set",
        "user.signed_in",
        "user.disabled",
    ]
    with pytest.raises(Refused):
        await sign_in.disable_user(database, "boris", actor=ADMINISTRATOR)


async def test_an_api_key(database: Database, connection: psycopg.Connection) -> None:
    key = await sign_in.add_api_key(database, clinic_code="c", name="mis", actor=ADMINISTRATOR)
    presented = await sign_in.which_key(database, key)
    assert presented is not None
    found, _ = presented
    assert (found.clinic_code, found.name, found.actor) == ("c", "mis", f"key:{found.key_id}")
    assert connection.execute("SELECT last_used_at IS NOT NULL FROM api_keys").fetchone() == (True,)
    await sign_in.revoke_api_key(database, found.key_id, actor=ADMINISTRATOR)
    assert await sign_in.which_key(database, key) is None
    with pytest.raises(Refused):
        await sign_in.revoke_api_key(database, found.key_id, actor=ADMINISTRATOR)
    assert audited(connection) == ["apikey.added", "apikey.revoked"]


@pytest.mark.parametrize("change", [lambda key: key[:-1], lambda key: "x" + key, lambda key: key.replace(".", ""),
                                    lambda _: "", lambda _: ".", lambda key: key + "\x00", lambda key: key + "é",
                                    lambda key: key.split(".")[0] + "."])  # fmt: skip
async def test_a_key_that_is_not_the_one(database: Database, change: object) -> None:
    assert callable(change)
    key = await sign_in.add_api_key(database, clinic_code="c", name="mis", actor=ADMINISTRATOR)
    assert await sign_in.which_key(database, change(key)) is None


@pytest.mark.parametrize("name", ["", " ", "x" * 65])
async def test_a_key_s_name_is_checked(database: Database, name: str) -> None:
    with pytest.raises(Refused):
        await sign_in.add_api_key(database, clinic_code="c", name=name, actor=ADMINISTRATOR)


async def test_idle_and_lifetime_are_the_callers(database: Database) -> None:
    await added(database)
    async with database.transaction() as tx:
        (user,) = await people.users(tx)
        token = await people.open_session(tx, user.user_id, lifetime=timedelta(0))
        assert await people.session(tx, token, idle=timedelta(hours=1)) is None
