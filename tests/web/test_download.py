"""The archive behind a link, whole and in parts."""

import asyncio
import os
from base64 import b64encode
from dataclasses import replace
from datetime import timedelta
from hashlib import sha256
from pathlib import Path
from random import Random
from typing import Any, cast
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from tests.web.conftest import BASE_URL, Site

from studypub.config import S3
from studypub.flows.withdraw import withdraw
from studypub.store.s3 import S3Store
from studypub.web.app import create_app

CONTENT = Random(1).randbytes(3 * (1 << 20) + 12_345)
ETAG = f'"{sha256(CONTENT).hexdigest()}"'


async def published(site: Site, content: bytes = CONTENT, **more: Any) -> str:
    publication = await site.completed(await site.queued(), content, **more)
    return f"/s/{publication.token}/download"


async def test_the_archive_is_sent_whole(site: Site) -> None:
    response = await site.client.get(await published(site))
    assert response.status_code == 200
    assert response.content == CONTENT
    assert response.headers["content-length"] == str(len(CONTENT))
    assert response.headers["accept-ranges"] == "bytes"
    assert response.headers["etag"] == ETAG
    assert response.headers["repr-digest"] == f"sha-256=:{b64encode(sha256(CONTENT).digest()).decode()}:"
    assert response.headers["content-type"] == "application/zip"
    assert response.headers["content-disposition"] == f'attachment; filename="study-{ETAG[1:9]}.zip"'
    assert response.headers["referrer-policy"] == "no-referrer"
    assert "noindex" in response.headers["x-robots-tag"]


async def test_head_tells_the_same_and_sends_nothing(site: Site) -> None:
    address = await published(site)
    head, get = await site.client.head(address), await site.client.get(address)
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers == get.headers


@pytest.mark.parametrize(
    ("asked", "start", "end"),
    [
        ("bytes=0-0", 0, 1),
        ("bytes=0-1048575", 0, 1 << 20),
        ("bytes=1048575-1048576", (1 << 20) - 1, (1 << 20) + 1),
        ("bytes=100-", 100, len(CONTENT)),
        ("bytes=-100", len(CONTENT) - 100, len(CONTENT)),
        (f"bytes={len(CONTENT) - 1}-", len(CONTENT) - 1, len(CONTENT)),
        ("bytes=5-999999999", 5, len(CONTENT)),
    ],
)
async def test_a_part_is_sent(site: Site, asked: str, start: int, end: int) -> None:
    response = await site.client.get(await published(site), headers={"Range": asked})
    assert response.status_code == 206
    assert response.content == CONTENT[start:end]
    assert response.headers["content-range"] == f"bytes {start}-{end - 1}/{len(CONTENT)}"
    assert response.headers["content-length"] == str(end - start)


@pytest.mark.parametrize("asked", ["bytes=0-1,5-6", "lines=0-1", "bytes=9-1", "nonsense"])
async def test_what_is_no_single_range_gets_the_whole(site: Site, asked: str) -> None:
    response = await site.client.get(await published(site), headers={"Range": asked})
    assert (response.status_code, len(response.content)) == (200, len(CONTENT))


async def test_a_part_beyond_the_end_is_refused(site: Site) -> None:
    response = await site.client.get(await published(site), headers={"Range": f"bytes={len(CONTENT)}-"})
    assert response.status_code == 416
    assert response.headers["content-range"] == f"bytes */{len(CONTENT)}"
    assert response.content == b""


@pytest.mark.parametrize(
    ("if_range", "status"),
    [(ETAG, 206), (f"W/{ETAG}", 200), ('"other"', 200), ("Sat, 01 Feb 2025 13:18:02 GMT", 200)],
)
async def test_a_part_of_another_archive_is_not_appended(site: Site, if_range: str, status: int) -> None:
    headers = {"Range": "bytes=0-9", "If-Range": if_range}
    assert (await site.client.get(await published(site), headers=headers)).status_code == status


async def test_f_broken_off_downloads_are_resumed_to_the_same_bytes(site: Site) -> None:
    address = await published(site)
    received = b""
    while len(received) < len(CONTENT):
        headers = {"Range": f"bytes={len(received)}-{len(received) + 700_000}", "If-Range": ETAG}
        received += (await site.client.get(address, headers=headers)).content
    assert received == CONTENT


async def test_a_reader_that_goes_leaves_no_file_open(site: Site) -> None:
    address = await published(site, os.urandom(32 << 20))
    got_some = asyncio.Event()
    requests = [{"type": "http.request", "body": b"", "more_body": False}]
    chunks: list[int] = []

    async def receive() -> dict[str, Any]:
        if requests:
            return requests.pop()
        await got_some.wait()
        return {"type": "http.disconnect"}

    async def send(message: dict[str, Any]) -> None:
        if message["type"] == "http.response.body":
            chunks.append(len(message["body"]))
            got_some.set()

    await site.app(cast("Any", _scope(address)), cast("Any", receive), cast("Any", send))
    assert 1 <= len(chunks) < 8
    assert max(chunks) <= 1 << 20
    assert not [file for file in _open_files() if "storage/studies" in file]


def _scope(path: str) -> dict[str, Any]:
    return {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "GET",
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "root_path": "",
        "headers": [],
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 80),
    }


def _open_files() -> list[str]:
    found = []
    for descriptor in Path("/proc/self/fd").iterdir():
        try:
            found.append(str(descriptor.readlink()))
        except FileNotFoundError:
            continue
    return found


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("token", ["x", "A" * 22, "%00", "a" * 5000])
async def test_an_unknown_link_is_a_friendly_404(steady_site: Site, token: str, method: str) -> None:
    # Each from a place of its own: whoever misses often waits.
    somewhere = {"X-Forwarded-For": f"10.77.{len(token) % 250}.{len(method)}"}
    response = await steady_site.client.request(method, f"/s/{token}/download", headers=somewhere)
    assert response.status_code == 404
    assert response.headers["content-type"].startswith("text/html")
    assert method == "HEAD" or "скопирована целиком" in response.text


async def test_x33_a_closed_link_is_410_and_the_same_page_whatever_closed_it(site: Site) -> None:
    expired = await published(site, keep=timedelta(0))
    publication = await site.completed(await site.queued("KP2"), CONTENT)
    await withdraw(site.database, publication.study_id, actor="test", clinic_code=None)
    pages = [await site.client.get(address) for address in (expired, f"/s/{publication.token}/download")]
    assert [page.status_code for page in pages] == [410, 410]
    assert pages[0].text == pages[1].text
    assert "больше не действует" in pages[0].text


async def test_x31_downloading_changes_nothing(site: Site) -> None:
    address = await published(site)
    before = (await site.get("/publish?accession_number=KP125706548L")).json()
    for method in ("HEAD", "GET"):
        await site.client.request(method, address, headers={"User-Agent": "Slackbot-LinkExpanding 1.0"})
    assert (await site.get("/publish?accession_number=KP125706548L")).json() == before


async def test_f57_an_archive_of_another_size_is_not_sent(site: Site) -> None:
    address = await published(site)
    stored = next((site.folder / "storage" / "studies").iterdir())
    stored.write_bytes(CONTENT[:-1])
    response = await site.client.get(address)
    assert response.status_code == 503
    stored.unlink()
    response = await site.client.get(address)
    assert response.status_code == 503
    assert "Повторите через несколько минут" in response.text
    assert response.headers["retry-after"] == "2"


async def test_an_archive_in_an_object_store_is_reached_by_a_short_lived_address(site: Site) -> None:
    address = await published(site, keep=timedelta(seconds=100))
    store = S3Store(S3(endpoint="http://127.0.0.1:9", bucket="studies", access_key="a", secret_key="b"))
    app = create_app(replace(site.parts, store=store))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(cast("Any", app)), base_url=BASE_URL) as client:
        response = await client.get(address)
        head = await client.head(address)
    assert response.status_code == 307
    query = parse_qs(urlsplit(response.headers["location"]).query)
    assert 1 <= int(query["X-Amz-Expires"][0]) <= 100
    assert f'filename="study-{ETAG[1:9]}.zip"' in query["response-content-disposition"][0]
    # A presigned address answers GET only.
    assert (head.status_code, head.headers["content-length"]) == (200, str(len(CONTENT)))
