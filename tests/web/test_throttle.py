"""Guesses at passwords are slowed down, by account and by address, and keep nobody out who is known."""

import asyncio
import logging
import re
from dataclasses import replace
from datetime import timedelta
from typing import Any

import httpx
import pytest
from argon2 import PasswordHasher, extract_parameters
from tests.peers import html, panel, person
from tests.peers.person import Person
from tests.web.conftest import BASE_URL, Site

from studypub.core.throttle import ACCOUNT, ADDRESS
from studypub.db import throttle
from studypub.errors import TooManyTries
from studypub.flows import passwords, sign_in


@pytest.fixture
async def peopled(site: Site) -> Site:
    await panel.add_people(site.database)
    return site


WRONG = "wrong"


async def attempt(somebody: Person, name: str, password: str = WRONG, address: str = "10.1.1.1") -> httpx.Response:
    fields = {"name": name, "password": password}
    return await somebody.client.post("/login", data=fields, headers={"X-Forwarded-For": address})


async def guesses(site: Site, name: str, number: int) -> None:
    """What is left behind by so many wrong guesses, each from an address of its own."""
    for _ in range(number):
        async with site.database.transaction() as tx:
            await throttle.spend(tx, replace(ACCOUNT, first=timedelta(0), longest=timedelta(0)), name)
    async with site.database.transaction() as tx:
        await throttle.spend(tx, ACCOUNT, name)


async def test_x23_after_some_wrong_passwords_one_waits(peopled: Site) -> None:
    somebody = person.stranger(peopled.app, BASE_URL)
    statuses = [(await attempt(somebody, "ivanova")).status_code for _ in range(ACCOUNT.free)]
    assert statuses == [401] * ACCOUNT.free
    refused = await attempt(somebody, "ivanova", panel.PASSWORD)
    assert refused.status_code == 429
    assert 1 <= int(refused.headers["retry-after"]) <= 2
    page = html.read(refused.text)
    assert "Слишком много попыток. Повторите через" in page.one(id="fault-password").text
    assert page.one("input", name="name").attributes["value"] == "ivanova"
    assert (await attempt(somebody, "admin", panel.PASSWORD)).status_code == 303  # another account is not concerned


async def test_x23_guesses_from_many_addresses_count_for_the_account(peopled: Site) -> None:
    await guesses(peopled, "ivanova", 8)
    refused = await attempt(person.stranger(peopled.app, BASE_URL), "ivanova", panel.PASSWORD, "10.77.0.1")
    assert refused.status_code == 429


async def test_x23_one_address_that_tries_many_accounts_waits(peopled: Site) -> None:
    async with peopled.database.transaction() as tx:
        for _ in range(ADDRESS.free):
            await throttle.spend(tx, ADDRESS, "10.1.1.1")
    somebody = person.stranger(peopled.app, BASE_URL)
    assert (await attempt(somebody, "admin", panel.PASSWORD)).status_code == 429
    assert (await attempt(somebody, "admin", panel.PASSWORD, "10.1.1.2")).status_code == 303


async def test_x23_whoever_has_signed_in_before_is_not_kept_out(peopled: Site) -> None:
    victim = await person.signed_in(peopled.app, BASE_URL, "ivanova")
    await victim.post("/logout")
    await guesses(peopled, "ivanova", 30)
    assert (await attempt(victim, "ivanova", panel.PASSWORD)).status_code == 303
    # The browser is known for this account, and for no other.
    await guesses(peopled, "admin", 30)
    assert (await attempt(victim, "admin", panel.PASSWORD)).status_code == 429


async def test_a_right_password_forgets_the_wrong_ones(peopled: Site) -> None:
    somebody = person.stranger(peopled.app, BASE_URL)
    for _ in range(3):
        for _ in range(ACCOUNT.free - 1):
            assert (await attempt(somebody, "ivanova")).status_code == 401
        assert (await attempt(person.stranger(peopled.app, BASE_URL), "ivanova", panel.PASSWORD)).status_code == 303


def _told(answer: httpx.Response) -> str:
    return re.sub(r"\d+", "N", html.read(answer.text).one(id="fault-password").text)


async def test_x24_an_account_that_is_not_there_is_told_like_one_that_is(peopled: Site) -> None:
    await sign_in.disable_user(peopled.database, panel.TVER_REGISTRATOR, actor="test")
    told: dict[str, list[Any]] = {}
    for name in ("ivanova", "nobody", panel.TVER_REGISTRATOR):
        somebody = person.stranger(peopled.app, BASE_URL)
        answers = [await attempt(somebody, name, address=f"10.2.0.{len(told)}") for _ in range(ACCOUNT.free + 1)]
        told[name] = [(answer.status_code, _told(answer)) for answer in answers]
    assert told["ivanova"] == told["nobody"] == told[panel.TVER_REGISTRATOR]


async def test_x24_as_much_is_hashed_for_nobody_as_for_somebody(peopled: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    verified: list[str] = []

    class Watched(PasswordHasher):
        def verify(self, hash: str | bytes, password: str | bytes) -> Any:  # noqa: A002 - as the library calls it
            verified.append(str(hash))
            return super().verify(hash, password)

    monkeypatch.setattr(passwords, "_hasher", Watched())
    for name in ("ivanova", "nobody"):
        assert await sign_in.sign_in(peopled.database, name, "wrong") is None
    assert len(verified) == 2
    nobodys, anybodys = passwords.NOBODY, await passwords.hashed("x")
    assert extract_parameters(nobodys) == extract_parameters(anybodys)
    assert len(nobodys) == len(anybodys)


async def test_x23_no_more_than_two_passwords_are_hashed_at_once_and_a_flood_is_turned_away() -> None:
    hash_ = await passwords.hashed("x")
    flood = [asyncio.ensure_future(passwords.fits(hash_, "y", patient=False)) for _ in range(60)]
    outcomes = await asyncio.gather(*flood, return_exceptions=True)
    turned_away = [outcome for outcome in outcomes if isinstance(outcome, TooManyTries)]
    assert len(turned_away) >= 20
    assert passwords._checks._max_workers == 2
    assert await passwords.fits(hash_, "x", patient=False)


async def test_x25_a_session_is_new_at_each_login_and_ends_the_one_before(peopled: Site) -> None:
    somebody = await person.signed_in(peopled.app, BASE_URL, "ivanova")
    name = "__Host-studypub_session"
    first = somebody.client.cookies[name]
    assert (await attempt(somebody, "ivanova", panel.PASSWORD)).status_code == 303
    assert somebody.client.cookies[name] != first
    other = person.stranger(peopled.app, BASE_URL)
    other.client.cookies.set(name, first)
    assert (await other.get("/queue")).status_code == 303
    # A session that somebody else has chosen is not taken over.
    other.client.cookies.set(name, "chosen" * 8)
    await attempt(other, "ivanova", panel.PASSWORD)
    assert "chosen" * 8 not in {cookie.value for cookie in other.client.cookies.jar if cookie.domain}


async def test_the_browsers_cookie_is_kept_from_scripts_and_other_sites(peopled: Site) -> None:
    response = await attempt(person.stranger(peopled.app, BASE_URL), "ivanova", panel.PASSWORD)
    kept = [line for line in response.headers.get_list("set-cookie") if "browser" in line]
    assert len(kept) == 1
    assert kept[0].startswith("__Host-studypub_browser=")
    assert {"HttpOnly", "Secure", "SameSite=strict", "Path=/"} <= {part.strip() for part in kept[0].split(";")}


async def test_a_failed_login_is_noted_with_its_client_and_without_what_was_typed(
    peopled: Site, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING, "studypub"):
        await attempt(person.stranger(peopled.app, BASE_URL), "my-password-by-mistake", "secret", "10.3.3.3")
    assert [record.details for record in caplog.records] == [{"client": "10.3.3.3"}]  # type: ignore[attr-defined]
    assert "mistake" not in caplog.text
