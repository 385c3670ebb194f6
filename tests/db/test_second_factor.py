"""What happens at the same instant: a code used by many, an account that changes while its password is checked."""

import asyncio
import re
from collections.abc import AsyncIterator

import psycopg
import pytest
from tests.peers import panel

from studypub.core import totp
from studypub.core.clinics import EVERY_CLINIC
from studypub.core.people import Role, User
from studypub.db import people, second_factors
from studypub.db.database import Database
from studypub.flows import enter_code, second_factor, sign_in
from studypub.flows.sign_in import Caller, CodeNeeded, SignedIn

AT_ONCE = 20


@pytest.fixture
async def wide(database_url: str) -> AsyncIterator[Database]:
    """A database that twenty can ask at once."""
    async with Database(database_url, size=AT_ONCE, name="wide", sees=EVERY_CLINIC) as database:
        yield database


async def step_now(database: Database) -> int:
    async with database.transaction() as tx:
        return totp.step_at(await tx.now())


async def owner(database: Database) -> tuple[User, str, list[str]]:
    """Return an account with a second factor, its secret and its recovery codes."""
    user = await panel.add_user(database, "anna", Role.ADMINISTRATOR, None)
    await second_factor.begin(database, user)
    offer = await second_factor.offered(database, user)
    assert offer
    first = totp.code(offer.secret, await step_now(database))
    return user, offer.secret, await second_factor.turn_on(database, user, first, session="")


async def halves(database: Database, user: User) -> list[tuple[str, Caller]]:
    """Return halves of sessions, each in a browser of its own that is known, so that none has to wait."""
    async with database.transaction() as tx:
        for number in range(AT_ONCE):
            await people.know_browser(tx, user.user_id, f"browser {number}")
        tokens = [
            await people.open_half_session(tx, user.user_id, lifetime=sign_in.HALF_LIFETIME) for _ in range(AT_ONCE)
        ]
    return [(token, Caller(browser=f"browser {number}")) for number, token in enumerate(tokens)]


@pytest.mark.parametrize("kind", ["recovery code", "code"])
async def test_of_twenty_that_enter_one_code_one_comes_in(wide: Database, kind: str) -> None:
    user, secret, codes = await owner(wide)
    typed = codes[0] if kind == "recovery code" else totp.code(secret, await step_now(wide) + 1)
    tries = [enter_code.enter(wide, half, typed, caller) for half, caller in await halves(wide, user)]
    outcomes = await asyncio.gather(*tries)
    assert [isinstance(one, SignedIn) for one in outcomes].count(True) == 1
    assert outcomes.count(None) == AT_ONCE - 1
    async with wide.transaction() as tx:
        assert await second_factors.recovery_codes_left(tx, user.user_id) == len(codes) - (kind == "recovery code")


async def test_one_half_makes_one_session_whatever_codes_come(wide: Database) -> None:
    user, _, codes = await owner(wide)
    half, caller = (await halves(wide, user))[0]
    outcomes = await asyncio.gather(
        *(enter_code.enter(wide, half, code, caller) for code in codes[:4]), return_exceptions=True
    )
    assert [isinstance(one, SignedIn) for one in outcomes].count(True) == 1
    assert None not in outcomes  # whose code would be used up
    async with wide.transaction() as tx:
        assert await second_factors.recovery_codes_left(tx, user.user_id) == len(codes) - 1


async def until_it_waits(connection: psycopg.Connection) -> None:
    """Return once somebody waits for a row that another transaction holds."""
    async with asyncio.timeout(20):
        waiting = "SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
        while connection.execute(waiting).fetchone() is None:  # noqa: ASYNC110 - nothing tells of it
            await asyncio.sleep(0)


async def test_a_password_that_was_right_before_does_not_go_past_a_new_second_factor(
    wide: Database, connection: psycopg.Connection
) -> None:
    user = await panel.add_user(wide, "anna", Role.ADMINISTRATOR, None)
    async with wide.transaction() as tx:
        await people.locked(tx, user.user_id)
        entering = asyncio.create_task(sign_in.sign_in(wide, "anna", panel.PASSWORD))
        await until_it_waits(connection)
        assert await second_factors.offer(tx, user.user_id, totp.new_secret())
        await second_factors.turn_on(tx, user.user_id)
        await people.end_sessions(tx, user.user_id)
    assert isinstance(await entering, CodeNeeded)


async def test_a_new_password_ends_what_the_old_one_is_about_to_open(
    wide: Database, connection: psycopg.Connection
) -> None:
    user = await panel.add_user(wide, "anna", Role.ADMINISTRATOR, None)
    async with wide.transaction() as tx:
        await people.locked(tx, user.user_id)
        entering = asyncio.create_task(sign_in.sign_in(wide, "anna", panel.PASSWORD))
        await until_it_waits(connection)
        await people.set_password(tx, user.user_id, "$argon2id$another")
    assert await entering is None


async def test_what_the_database_keeps(wide: Database, connection: psycopg.Connection) -> None:
    _, secret, codes = await owner(wide)
    kept = str(connection.execute("SELECT * FROM recovery_codes").fetchall())
    assert not any(re.search(totp.tidied(code), kept) for code in codes)
    told = str(connection.execute("SELECT * FROM audit_log").fetchall())
    assert "user.second_factor_on" in told
    assert secret not in told
