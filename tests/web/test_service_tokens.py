"""Programs that come with a token in place of a key: let in as a key is, and not by anything less."""

import time
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import httpx
import pytest
from tests.peers import provider
from tests.peers.postgres import PostgresPeer
from tests.peers.provider import Claims, Provider, providing, raw
from tests.web.conftest import KHIMKI, TVER, Site, open_site
from tests.web.test_sign_on import by_public_key

from studypub.config import MisTokens, Server
from studypub.db import audit, events
from studypub.db.audit import Entry

STUDY = {"patient_id": "1000001158664", "accession_number": "KP125706548L"}
NOW = int(time.time())


@pytest.fixture(scope="module")
def issuer() -> Iterator[Provider]:
    with providing("https://studies.clinic.example/login/oidc/callback") as running:
        yield running


def settings(issuer: str) -> MisTokens:
    return MisTokens(issuer=issuer, audience="studypub-mis")


@pytest.fixture(scope="module")
async def mis(
    postgres_server: PostgresPeer, schema: str, issuer: Provider, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Site]:
    folder = tmp_path_factory.mktemp("mis")
    async with open_site(postgres_server, schema, folder, mis_tokens=settings(issuer.issuer)) as site:
        yield site


async def post(site: Site, token: str, document: object = STUDY, **headers: str) -> httpx.Response:
    return await site.client.post("/publish", json=document, headers={"Authorization": f"Bearer {token}", **headers})


async def entries(site: Site) -> list[Entry]:
    async with site.database.transaction() as tx:
        return await audit.newest(tx, limit=50, offset=0)


async def test_a_program_does_by_its_token_what_it_may_by_a_key(mis: Site, issuer: Provider) -> None:
    before = len(await entries(mis))
    token = issuer.mint(issuer.program(), typ="at+jwt")
    asked = await post(mis, token)
    assert asked.status_code == 202, asked.text
    assert asked.json()["clinic_code"] == KHIMKI
    task_id = asked.json()["task_id"]
    bearer = {"Authorization": f"Bearer {token}"}
    assert (await mis.client.get(f"/publish/{task_id}", headers=bearer)).json()["task_id"] == task_id
    assert (await mis.client.get("/fhir/ImagingStudy", headers=bearer)).status_code == 200
    assert (await mis.client.delete(f"/publish/{task_id}", headers=bearer)).status_code == 200
    assert {entry.actor for entry in (await entries(mis))[:-before]} == {"token:mis"}
    async with mis.database.transaction() as tx:
        (first, *_) = await events.of_task(tx, task_id)
    assert first.actor is not None
    assert (first.actor.kind, first.actor.name) == ("token", "mis")
    # A key of the same clinic goes on beside it, and a token sees no other clinic's tasks.
    assert (await mis.get(f"/publish/{task_id}")).status_code == 200
    other = {"Authorization": f"Bearer {issuer.mint(issuer.program(clinic=TVER))}"}
    assert (await mis.client.get(f"/publish/{task_id}", headers=other)).status_code == 404
    assert (await post(mis, token, {**STUDY, "clinic_code": TVER})).status_code == 403


async def test_a_name_belongs_to_the_subject(mis: Site, issuer: Provider) -> None:
    study = {**STUDY, "accession_number": "KP1"}
    first, again = (issuer.mint(issuer.program(jti=name)) for name in "ab")
    other = issuer.mint(issuer.program(sub="another"))
    named = {"Idempotency-Key": "n"}
    assert (await post(mis, first, study, **named)).status_code == 202
    reused = await post(mis, again, {**STUDY, "accession_number": "KP2"}, **named)
    assert (reused.status_code, reused.json()["code"]) == (422, "IDEMPOTENCY_KEY_REUSED")
    assert (await post(mis, other, {**STUDY, "accession_number": "KP2"}, **named)).status_code == 202


def without(claims: Claims, name: str) -> Claims:
    return {key: value for key, value in claims.items() if key != name}


WRONG: dict[str, Callable[[Provider, Claims], str]] = {
    "aud": lambda idp, claims: idp.mint({**claims, "aud": ["studypub"]}),
    "no aud": lambda idp, claims: idp.mint(without(claims, "aud")),
    "iss": lambda idp, claims: idp.mint({**claims, "iss": "https://evil.example"}),
    "expired": lambda idp, claims: idp.mint({**claims, "exp": NOW - 120}),
    "no exp": lambda idp, claims: idp.mint(without(claims, "exp")),
    "no iat": lambda idp, claims: idp.mint(without(claims, "iat")),
    "lives too long": lambda idp, claims: idp.mint({**claims, "exp": NOW + 7200}),
    "not yet": lambda idp, claims: idp.mint({**claims, "nbf": NOW + 3600}),
    "no subject": lambda idp, claims: idp.mint(without(claims, "sub")),
    "odd subject": lambda idp, claims: idp.mint({**claims, "sub": "x y"}),
    "scope": lambda idp, claims: idp.mint({**claims, "scope": "openid studypub-not"}),
    "no clinic": lambda idp, claims: idp.mint(without(claims, "clinic")),
    "two clinics": lambda idp, claims: idp.mint({**claims, "clinic": [KHIMKI, TVER]}),
    "unknown clinic": lambda idp, claims: idp.mint({**claims, "clinic": "f_Omsk"}),
    "typ": lambda idp, claims: idp.mint(claims, typ="logout+jwt"),
    "alg none": lambda _, claims: raw({"alg": "none"}, claims),
    "HS256 with the public key": lambda _, claims: by_public_key(claims),
    "foreign key": lambda idp, claims: idp.mint(claims, key=provider.rsa_key("strange"), kid="first"),
    "unknown key": lambda idp, claims: idp.mint(claims, key=provider.rsa_key("strange")),
    "crit": lambda _, claims: raw({"alg": "RS256", "kid": "first", "crit": ["x"], "x": 1}, claims, b"x"),
    "nested": lambda *_: f"{'W' * 600}.e30.x",
    "no JWT": lambda *_: "a.b.c",
}


async def test_a_token_that_is_not_right_is_refused_in_words(mis: Site, issuer: Provider) -> None:
    done, before = await entries(mis), issuer.count("/jwks")
    for how, wrong in WRONG.items():
        response = await post(mis, wrong(issuer, issuer.program()))
        assert (how, response.status_code) == (how, 401)
        assert response.headers["www-authenticate"] == 'Bearer realm="studypub", error="invalid_token"'
        assert response.json()["code"] == "TOKEN_REFUSED"
        assert response.json()["detail"].startswith("Токен не принят: ")
    assert await entries(mis) == done
    assert issuer.count("/jwks") <= before + 1  # an unknown key is looked for anew at most once a minute


async def test_it_may_ask_as_often_as_a_key(
    postgres_server: PostgresPeer, schema: str, tmp_path: Path, issuer: Provider
) -> None:
    sections = {"server": Server(api_requests_per_minute=6), "mis_tokens": settings(issuer.issuer)}
    async with open_site(postgres_server, schema, tmp_path, **sections) as site:
        answers = [await post(site, issuer.mint(issuer.program(jti=str(number)))) for number in range(2)]
        assert [answer.status_code for answer in answers] == [202, 429]
        assert (await post(site, issuer.mint(issuer.program(sub="another")))).status_code == 202


async def test_without_the_issuer_tokens_wait_and_keys_work(
    postgres_server: PostgresPeer, schema: str, tmp_path: Path, issuer: Provider
) -> None:
    async with open_site(postgres_server, schema, tmp_path, mis_tokens=settings("http://127.0.0.1:9")) as site:
        await waits(site, issuer)


async def waits(mis: Site, issuer: Provider) -> None:
    response = await post(mis, issuer.mint(issuer.program()))
    assert (response.status_code, response.json()["code"], response.headers["retry-after"]) == (
        503,
        "SIGN_ON_UNAVAILABLE",
        "2",
    )
    assert (await mis.post(STUDY)).status_code == 202


async def test_where_no_tokens_are_taken_one_is_a_wrong_key(steady_site: Site, issuer: Provider) -> None:
    response = await post(steady_site, issuer.mint(issuer.program()))
    assert (response.status_code, response.headers["www-authenticate"]) == (401, 'Bearer realm="studypub"')
