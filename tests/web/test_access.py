"""Who may and who may not, for every route there is."""

import re
from collections.abc import Iterator
from uuid import uuid4

import pytest
from litestar import Litestar
from litestar.handlers import HTTPRouteHandler
from tests.web.conftest import KHIMKI, Site

from studypub.flows import sign_in
from studypub.web import guards

# What anybody may reach; everything else asks for a key or a session.
PUBLIC = {
    "/healthz",
    "/readyz",
    "/metrics",
    "/schema/openapi.json",
    "/static/{path:path}",
    "/s/{token:str}",
    "/s/{token:str}/download",
    "/login",
    "/language",
}
SAFE = {"GET", "HEAD", "OPTIONS"}


def handlers(app: Litestar) -> Iterator[tuple[str, HTTPRouteHandler]]:
    for route in app.routes:
        for handler in getattr(route, "route_handlers", ()):
            if "OPTIONS" not in handler.http_methods:
                yield from ((path, handler) for path in handler.paths)


def address(path: str) -> str:
    return re.sub(r"{\w+:(\w+)}", lambda part: str(uuid4()) if part[1] == "uuid" else "x", path)


async def test_every_route_that_is_not_public_asks_who_it_is(steady_site: Site) -> None:
    asked = 0
    for path, handler in handlers(steady_site.app):
        for method in sorted(handler.http_methods):
            response = await steady_site.client.request(method, address(path))
            if path in PUBLIC:
                continue
            asked += 1
            to_login = response.status_code == 303 and response.headers["location"].startswith("/login?next=")
            assert to_login or response.status_code == 401, (method, path, response.status_code)
    assert asked >= 3


def test_x27_every_route_that_changes_something_is_guarded_against_other_sites(steady_site: Site) -> None:
    for path, handler in handlers(steady_site.app):
        if handler.http_methods <= SAFE:
            continue
        given = {getattr(guard, "func", guard) for guard in handler.resolve_guards()}
        assert given & {guards.csrf, guards.same_origin, guards.with_api_key}, path


def _wrong_keys(right: str) -> list[str]:
    key_id, _, secret = right.partition(".")
    return [
        "",
        "Bearer",
        "Bearer ",
        f"Basic {right}",
        right,
        f"Bearer {key_id}",
        f"Bearer {key_id}.",
        f"Bearer {key_id}.{secret[:-1]}",
        f"Bearer {key_id}.{secret}x",
        f"Bearer {key_id}.{secret.swapcase()}",
        f"Bearer 00000000.{secret}",
        f"Bearer .{secret}",
        f"Bearer {right} {right}",
        "Bearer \u00ff.\u00ff",
        f"Bearer {'x' * 10_000}",
    ]


async def test_x19_no_key_no_entry(steady_site: Site) -> None:
    for credentials in _wrong_keys(steady_site.keys[KHIMKI]):
        headers = {b"Authorization": credentials.encode("latin-1")}
        for method in ("GET", "POST"):
            response = await steady_site.client.request(method, "/publish", headers=headers)
            assert response.status_code == 401, credentials
            assert response.headers["www-authenticate"] == 'Bearer realm="studypub"'
            assert response.headers["content-type"] == "application/problem+json"
            assert response.json()["status"] == 401


async def test_x19_a_revoked_key_opens_nothing(site: Site) -> None:
    assert (await site.get("/publish?accession_number=1")).status_code == 404
    await sign_in.revoke_api_key(site.database, site.keys[KHIMKI].partition(".")[0], actor="test")
    assert (await site.get("/publish?accession_number=1")).status_code == 401


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
async def test_the_schemes_case_does_not_matter(steady_site: Site, scheme: str) -> None:
    headers = {"Authorization": f"{scheme} {steady_site.keys[KHIMKI]}"}
    response = await steady_site.client.get("/publish?accession_number=1", headers=headers)
    assert response.status_code == 404
