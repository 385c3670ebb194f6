"""Sessions, roles and forms: who comes in, and whose forms count."""

import logging
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from typing import Any, cast

import httpx
import msgspec
import pytest
from litestar import Litestar, Request, Response, get, post
from tests.peers import panel as people
from tests.peers import person
from tests.peers.postgres import PostgresPeer
from tests.web.conftest import BASE_URL, Site, open_site

from studypub.config import Server
from studypub.core.people import Role
from studypub.db import people as accounts
from studypub.flows import sign_in
from studypub.web import cookies, guards
from studypub.web.app import create_app
from studypub.web.given import GivenSession

COOKIE = "__Host-studypub_session"
PASSWORD = "correct horse battery"


@get("/panel", guards=[guards.signed_in])
async def panel(session: GivenSession) -> dict[str, str]:
    return {"name": session.user.name, "csrf": session.csrf_token}


@post("/panel", guards=[guards.signed_in, guards.csrf])
async def change(request: Request[Any, Any, Any]) -> dict[str, Any]:
    return dict(await request.form())


@get("/settings", guards=[guards.administrator])
async def administration() -> str:
    return "settings"


@post("/door", guards=[guards.same_origin])
async def door() -> Response[str]:
    return Response("in", cookies=[cookies.session(Server(public_url=BASE_URL), "token")])


@dataclass
class Panel:
    site: Site
    app: Litestar
    tokens: dict[Role, str]

    async def ask(self, method: str, path: str, role: Role | None = Role.REGISTRATOR, **more: Any) -> httpx.Response:
        cookies = {COOKIE: self.tokens[role]} if role else None
        transport = httpx.ASGITransport(cast("Any", self.app))
        async with httpx.AsyncClient(transport=transport, base_url=BASE_URL, cookies=cookies) as client:
            return await client.request(method, path, **more)

    async def csrf_token(self) -> str:
        return str((await self.ask("GET", "/panel")).json()["csrf"])


@pytest.fixture(scope="session")
async def panel_site(
    postgres_server: PostgresPeer, schema: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Panel]:
    """A site with people for the tests that change nothing of it."""
    async with open_site(postgres_server, schema, tmp_path_factory.mktemp("panel")) as site:
        yield await _open_panel(site)


async def _open_panel(site: Site) -> Panel:
    app = create_app(site.parts)
    for handler in (panel, change, administration, door):
        app.register(handler)
    tokens = {}
    for role in Role:
        await sign_in.add_user(site.database, role.value, role, PASSWORD, clinic_code=None, actor="test")
        signed_in = await sign_in.sign_in(site.database, role.value, PASSWORD)
        assert isinstance(signed_in, sign_in.SignedIn)
        tokens[role] = signed_in.session
    return Panel(site, app, tokens)


async def test_whoever_is_signed_in_comes_in(panel_site: Panel) -> None:
    assert (await panel_site.ask("GET", "/panel")).json()["name"] == "registrator"


@pytest.mark.parametrize(
    ("path", "login"),
    [
        ("/panel", "/login?next=/panel"),
        ("/panel?sort=size&page=2", "/login?next=/panel%3Fsort%3Dsize%26page%3D2"),
        ("/settings", "/login?next=/settings"),
    ],
)
async def test_everybody_else_is_led_to_the_login_and_back(panel_site: Panel, path: str, login: str) -> None:
    response = await panel_site.ask("GET", path, None)
    assert (response.status_code, response.headers["location"]) == (303, login)


async def test_a_form_sent_after_the_session_has_ended_leads_to_the_login(panel_site: Panel) -> None:
    response = await panel_site.ask("POST", "/panel", None, data={"a": "b"})
    assert (response.status_code, response.headers["location"]) == (303, "/login?next=/")


@pytest.mark.parametrize(
    ("current", "login"),
    [
        (f"{BASE_URL}/panel", "/login?next=/panel"),
        ("https://evil.example//evil.example", "/login?next=/"),
        ("", "/login?next=/"),
    ],
)
async def test_x35_a_fragment_leads_its_whole_page_there(panel_site: Panel, current: str, login: str) -> None:
    headers = {"HX-Request": "true", "HX-Current-URL": current}
    response = await panel_site.ask("GET", "/panel", None, headers=headers)
    assert (response.status_code, response.headers["hx-redirect"]) == (401, login)


async def test_x25_a_session_ends_with_signing_out_and_with_the_account(site: Site) -> None:
    panel_site = await _open_panel(site)
    await sign_in.sign_out(panel_site.site.database, panel_site.tokens[Role.REGISTRATOR])
    assert (await panel_site.ask("GET", "/panel")).status_code == 303
    assert (await panel_site.ask("GET", "/settings", Role.ADMINISTRATOR)).status_code == 200
    await sign_in.disable_user(panel_site.site.database, "administrator", actor="test")
    assert (await panel_site.ask("GET", "/settings", Role.ADMINISTRATOR)).status_code == 303


async def test_x38_what_a_form_does_not_ask_for_is_not_taken(site: Site) -> None:
    await people.add_people(site.database)
    await people.add_user(site.database, "local", Role.ADMINISTRATOR, "f_Tver")
    registrator = await person.signed_in(site.app, BASE_URL, people.REGISTRATOR)
    asked = {"patient_id": "1", "accession_number": "A1"}
    assert (await registrator.post("/publish/new", **asked, clinic_code="f_Tver")).status_code == 422
    await registrator.post("/publish/new", **asked, role="administrator", user_id="1", status="COMPLETED")
    assert (await registrator.get("/admin/users")).status_code == 403
    local = await person.signed_in(site.app, BASE_URL, "local")
    for clinic in ("", "f_Khimki"):
        fields = {"name": f"new{clinic}", "role": "administrator", "password": PASSWORD, "clinic_code": clinic}
        assert (await local.post("/admin/users", **fields)).status_code == 303
    async with site.database.transaction() as tx:
        clinics = {user.name: user.clinic_code for user in await accounts.users(tx)}
    assert clinics["new"] == clinics["newf_Khimki"] == "f_Tver"
    for extra in ({"role": "administrator"}, {"status": "COMPLETED"}, {"clinic_id": 1}, {"requested_by": "x"}):
        assert (await site.post({**asked, **extra})).status_code == 422


async def test_x38_a_registrator_is_no_administrator(panel_site: Panel) -> None:
    response = await panel_site.ask("GET", "/settings")
    assert response.status_code == 403
    assert "только администратор" in response.text


async def test_a_form_with_the_sessions_token_counts(panel_site: Panel) -> None:
    token = await panel_site.csrf_token()
    fields = {"csrf_token": token, "note": "Жук"}
    response = await panel_site.ask("POST", "/panel", data=fields)
    assert (response.status_code, response.json()) == (201, fields)
    response = await panel_site.ask("POST", "/panel", data={"note": "x"}, headers={"X-CSRF-Token": token})
    assert response.status_code == 201


@pytest.mark.parametrize(
    "sent",
    [
        {},
        {"data": {"note": "x"}},
        {"data": {"csrf_token": ""}},
        {"data": {"csrf_token": "0" * 43}},
        {"headers": {"X-CSRF-Token": "0" * 43}},
        {"json": {"csrf_token": "TOKEN"}},
        {"content": b"csrf_token=TOKEN", "headers": {"Content-Type": "text/plain"}},
        {"params": {"csrf_token": "TOKEN"}},
        {"files": {"csrf_token": (None, b"TOKEN")}},
        {"files": {"csrf_token": ("name", b"TOKEN")}},
    ],
)
async def test_x27_a_form_without_it_does_not(panel_site: Panel, sent: dict[str, Any]) -> None:
    token = await panel_site.csrf_token()
    filled = _with_token(sent, token)
    assert (await panel_site.ask("POST", "/panel", **filled)).status_code == 403


def _with_token(value: Any, token: str) -> Any:
    match value:
        case dict():
            return {name: _with_token(part, token) for name, part in value.items()}
        case tuple():
            return tuple(_with_token(part, token) for part in value)
        case bytes():
            return value.replace(b"TOKEN", token.encode())
        case _:
            return token if value == "TOKEN" else value


async def test_x27_another_persons_token_does_not_count(panel_site: Panel) -> None:
    token = await panel_site.csrf_token()
    response = await panel_site.ask("POST", "/panel", Role.ADMINISTRATOR, data={"csrf_token": token})
    assert response.status_code == 403


ORIGINS = [
    ({}, True),
    ({"Sec-Fetch-Site": "same-origin"}, True),
    ({"Sec-Fetch-Site": "none"}, True),
    ({"Sec-Fetch-Site": "cross-site"}, False),
    ({"Sec-Fetch-Site": "same-site"}, False),
    ({"Sec-Fetch-Site": "cross-site", "Origin": BASE_URL}, False),
    ({"Origin": BASE_URL}, True),
    ({"Origin": "http://127.0.0.1:8080", "Host": "127.0.0.1:8080"}, True),
    ({"Origin": "https://evil.example"}, False),
    ({"Origin": f"{BASE_URL}.evil.example"}, False),
    ({"Origin": "null"}, False),
    ({"Origin": ""}, False),
]


@pytest.mark.parametrize(("headers", "admitted"), ORIGINS)
async def test_x27_other_sites_forms_do_not_count(panel_site: Panel, headers: dict[str, str], admitted: bool) -> None:
    at_the_door = await panel_site.ask("POST", "/door", None, headers=headers)
    token = await panel_site.csrf_token()
    inside = await panel_site.ask("POST", "/panel", headers={**headers, "X-CSRF-Token": token})
    assert [at_the_door.status_code, inside.status_code] == ([201, 201] if admitted else [403, 403])


async def test_the_cookie_is_kept_from_scripts_other_sites_and_plain_http(panel_site: Panel) -> None:
    response = await panel_site.ask("POST", "/door", None)
    name, _, rest = response.headers["set-cookie"].partition("=")
    attributes = {part.strip().partition("=")[0].lower() for part in rest.split(";")[1:]}
    assert name == COOKIE
    assert {"httponly", "secure", "path", "samesite", "max-age"} == attributes
    assert "SameSite=lax" in rest
    assert "Path=/;" in rest


async def test_without_tls_the_cookie_has_its_plain_name(panel_site: Panel) -> None:
    config = msgspec.structs.replace(panel_site.site.parts.config, server=Server())
    app = create_app(replace(panel_site.site.parts, config=config))
    app.register(panel)
    kept = {"studypub_session": panel_site.tokens[Role.REGISTRATOR]}
    transport = httpx.ASGITransport(cast("Any", app))
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8080", cookies=kept) as client:
        assert (await client.get("/panel")).status_code == 200
    assert cookies.session(config.server, "x").secure is False


@pytest.mark.parametrize(
    ("headers", "client"),
    [({}, "127.0.0.1"), ({"X-Forwarded-For": "1.1.1.1, 203.0.113.9"}, "203.0.113.9")],
)
async def test_a_refused_key_is_noted_with_its_client(
    steady_site: Site, caplog: pytest.LogCaptureFixture, headers: dict[str, str], client: str
) -> None:
    with caplog.at_level(logging.WARNING, "studypub"):
        await steady_site.client.get("/publish", headers={"Authorization": "Bearer wrong", **headers})
    assert [getattr(record, "details", None) for record in caplog.records] == [{"client": client}]
