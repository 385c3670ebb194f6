"""What a flood of requests is told: of a key, of a clinic's queue, of links that are not there, of slow bodies."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any, cast

import httpx
import msgspec
import pytest
from tests.peers import person
from tests.web.conftest import BASE_URL, KHIMKI, TVER, Site

from studypub.config import Server, Workers
from studypub.core.throttle import ALL_MISSES, MISSES
from studypub.db import throttle
from studypub.flows import misses
from studypub.web import patience
from studypub.web.app import create_app

SHORT = {"patient_id": "1000001158664", "accession_number": "KP125706548L"}


def client(site: Site, **changed: Any) -> httpx.AsyncClient:
    config = msgspec.structs.replace(site.parts.config, **changed)
    app = create_app(replace(site.parts, config=config))
    return httpx.AsyncClient(transport=httpx.ASGITransport(cast("Any", app)), base_url=BASE_URL)


async def test_x22_a_key_that_floods_is_told_to_wait(steady_site: Site) -> None:
    server = Server(public_url=BASE_URL, api_requests_per_minute=18)  # three at once
    async with client(steady_site, server=server) as flood:
        path, mis = "/publish?accession_number=1", steady_site.as_mis()
        answers = [await flood.get(path, headers=mis) for _ in range(5)]
        assert [answer.status_code for answer in answers[:3]] == [404] * 3
        refused = answers[4]
        assert refused.status_code == 429
        assert 1 <= int(refused.headers["retry-after"]) <= 4
        assert refused.headers["content-type"] == "application/problem+json"
        assert refused.json()["code"] == "TOO_MANY_REQUESTS"
        assert (await flood.get(path, headers=steady_site.as_mis(TVER))).status_code == 404


async def test_x22_a_clinics_queue_has_an_end_and_another_clinics_has_room(site: Site) -> None:
    async with client(site, workers=Workers(max_in_progress=2)) as mis:

        async def ask(number: int, clinic: str = KHIMKI) -> httpx.Response:
            document = {"patient_id": "1", "accession_number": f"A{number}"}
            return await mis.post("/publish", json=document, headers=site.as_mis(clinic))

        assert [(await ask(number)).status_code for number in range(3)] == [202, 202, 429]
        assert (await ask(4)).json()["code"] == "QUEUE_FULL"
        assert (await ask(1)).status_code == 202  # what is queued is answered
        assert (await ask(1, TVER)).status_code == 202


async def missed(site: Site, address: str, token: str = "0" * 22) -> int:
    somebody = person.stranger(site.app, BASE_URL)
    return (await somebody.get(f"/s/{token}", **{"X-Forwarded-For": address})).status_code


async def test_x30_an_address_that_misses_often_waits_also_for_what_is_there(site: Site) -> None:
    publication = await site.completed(await site.queued())
    async with site.database.transaction() as tx:
        for _ in range(MISSES.free - 1):
            await throttle.spend(tx, MISSES, "10.1.1.1")
    assert await missed(site, "10.1.1.1") == 404
    assert await missed(site, "10.1.1.1") == 429
    assert await missed(site, "10.1.1.1", publication.token) == 429
    assert await missed(site, "10.1.1.2", publication.token) == 200


async def test_x30_in_a_storm_one_miss_is_enough(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    publication = await site.completed(await site.queued())
    monkeypatch.setattr(misses, "ALL_MISSES", replace(ALL_MISSES, free=2))
    assert [await missed(site, f"10.1.1.{number}") for number in range(4)] == [404] * 4
    assert await missed(site, "10.1.1.3") == 429
    assert await missed(site, "10.1.1.9", publication.token) == 200  # who has missed nothing does not wait


@pytest.mark.parametrize("path", ["", "/download"])
async def test_x30_what_was_never_there_is_answered_alike(site: Site, path: str) -> None:
    bodies = set()
    for token in ("0" * 22, "Z" * 22, "short", "x" * 64):
        response = await person.stranger(site.app, BASE_URL).get(f"/s/{token}{path}")
        bodies.add((response.status_code, response.text.replace(token, "TOKEN")))
    assert len(bodies) == 1


async def test_x42_a_body_that_does_not_come_is_not_waited_for(
    steady_site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(patience, "_BODY_SECONDS", 0.05)

    async def drip() -> AsyncIterator[bytes]:
        yield b'{"patient_id'
        await asyncio.Event().wait()

    sent: list[Any] = []
    chunks = drip()

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": await anext(chunks), "more_body": True}

    async def send(message: Any) -> None:
        sent.append(message)

    headers = [
        (b"content-type", b"application/json"),
        (b"authorization", steady_site.as_mis()["Authorization"].encode()),
    ]
    scope = {
        "type": "http",
        "method": "POST",
        "path": "/publish",
        "raw_path": b"/publish",
        "query_string": b"",
        "headers": headers,
        "client": ("127.0.0.1", 1),
        "server": ("x", 80),
        "scheme": "http",
        "root_path": "",
        "http_version": "1.1",
        "asgi": {"version": "3.0"},
        "extensions": {},
    }
    app: Any = steady_site.app
    await asyncio.wait_for(app(scope, receive, send), 10)
    assert sent[0]["status"] == 408
