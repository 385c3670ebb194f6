"""Accounts with a second factor: set up, signed in with, lost, and required."""

from dataclasses import replace
from datetime import timedelta

import httpx
import msgspec
import pytest
from tests.peers import html, panel, person
from tests.peers.person import Person
from tests.web import matrix
from tests.web.conftest import BASE_URL, Site
from tests.web.test_access import SAFE, address

from studypub.core import totp
from studypub.core.throttle import CODE
from studypub.db import audit
from studypub.flows import sign_in
from studypub.web.app import create_app

HALF, SESSION = "__Host-studypub_half", "__Host-studypub_session"


@pytest.fixture
async def peopled(site: Site) -> Site:
    await panel.add_people(site.database)
    return site


async def code(site: Site, secret: str, off: int = 0) -> str:
    """Return the code that a phone shows now; `off`: one whose clock is that many steps fast."""
    async with site.database.transaction() as tx:
        return totp.code(secret, totp.step_at(await tx.now()) + off)


async def send(somebody: Person, path: str, **fields: str) -> httpx.Response:
    """Send a form with the token of the page about security."""
    token = (await somebody.page("/security")).all("input", name="csrf_token")[0].attributes["value"]
    return await somebody.client.post(path, data={"csrf_token": token, **fields})


async def turned_on(site: Site, somebody: Person) -> tuple[str, list[str]]:
    """Turn it on and return the secret and the recovery codes."""
    assert (await send(somebody, "/security")).headers["location"] == "/security/totp"
    secret = "".join((await somebody.page("/security/totp")).one(data_field="secret").text.split())
    response = await send(somebody, "/security/totp", code=await code(site, secret))
    assert response.status_code == 200, response.text
    return secret, [one.text for one in html.read(response.text).all("code", data_field="recovery")]


async def half(site: Site, name: str = "ivanova", browser: Person | None = None) -> Person:
    """Return somebody who has entered the right password."""
    somebody = browser or person.stranger(site.app, BASE_URL)
    fields = {"name": name, "password": panel.PASSWORD, "next": "/studies"}
    response = await somebody.client.post("/login", data=fields)
    assert response.headers["location"] == "/login/code?next=/studies", response.text
    return somebody


async def enter(somebody: Person, typed: str) -> httpx.Response:
    fields = {"code": typed, "next": "/studies"}
    return await somebody.client.post("/login/code", data=fields, headers={"X-Forwarded-For": "10.1.1.1"})


async def audited(site: Site) -> list[str]:
    async with site.database.transaction() as tx:
        return [entry.action for entry in await audit.newest(tx, limit=50, offset=0)]


async def test_it_counts_once_a_first_code_was_entered(peopled: Site) -> None:
    owner = await person.signed_in(peopled.app, BASE_URL, "ivanova")
    elsewhere = await person.signed_in(peopled.app, BASE_URL, "ivanova")
    assert (await owner.get("/security/totp")).headers["location"] == "/security"
    await send(owner, "/security")
    page = await owner.page("/security/totp")
    assert page.one("img").attributes["src"].startswith("data:image/svg+xml")
    assert (await send(owner, "/security/totp", code="000000")).status_code == 422
    await person.signed_in(peopled.app, BASE_URL, "ivanova")  # the password is still enough
    secret, codes = await turned_on(peopled, owner)
    assert len(set(codes)) == 10
    # Sessions that the password alone has opened end, but for the one at hand.
    assert (await owner.get("/queue")).status_code == 200
    assert (await elsewhere.get("/queue")).status_code == 303
    for again in ("/security/totp", "/security"):
        text = (await owner.get(again)).text
        assert secret[:4] not in text
        assert codes[0] not in text
    assert (await send(owner, "/security")).status_code == 409
    assert (await audited(peopled))[0] == "user.second_factor_on"


async def test_the_password_alone_opens_nothing(peopled: Site) -> None:
    secret, _ = await turned_on(peopled, await person.signed_in(peopled.app, BASE_URL, "ivanova"))
    somebody = await half(peopled)
    assert SESSION not in somebody.client.cookies
    assert (await somebody.get("/queue")).headers["location"].startswith("/login")
    somebody.client.cookies.set(SESSION, somebody.client.cookies[HALF])
    for path in ("/queue", "/security", "/security/totp"):
        assert (await somebody.get(path)).headers["location"].startswith("/login?next=")
    # Nor does a code, in another browser.
    fresh = await code(peopled, secret, 1)
    assert (await enter(person.stranger(peopled.app, BASE_URL), fresh)).headers["location"] == "/login"
    somebody = await half(peopled)
    page = await somebody.page("/login/code?next=/studies")
    assert [one.attributes["name"] for one in page.all("input") if "autofocus" in one.attributes] == ["code"]
    response = await enter(somebody, fresh)
    assert response.headers["location"] == "/studies"
    assert (await somebody.get("/queue")).status_code == 200
    assert (await audited(peopled))[0] == "user.signed_in"


async def test_the_first_page_tells_no_more_than_without(peopled: Site) -> None:
    told = []
    for name in ("ivanova", "ivanova", "nobody"):
        response = await person.stranger(peopled.app, BASE_URL).client.post(
            "/login", data={"name": name, "password": "x"}
        )
        told.append((response.status_code, response.headers.get("set-cookie"), response.text.replace(name, "")))
        if len(told) == 1:
            await turned_on(peopled, await person.signed_in(peopled.app, BASE_URL, name))
    assert told[0] == told[1] == told[2]


async def test_half_a_session_is_bound_to_its_browser_and_to_its_password(peopled: Site) -> None:
    secret, _ = await turned_on(peopled, await person.signed_in(peopled.app, BASE_URL, "ivanova"))
    response = await person.stranger(peopled.app, BASE_URL).client.post(
        "/login", data={"name": "ivanova", "password": panel.PASSWORD}
    )
    kept = {part.strip() for part in response.headers["set-cookie"].split(";")}
    assert {"HttpOnly", "Secure", "SameSite=strict", "Path=/", "Max-Age=300"} <= kept
    somebody = await half(peopled)
    await sign_in.set_password(peopled.database, "ivanova", "another horse battery", actor="test")
    assert (await enter(somebody, await code(peopled, secret, 1))).headers["location"] == "/login"
    assert (await somebody.get("/login/code")).headers["location"] == "/login"
    foreign = {"Sec-Fetch-Site": "cross-site"}
    assert (await somebody.client.post("/login/code", data={}, headers=foreign)).status_code == 403


async def test_half_a_session_ends_soon(peopled: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    secret, _ = await turned_on(peopled, await person.signed_in(peopled.app, BASE_URL, "ivanova"))
    somebody = person.stranger(peopled.app, BASE_URL)
    monkeypatch.setattr(sign_in, "HALF_LIFETIME", timedelta(0))
    over = await sign_in.sign_in(peopled.database, "ivanova", panel.PASSWORD)
    assert isinstance(over, sign_in.CodeNeeded)
    somebody.client.cookies.set(HALF, over.half)
    assert (await enter(somebody, await code(peopled, secret, 1))).headers["location"] == "/login"


async def test_a_code_is_accepted_once(peopled: Site) -> None:
    owner = await person.signed_in(peopled.app, BASE_URL, "ivanova")
    await send(owner, "/security")
    secret = "".join((await owner.page("/security/totp")).one(data_field="secret").text.split())
    first = await code(peopled, secret)
    assert (await send(owner, "/security/totp", code=first)).status_code == 200
    assert (await enter(await half(peopled), first)).status_code == 401
    # The clock of a phone may be fast by a step; whoever reads that code over a shoulder comes too late.
    fast = await code(peopled, secret, 1)
    assert (await enter(await half(peopled), f"{fast[:3]} {fast[3:]}")).status_code == 303
    refused = await enter(await half(peopled), fast)
    assert refused.status_code == 401
    assert "Код не подошёл" in html.read(refused.text).one(id="fault-code").text
    assert fast not in refused.text


async def test_a_recovery_code_stands_in_once(peopled: Site) -> None:
    _, codes = await turned_on(peopled, await person.signed_in(peopled.app, BASE_URL, "ivanova"))
    somebody = await half(peopled)
    assert (await enter(somebody, codes[3].upper().replace("-", " "))).status_code == 303
    assert (await audited(peopled))[:2] == ["user.signed_in", "user.recovery_code_used"]
    assert (await somebody.page("/security")).one(data_field="left").text == "9"
    assert (await enter(await half(peopled), codes[3])).status_code == 401
    renewed = await send(somebody, "/security/codes", code=codes[4])
    fresh = [one.text for one in html.read(renewed.text).all("code", data_field="recovery")]
    assert len(fresh) == 10
    assert (await enter(await half(peopled), codes[5])).status_code == 401
    assert (await enter(await half(peopled), fresh[5])).status_code == 303
    assert "user.recovery_codes_renewed" in await audited(peopled)


async def test_guesses_at_codes_wait_and_keep_no_known_browser_out(peopled: Site) -> None:
    owner = await person.signed_in(peopled.app, BASE_URL, "ivanova")
    secret, codes = await turned_on(peopled, owner)
    stranger = await half(peopled)
    assert [(await enter(stranger, "000000")).status_code for _ in range(CODE.free)] == [401] * CODE.free
    refused = await enter(stranger, codes[0])
    assert refused.status_code == 429
    assert int(refused.headers["retry-after"]) >= 1
    # The right password again, in another browser too, grants no further tries.
    assert (await enter(await half(peopled), codes[0])).status_code == 429
    await owner.post("/logout")
    assert (await enter(await half(peopled, browser=owner), await code(peopled, secret, 1))).status_code == 303


@pytest.mark.parametrize("typed", ["", "\0" * 16, "%ED%A0%80" * 16, "9" * 400_000, "一二三四五六", "' OR 1=1 --"])
async def test_whatever_is_typed_is_a_wrong_code(peopled: Site, typed: str) -> None:
    await turned_on(peopled, await person.signed_in(peopled.app, BASE_URL, "ivanova"))
    somebody = await half(peopled)
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    body = f"code={typed}".encode()
    assert (await somebody.client.post("/login/code", content=body, headers=headers)).status_code == 401


async def test_turning_it_off_takes_the_password_and_a_code(peopled: Site) -> None:
    owner = await person.signed_in(peopled.app, BASE_URL, "ivanova")
    _, codes = await turned_on(peopled, owner)
    wrong = await send(owner, "/security/off", password="wrong", code=codes[0])
    assert "Пароль не подошёл" in html.read(wrong.text).one(id="fault-password").text
    wrong = await send(owner, "/security/off", password=panel.PASSWORD, code="000000")
    assert "Код не подошёл" in html.read(wrong.text).one(id="fault-code").text
    response = await send(owner, "/security/off", password=panel.PASSWORD, code=codes[0])  # which was not used up
    assert response.headers["location"] == "/security"
    await person.signed_in(peopled.app, BASE_URL, "ivanova")
    assert "user.second_factor_off" in await audited(peopled)
    assert (await send(owner, "/security/off", password=panel.PASSWORD, code=codes[1])).status_code == 422
    assert (await owner.get("/security/off")).headers["location"] == "/security"


async def test_guesses_within_a_session_wait(peopled: Site) -> None:
    owner = await person.signed_in(peopled.app, BASE_URL, "ivanova")
    await turned_on(peopled, owner)
    statuses = [
        (await send(owner, path, password=panel.PASSWORD, code="000000")).status_code
        for path in ("/security/off", "/security/codes") * 3
    ]
    assert statuses == [422] * CODE.free + [429]


async def test_an_administrator_resets_anothers(peopled: Site) -> None:
    owner = await person.signed_in(peopled.app, BASE_URL, "ivanova")
    administrator = await person.signed_in(peopled.app, BASE_URL, "admin")
    path = "/admin/users/{}/second-factor"
    assert (await administrator.post(path.format("ivanova"))).status_code == 409  # there is none
    await turned_on(peopled, owner)
    await turned_on(peopled, administrator)
    row = (await administrator.rows("/admin/users", "name"))["ivanova"]
    assert row.one(data_field="second-factor").text == "с кодом"
    assert "ivanova" in (await administrator.page(path.format("ivanova"))).one("main").text
    assert (await administrator.post(path.format("ivanova"))).headers["location"] == "/admin/users"
    assert (await owner.get("/queue")).status_code == 303
    await person.signed_in(peopled.app, BASE_URL, "ivanova")
    assert (await audited(peopled))[1] == "user.second_factor_reset"
    assert (await administrator.post(path.format("admin"))).status_code == 409
    assert (await administrator.get("/queue")).status_code == 200


def requiring(site: Site, whom: str) -> Site:
    """Return the same site where a second factor is required of some."""
    server = msgspec.structs.replace(site.parts.config.server, require_totp=whom)
    parts = replace(site.parts, config=msgspec.structs.replace(site.parts.config, server=server))
    return replace(site, app=create_app(parts), parts=parts)


async def test_whoever_lacks_what_is_required_may_set_it_up_and_nothing_else(peopled: Site) -> None:
    site = requiring(peopled, "administrators")
    await person.signed_in(site.app, BASE_URL, "ivanova")
    assert (await (await person.signed_in(site.app, BASE_URL, "ivanova")).get("/queue")).status_code == 200
    owner = await person.signed_in(site.app, BASE_URL, "admin")
    session = (await owner.page("/security")).all("input", name="csrf_token")[0].attributes["value"]
    open_to_all = {"/security", "/security/totp", "/logout"}
    for route, letters in matrix.ROUTES.items():
        method, path = route.split()
        if not letters.startswith("L") or path in open_to_all:
            continue
        headers = {"X-CSRF-Token": session}
        response = await owner.client.request(method, address(path), headers=headers)
        assert (response.status_code, response.headers.get("location")) == (303, "/security"), route
        if method in SAFE and path == "/queue/lines":
            response = await owner.get(path, **{"HX-Request": "true"})
            assert response.headers["hx-redirect"] == "/security"
    page = await owner.page("/security")
    assert page.all(href="/queue") == page.all("nav") == []
    secret, _ = await turned_on(site, owner)
    assert (await owner.get("/queue")).status_code == 200
    assert (await owner.page("/security")).all(href="/security/off") == []
    refused = await send(owner, "/security/off", password=panel.PASSWORD, code=await code(site, secret, 1))
    assert refused.status_code == 409


async def test_everybody_may_be_required_and_sign_out_all_the_same(peopled: Site) -> None:
    site = requiring(peopled, "everybody")
    owner = await person.signed_in(site.app, BASE_URL, "ivanova")
    assert (await owner.get("/queue")).headers["location"] == "/security"
    assert (await send(owner, "/logout")).headers["location"] == "/login"
    assert (await owner.get("/security")).headers["location"].startswith("/login")
