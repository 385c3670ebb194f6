"""studypub behind the proxies of the manuals: nginx and Caddy of Debian, by the very files that are shown."""

import socket
import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.async_api import Browser
from tests.peers import proxies
from tests.peers.certificates import Authority, Pair
from tests.peers.daemon import call
from tests.peers.program import deaf_port, free_port
from tests.peers.proxies import Proxy
from tests.peers.resources import own_memory
from tests.peers.restartable import Restartable
from tests.peers.studies import make_study
from tests.peers.world import Daemon, Nursery, World, eventually, nursery, open_world, postgres

from studypub.core.report import LARGEST
from studypub.web.app import LARGEST_BODY

__all__ = ["nursery", "postgres"]

pytestmark = [pytest.mark.peer, pytest.mark.slow]

PATIENT, ACCESSION = "PID-PROXY-1", "ACSN-PROXY-1"
SIZE = 400 << 20
MEBIBYTE = 1 << 20


@dataclass(frozen=True)
class Site:
    """A daemon with one publication, and where a proxy is to stand before it."""

    world: World
    daemon: Daemon
    port: int
    token: str


@pytest.fixture(scope="module")
def site(postgres: Restartable, nursery: Nursery) -> Iterator[Site]:
    postgres.start()
    study = make_study(patient_id=PATIENT, accession_number=ACCESSION, seed=3502, instances=1)
    with open_world(postgres, nursery, study) as world:
        port = free_port()
        world.environment["STUDYPUB_SERVER__PUBLIC_URL"] = f"https://localhost:{port}"
        daemon = world.start()
        world.ended(world.ask(ACCESSION, PATIENT))
        ((token, key),) = world.rows("UPDATE published_studies SET size = %s RETURNING token, object_key", SIZE)
        with (world.storage / key).open("r+b") as archive:
            archive.truncate(SIZE)
        yield Site(world, daemon, port, token)


@pytest.fixture(params=[proxies.nginx, proxies.caddy], ids=["nginx", "caddy"])
def proxy(request: pytest.FixtureRequest, site: Site, ours: Pair, tmp_path: Path) -> Iterator[Proxy]:
    with request.param(tmp_path, site.world.installation.port, site.port, free_port(), ours) as started:
        yield started


@pytest.fixture
def trusting(authority: Authority) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=str(authority.certificate))


@pytest.fixture
def client(proxy: Proxy, trusting: ssl.SSLContext) -> Iterator[httpx.Client]:
    with httpx.Client(verify=trusting, trust_env=False, base_url=proxy.url, timeout=60) as opened:
        yield opened


def test_headers_redirects_and_nothing_of_a_token_in_a_log(
    site: Site, proxy: Proxy, client: httpx.Client, trusting: ssl.SSLContext
) -> None:
    page = client.get(f"/s/{site.token}")
    assert page.status_code == 200
    assert page.headers["strict-transport-security"] == "max-age=31536000"
    assert page.headers["referrer-policy"] == "no-referrer"
    assert page.headers["x-robots-tag"].startswith("noindex")
    assert "content-encoding" not in page.headers

    plain = client.get(f"http://localhost:{proxy.plain_port}/s/{site.token}")
    there = proxy.url if proxy.kind == "nginx" else "https://localhost"  # it takes any port for the usual one
    assert (plain.status_code, plain.headers["location"]) == (308, f"{there}/s/{site.token}")
    for path in (f"//s/{site.token}", f"/%73/{site.token}", f"/s/{site.token}/none", "/login?next=SECRET-QUERY"):
        client.get(f"{proxy.url}{path}")
    assert client.get("/metrics").status_code == 404  # it is nobody's business behind a proxy
    bad = f"GET /s/{site.token} HTTP/1.1\r\nHost: localhost\r\nContent-Length: x\r\n\r\n"
    with (
        socket.create_connection(("127.0.0.1", proxy.port), 10) as peer,
        trusting.wrap_socket(peer, server_hostname="localhost") as tls,
    ):
        tls.sendall(bad.encode())
        assert b" 400 " in tls.recv(100)
    logs = eventually(lambda: ((logs := proxy.logs()) and '" 400 ' in logs) or proxy.kind == "caddy") and proxy.logs()
    assert ("/s/..." in logs) == (proxy.kind == "nginx")
    assert site.token not in logs
    assert "SECRET-QUERY" not in logs


@pytest.mark.parametrize("made", [proxies.nginx, proxies.caddy], ids=["nginx", "caddy"])
def test_no_token_is_logged_where_studypub_is_down(
    made: Any, ours: Pair, tmp_path: Path, trusting: ssl.SSLContext
) -> None:
    with (
        deaf_port() as nobody,
        made(tmp_path, nobody, free_port(), free_port(), ours) as proxy,
        httpx.Client(verify=trusting, trust_env=False, base_url=proxy.url) as client,
    ):
        assert client.get("/s/SECRET-TOKEN").status_code == 502
        assert client.get("/login").status_code == 502
        said = "connect() failed" if proxy.kind == "nginx" else "connection refused"
        assert said in eventually(lambda: (logs := proxy.logs()) and said in logs and logs)
        if proxy.kind == "nginx":  # Caddy has no bound of requests
            answers = (client.head("/s/SECRET-TOKEN").status_code for _ in range(5000))
            assert 429 in answers
            assert client.get("/login").status_code == 502
        assert "SECRET-TOKEN" not in proxy.logs()


def test_the_client_is_who_the_proxy_says_and_not_who_it_says_itself(
    site: Site, proxy: Proxy, trusting: ssl.SSLContext
) -> None:
    host = "127.0.0.7" if proxy.kind == "nginx" else "127.0.0.8"
    way = httpx.HTTPTransport(verify=trusting, local_address=host)
    with httpx.Client(transport=way, base_url=proxy.url) as client:
        forged = {"Authorization": "Bearer none", "X-Forwarded-For": "203.0.113.9", "Forwarded": "for=203.0.113.9"}
        assert client.get("/publish?accession_number=1", headers=forged).status_code == 401
    told = eventually(lambda: [line for line in site.daemon.lines() if line["details"].get("client") == host])
    assert told[-1]["message"] == "Ключ API не принят"


def test_a_download_goes_through_as_it_comes_and_in_parts(site: Site, proxy: Proxy, client: httpx.Client) -> None:
    address = f"/s/{site.token}/download"
    client.get(address, headers={"Range": "bytes=0-9"})
    before, ours = proxy.memory(), own_memory(site.daemon.pid)
    received = 0
    with client.stream("GET", address) as answer:
        assert (answer.status_code, answer.headers["content-length"]) == (200, str(SIZE))
        tag = answer.headers["etag"]
        for chunk in answer.iter_raw():
            if not received:  # nobody reads on, and nobody puts the rest aside meanwhile
                assert [client.get("/healthz").status_code for _ in range(30)] == [200] * 30
                assert proxy.kept() == []
            received += len(chunk)
    assert received == SIZE
    assert proxy.memory() - before < 48 * MEBIBYTE
    assert own_memory(site.daemon.pid) - ours < 48 * MEBIBYTE

    part = client.get(address, headers={"Range": "bytes=100-299", "If-Range": tag})
    assert (part.status_code, len(part.content)) == (206, 200)
    assert part.headers["content-range"] == f"bytes 100-299/{SIZE}"
    with client.stream("GET", address, headers={"Range": "bytes=100-299", "If-Range": '"another"'}) as whole:
        assert (whole.status_code, whole.headers["content-length"]) == (200, str(SIZE))
    assert client.get(address, headers={"Range": f"bytes={SIZE}-"}).status_code == 416


def test_what_is_too_long_is_refused_alike(client: httpx.Client) -> None:
    assert client.post("/login", data={"name": "x" * LARGEST_BODY, "password": "y"}).status_code == 413
    fits = client.post("/login", data={"name": "x" * (LARGEST_BODY // 2), "password": "y"})
    assert fits.status_code in (400, 401, 403, 422)
    # A doctor's report may be longer.
    report = client.put("/publish/x/report", content=bytes(LARGEST), headers={"Content-Type": "application/pdf"})
    assert report.status_code == 401
    # So may a clinic's logo, to be told of beside its field.
    logo = client.post("/admin/clinics/x/logo", files={"logo": ("x.png", bytes(2 * MEBIBYTE))})
    assert (logo.status_code, logo.headers["location"].startswith("/login")) == (303, True)


async def test_a_person_works_as_ever(site: Site, proxy: Proxy, browser: Browser) -> None:
    name = f"anna-{proxy.kind}"
    add = ("user", "add", "--config", str(site.world.installation.file), name, "--role", "administrator")
    environment = site.world.environment
    assert call(*add, "--password-stdin", stdin="длинный-пароль-7\n", **environment).returncode == 0
    context = await browser.new_context(ignore_https_errors=True)
    page = await context.new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    await page.goto(f"{proxy.url}/login?next=/queue")
    await page.fill("[name=name]", name)
    await page.fill("[name=password]", "длинный-пароль-7")
    await page.keyboard.press("Enter")
    await page.wait_for_url(f"{proxy.url}/queue")
    assert all(cookie["secure"] and cookie["name"].startswith("__Host-") for cookie in await context.cookies())
    await page.goto(f"{proxy.url}/studies")
    link = await page.evaluate("document.body.innerHTML")
    assert f"{proxy.url}/s/{site.token}" in link
    await page.goto(f"{proxy.url}/admin/state")
    await page.click("button.primary")  # a form, its token, and an answer that takes a while
    await page.wait_for_selector("#findings li")
    assert await page.locator("#findings li").count() > 2
    assert errors == []
    await context.close()
