"""What holds for every route: headers, errors, and what never reaches the log."""

import logging
from dataclasses import replace
from typing import Any, cast

import httpx
import msgspec
import pytest
from litestar import get
from tests.web.conftest import KHIMKI, Site
from tests.web.test_access import address, handlers

from studypub.config import Server
from studypub.log.lines import JsonFormatter
from studypub.web.app import create_app

EVERYWHERE = {
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "strict-transport-security": "max-age=31536000",
}


def check_headers(response: httpx.Response) -> None:
    for name, value in EVERYWHERE.items():
        assert response.headers.get_list(name) == [value], name
    policy = dict(part.strip().split(" ", 1) for part in response.headers["content-security-policy"].split(";"))
    assert policy["default-src"] == "'none'"
    assert policy["frame-ancestors"] == "'none'"
    assert policy["script-src"] == "'self'"
    assert policy["style-src"] == "'self'"
    assert response.headers["referrer-policy"] in {"no-referrer", "same-origin"}


async def test_x29_every_route_sends_the_security_headers(steady_site: Site) -> None:
    for path, handler in handlers(steady_site.app):
        for method in handler.http_methods:
            response = await steady_site.client.request(method, address(path))
            check_headers(response)
            assert path.startswith("/static") or "noindex, noarchive" in response.headers["x-robots-tag"]
            assert path.startswith("/static") or response.headers["cache-control"] == "no-store"


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/nothing", 404),
        ("GET", "/s/", 404),
        ("GET", "/static/../pyproject.toml", 404),
        ("GET", "/static/%2e%2e/pyproject.toml", 404),
        ("GET", "/static/nothing.css", 404),
        ("DELETE", "/publish", 405),
        ("TRACE", "/publish", 405),
        ("NONSENSE", "/publish", 405),
        ("POST", "/healthz", 405),
        ("OPTIONS", "/publish", 204),
    ],
)
async def test_x29_errors_send_them_too(steady_site: Site, method: str, path: str, status: int) -> None:
    response = await steady_site.client.request(method, path)
    assert response.status_code == status
    check_headers(response)


async def test_x32_a_links_token_travels_nowhere(steady_site: Site) -> None:
    response = await steady_site.client.get("/s/unknown/download")
    assert response.headers["referrer-policy"] == "no-referrer"
    assert response.headers["x-robots-tag"] == "noindex, noarchive, nosnippet"


async def test_without_tls_browsers_are_not_told_to_insist_on_it(steady_site: Site) -> None:
    config = msgspec.structs.replace(steady_site.parts.config, server=Server(public_url="http://10.0.0.5:8080"))
    app = create_app(replace(steady_site.parts, config=config))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(cast("Any", app)), base_url="http://x") as client:
        assert "strict-transport-security" not in (await client.get("/healthz")).headers


@pytest.mark.parametrize(
    ("path", "media_type"),
    [
        ("/publish/a/b", "application/problem+json"),
        ("/schema/nothing", "application/problem+json"),
        ("/healthz/x", "application/problem+json"),
        ("/nothing", "text/html; charset=utf-8"),
        ("/publish/new/x", "text/html; charset=utf-8"),
        ("/s/x/y/z", "text/html; charset=utf-8"),
    ],
)
async def test_programs_and_people_are_each_answered_in_their_way(
    steady_site: Site, path: str, media_type: str
) -> None:
    response = await steady_site.client.get(path)
    assert response.status_code == 404
    assert response.headers["content-type"] == media_type
    assert "Здесь ничего нет" in response.text


async def test_x35_a_strange_host_changes_nothing(steady_site: Site) -> None:
    headers = {"Host": "evil.example", "X-Forwarded-Host": "evil.example", "X-Forwarded-Proto": "http"}
    response = await steady_site.client.get("/publish", headers=headers)
    assert "evil" not in response.text + str(response.headers)


@pytest.fixture
def log_lines(caplog: pytest.LogCaptureFixture) -> "LogLines":
    caplog.set_level(logging.DEBUG)
    return LogLines(caplog)


class LogLines:
    """What the log would hold; the test's own client is left out."""

    def __init__(self, caplog: pytest.LogCaptureFixture) -> None:
        self._caplog = caplog

    def text(self) -> str:
        formatter = JsonFormatter()
        records = [record for record in self._caplog.records if not record.name.startswith(("httpx", "httpcore"))]
        return "\n".join(formatter.format(record) for record in records)


async def test_an_unforeseen_error_is_told_to_the_log_and_to_nobody_else(
    steady_site: Site, log_lines: LogLines
) -> None:
    @get(["/s/{token:str}/boom", "/schema/boom"])
    async def boom() -> None:
        raise ValueError("Ivanov^Ivan in /srv/secret.py")

    app = create_app(steady_site.parts)
    app.register(boom)
    transport = httpx.ASGITransport(cast("Any", app), raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://x") as client:
        page, document = await client.get("/s/TheTokenOfALink/boom"), await client.get("/schema/boom")
    for response in (page, document):
        assert response.status_code == 500
        assert "Внутренняя ошибка" in response.text
        assert not [word for word in ("Ivanov", "ValueError", "boom", "secret", "Traceback") if word in response.text]
    log = log_lines.text()
    assert '"route":"/s/{token}/boom"' in log
    assert "ValueError" in log
    assert "boom" in log
    assert "Ivanov" not in log
    assert "TheTokenOfALink" not in log


async def test_x20_no_key_and_no_token_reach_the_log(site: Site, log_lines: LogLines) -> None:
    publication = await site.completed(await site.queued())
    stored = next((site.folder / "storage" / "studies").iterdir())
    key = site.keys[KHIMKI]
    for path in ("", "/download", "/nothing"):
        answer = await site.client.get(f"/s/{publication.token}{path}")
        assert answer.status_code == 200 or publication.token not in answer.text
    stored.unlink()
    assert (await site.client.get(f"/s/{publication.token}/download")).status_code == 503
    await site.get(f"/publish/{publication.task_id}")
    await site.client.get("/publish", headers={"Authorization": f"Bearer {key}x"})
    await site.client.post("/publish", content=key, headers=site.as_mis())
    log = log_lines.text()
    assert "KP125706548L" in log
    assert publication.token not in log
    assert publication.object_key not in log
    assert key.partition(".")[2] not in log
