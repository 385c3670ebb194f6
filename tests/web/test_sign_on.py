"""Signing in with a provider of OpenID Connect, a real one on loopback, and everything that it must not open."""

import asyncio
import hmac
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx
import msgspec
import pytest
from tests.peers import html, panel, person, provider
from tests.peers.person import Person
from tests.peers.postgres import PostgresPeer
from tests.peers.provider import CLIENT_ID, CLIENT_SECRET, Claims, Provider, providing, raw
from tests.web.conftest import BASE_URL, KHIMKI, TVER, Site, open_site

from studypub.config import Oidc, Server
from studypub.core.people import Role, User
from studypub.db import audit, people
from studypub.db.audit import Entry
from studypub.flows import sign_in

BACK = f"{BASE_URL}/login/oidc/callback"
ROLES = {"studypub-admin": "administrator", "studypub-registrator": "registrator"}
IVANOVA: Claims = {
    "sub": "8d3f",
    "preferred_username": "ivanova",
    "realm_access": {"roles": ["offline_access", "studypub-registrator"]},
    "groups": ["khimki"],
}


def settings(issuer: str, **more: Any) -> Oidc:
    table = {
        "issuer": issuer,
        "client_id": CLIENT_ID,
        "client_secret": CLIENT_SECRET,
        "roles": ROLES,
        "clinic_claim": "groups",
        "clinics": {"khimki": KHIMKI, "tver": TVER, "all": "*"},
    }
    return msgspec.convert({**table, **more}, Oidc)


@pytest.fixture(scope="module")
def running() -> Iterator[Provider]:
    with providing(BACK) as one:
        yield one


@pytest.fixture
def idp(running: Provider) -> Provider:
    running.person, running.metadata, running.forge = dict(IVANOVA), {}, None
    return running


OpenSite = Callable[..., Awaitable[Site]]


@pytest.fixture
async def open_one(postgres_server: PostgresPeer, schema: str, tmp_path: Path) -> AsyncIterator[OpenSite]:
    """Return the function that opens a site with these sections."""
    async with AsyncExitStack() as stack:

        async def one(**sections: object) -> Site:
            return await stack.enter_async_context(open_site(postgres_server, schema, tmp_path, **sections))

        yield one


@pytest.fixture(scope="module")
async def steady_known(
    postgres_server: PostgresPeer, schema: str, running: Provider, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Site]:
    """One for tests that leave nothing that the next would mind."""
    folder = tmp_path_factory.mktemp("steady")
    async with open_site(postgres_server, schema, folder, oidc=settings(running.issuer)) as opened:
        yield opened


@pytest.fixture
async def known(open_one: OpenSite, idp: Provider) -> Site:
    return await open_one(oidc=settings(idp.issuer))


async def led(somebody: Person, going_to: str = "/studies?q=1") -> httpx.Response:
    """Press the button."""
    return await somebody.get(f"/login/oidc?next={going_to}")


async def brought(led_to: httpx.Response) -> str:
    """Go to the provider, and return the path that it leads back to."""
    async with httpx.AsyncClient() as client:
        back = (await client.get(led_to.headers["location"])).headers["location"]
    assert back.startswith(BACK)
    return str(back.removeprefix(BASE_URL))


async def come(site: Site, somebody: Person | None = None) -> tuple[Person, httpx.Response]:
    somebody = somebody or person.stranger(site.app, BASE_URL)
    return somebody, await somebody.get(await brought(await led(somebody)))


async def account(site: Site, name: str) -> User:
    async with site.database.transaction() as tx:
        found = await people.user_and_hash(tx, name)
    assert found is not None
    return found[0]


async def entries(site: Site, action: str) -> list[Entry]:
    async with site.database.transaction() as tx:
        return [entry for entry in await audit.newest(tx, limit=50, offset=0) if entry.action == action]


async def test_the_first_time_makes_an_account_without_a_password_and_leads_on(known: Site, idp: Provider) -> None:
    somebody, response = await come(known)
    assert (response.status_code, response.headers["location"]) == (303, "/studies?q=1")
    made = [cookie for cookie in response.headers.get_list("set-cookie") if "studypub_session" in cookie]
    assert all(word in made[0] for word in ("__Host-", "HttpOnly", "Secure", "SameSite=lax"))
    assert (await somebody.get("/queue")).status_code == 200
    user = await account(known, "ivanova")
    assert (user.role, user.clinic_code, user.issuer) == (Role.REGISTRATOR, KHIMKI, idp.issuer)
    assert [entry.subject for entry in await entries(known, "user.signed_in")] == ["ivanova"]
    assert [entry.details for entry in await entries(known, "user.added")] == [
        {"role": "registrator", "clinic_code": KHIMKI}
    ]
    attempt = await person.stranger(known.app, BASE_URL).client.post(
        "/login", data={"name": "ivanova", "password": "x"}
    )
    assert attempt.status_code == 401


async def test_the_first_time_twice_at_once_makes_one_account(known: Site) -> None:
    both = await asyncio.gather(come(known), come(known))
    assert [response.status_code for _, response in both] == [303, 303]
    assert len(await entries(known, "user.added")) == 1


async def test_what_is_asked_is_bound_to_the_browser(steady_known: Site, idp: Provider) -> None:
    del idp
    somebody = person.stranger(steady_known.app, BASE_URL)
    response = await led(somebody)
    asked = dict(parse_qsl(urlsplit(response.headers["location"]).query))
    assert asked["response_type"] == "code"
    assert asked["code_challenge_method"] == "S256"
    assert asked["redirect_uri"] == BACK
    assert len({asked["state"], asked["nonce"], asked["code_challenge"]}) == 3
    cookie = response.headers["set-cookie"]
    assert all(word in cookie for word in ("__Host-", "HttpOnly", "Secure", "SameSite=lax", "Max-Age=600"))
    assert asked["state"] not in cookie


async def test_role_and_clinic_are_what_the_provider_says_each_time(known: Site, idp: Provider) -> None:
    await come(known)
    idp.person |= {"realm_access": {"roles": list(ROLES)}, "groups": ["khimki", "all"], "preferred_username": "petrova"}
    await come(known)
    user = await account(known, "ivanova")
    assert (user.role, user.clinic_code) == (Role.ADMINISTRATOR, None)
    assert [entry.details for entry in await entries(known, "user.role_set")] == [
        {"role": "administrator", "clinic_code": None}
    ]


async def test_an_account_with_a_password_is_nobody_elses(known: Site, idp: Provider) -> None:
    await panel.add_people(known.database)
    idp.person |= {"preferred_username": "Admin", "sub": "other"}
    somebody, response = await come(known)
    assert response.status_code == 303
    async with known.database.transaction() as tx:
        made = await people.known_user(tx, idp.issuer, "other")
    assert made is not None
    assert made.name.startswith("Admin.")
    assert (await somebody.get("/admin/users")).status_code == 403


HOMELESS: dict[str, list[Claims]] = {
    "no_role": [{"realm_access": {"roles": ["offline_access"]}}, {"realm_access": {"roles": "x"}}, {"realm_access": 1}],
    "no_clinic": [{"groups": ["elsewhere"]}],
    "several_clinics": [{"groups": ["khimki", "tver"]}],
}


async def test_whoever_has_no_place_here_is_told_so_and_their_sessions_end(known: Site, idp: Provider) -> None:
    for reason, claims in ((reason, one) for reason, several in HOMELESS.items() for one in several):
        idp.person = dict(IVANOVA)
        before, _ = await come(known)
        idp.person |= claims
        _, response = await come(known)
        assert response.status_code == 403
        assert "Попросите администратора" in html.read(response.text).one(id="problem").text
        assert "studypub_session" not in response.headers.get("set-cookie", "")
        assert (await before.get("/queue")).status_code == 303
        entry = (await entries(known, "user.sign_on_refused"))[0]
        assert (entry.subject, entry.details) == ("ivanova", {"reason": reason})


async def test_an_account_that_is_disabled_stays_so(known: Site) -> None:
    await come(known)
    await sign_in.disable_user(known.database, "ivanova", actor="test")
    _, response = await come(known)
    assert response.status_code == 403
    assert [entry.details for entry in await entries(known, "user.sign_on_refused")] == [{"reason": "disabled"}]


NOW = int(time.time())
FORGED: dict[str, Callable[[Provider, Claims], str]] = {
    "nonce": lambda idp, claims: idp.mint({**claims, "nonce": "another"}),
    "no nonce": lambda idp, claims: idp.mint({name: value for name, value in claims.items() if name != "nonce"}),
    "audience": lambda idp, claims: idp.mint({**claims, "aud": "another"}),
    "azp": lambda idp, claims: idp.mint({**claims, "aud": [CLIENT_ID, "b"], "azp": "b"}),
    "issuer": lambda idp, claims: idp.mint({**claims, "iss": "https://evil.example"}),
    "expired": lambda idp, claims: idp.mint({**claims, "exp": NOW - 120}),
    "old": lambda idp, claims: idp.mint({**claims, "iat": NOW - 3600}),
    "of the future": lambda idp, claims: idp.mint({**claims, "iat": NOW + 3600}),
    "alg none": lambda _, claims: raw({"alg": "none"}, claims),
    "HS256 with the public key": lambda _, claims: by_public_key(claims),
    "foreign key": lambda idp, claims: idp.mint(claims, key=provider.rsa_key("strange"), kid="first"),
    "unknown key": lambda idp, claims: idp.mint(claims, key=provider.rsa_key("strange")),
    "at_hash": lambda idp, claims: idp.mint({**claims, "at_hash": "AAAA"}),
    "access token": lambda idp, claims: idp.mint(claims, typ="at+jwt"),
    "subject": lambda idp, claims: idp.mint({**claims, "sub": "a\nb"}),
    "no JWT": lambda *_: "x.y.z",
}


def by_public_key(claims: Claims) -> str:
    text = raw({"alg": "HS256", "kid": "first"}, claims).rpartition(".")[0]
    secret = provider.rsa_key("first").as_pem(private=False)
    return f"{text}.{raw({}, {}, hmac.digest(secret, text.encode(), 'sha256')).rpartition('.')[2]}"


async def test_a_token_that_is_not_right_opens_nothing(known: Site, idp: Provider) -> None:
    for how, forged in FORGED.items():
        idp.forge = partial(forged, idp)
        somebody, response = await come(known)
        assert (how, response.status_code) == (how, 403)
        assert (await somebody.get("/queue")).status_code == 303
    reasons = [entry.details["reason"] for entry in await entries(known, "user.sign_on_refused")]
    assert len(reasons) == len(FORGED)
    assert all(reason.startswith("token: ") for reason in reasons)
    assert await entries(known, "user.added") == []


async def test_the_other_algorithms_and_the_other_way_to_show_our_secret(known: Site, idp: Provider) -> None:
    idp.metadata["token_endpoint_auth_methods_supported"] = ["client_secret_post"]
    for alg in ("ES256", "PS256"):
        idp.forge = lambda claims, alg=alg: idp.mint(claims, alg=alg)
        assert (await come(known))[1].status_code == 303


async def test_what_comes_back_to_another_browser_or_altered_is_refused(steady_known: Site, idp: Provider) -> None:
    del idp
    somebody, stranger = (person.stranger(steady_known.app, BASE_URL) for _ in range(2))
    back = await brought(await led(somebody))
    state = dict(parse_qsl(urlsplit(back).query))["state"]
    for who, path in (
        (stranger, back),
        (somebody, back.replace(state, "0" * 64)),
        (somebody, f"/login/oidc/callback?error=access_denied&state={state}"),
        (somebody, f"{back}&iss=https://evil.example"),
        *[(stranger, "/login/oidc/callback")] * 40,  # uses up nobody's tries
    ):
        assert (await who.get(path)).status_code == 403
    assert (await somebody.get(back)).status_code == 303


async def test_a_code_is_good_for_once(steady_known: Site, idp: Provider) -> None:
    del idp
    somebody = person.stranger(steady_known.app, BASE_URL)
    back = await brought(await led(somebody))
    kept = dict(somebody.client.cookies)
    assert (await somebody.get(back)).status_code == 303
    somebody.client.cookies.clear()
    somebody.client.cookies.update(kept)
    assert (await somebody.get(back)).status_code == 403


async def test_nobody_is_led_elsewhere(steady_known: Site, idp: Provider) -> None:
    del idp
    for going_to in ("https://evil.example", "//evil.example", "/%5Cevil.example", "/x%0d%0aSet-Cookie:a=b"):
        somebody = person.stranger(steady_known.app, BASE_URL)
        response = await somebody.get(await brought(await led(somebody, going_to)))
        assert response.headers["location"] == "/queue"


async def test_without_the_provider_there_is_a_plain_sentence_and_the_password(open_one: OpenSite) -> None:
    away = await open_one(oidc=settings("http://127.0.0.1:9"))
    await panel.add_people(away.database)
    response = await led(person.stranger(away.app, BASE_URL))
    assert (response.status_code, response.headers["retry-after"]) == (503, "2")
    assert "Служба входа http://127.0.0.1:9 недоступна" in html.read(response.text).one(id="problem").text
    assert (await (await person.signed_in(away.app, BASE_URL, panel.REGISTRATOR)).get("/queue")).status_code == 200


async def test_passwords_can_be_turned_off(open_one: OpenSite, idp: Provider) -> None:
    only = await open_one(oidc=settings(idp.issuer, passwords=False, button_ru="Войти через Домен"))
    await panel.add_people(only.database)
    somebody = person.stranger(only.app, BASE_URL)
    page = await somebody.page("/login?next=/studies")
    assert page.all("input", name="password") == []
    assert page.one("a", href="/login/oidc?next=/studies").text == "Войти через Домен"
    fields = {"name": panel.ADMINISTRATOR, "password": panel.PASSWORD}
    assert (await somebody.client.post("/login", data=fields)).status_code == 403


async def test_no_code_of_ours_is_asked_for_and_no_password_can_be_set(open_one: OpenSite, idp: Provider) -> None:
    server = Server(public_url=BASE_URL, require_totp="everybody")
    strict = await open_one(server=server, oidc=settings(idp.issuer))
    idp.person |= {"realm_access": {"roles": list(ROLES)}, "groups": ["all"]}
    somebody, _ = await come(strict)
    assert (await somebody.get("/queue")).status_code == 200
    assert "спрашивает она" in (await somebody.page("/security")).one(data_field="second-factor").text
    assert (await somebody.post("/security")).status_code == 409
    assert (await somebody.post("/admin/users/ivanova/password", password="five yellow elephants")).status_code == 422
    row = (await somebody.rows("/admin/users", "name"))["ivanova"]
    assert row.one(data_field="issuer").text == "через службу входа"


async def test_who_leaves_may_leave_the_provider_too(known: Site, idp: Provider) -> None:
    somebody, _ = await come(known)
    response = await somebody.post("/logout")
    assert response.headers["location"] == "/login?left"
    (await somebody.page("/login?left")).one("a", href="/logout/oidc")
    away = urlsplit((await somebody.get("/logout/oidc")).headers["location"])
    assert f"{away.scheme}://{away.netloc}{away.path}" == f"{idp.issuer}/leave"
    assert dict(parse_qsl(away.query)) == {"client_id": CLIENT_ID, "post_logout_redirect_uri": f"{BASE_URL}/login"}
