"""The same application through the real server, byte by byte."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator

import pytest
import uvicorn
from tests.web.conftest import Site

from studypub.web import patience
from studypub.web.patience import HeadInTime

CONTENT = bytes(range(256)) * 65_536  # 16 MiB


@pytest.fixture
async def port(site: Site) -> AsyncIterator[int]:
    """The port of a server that serves the site; connections wait until it is up."""
    listener = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(
        uvicorn.Config(
            site.app,
            log_config=None,
            access_log=False,
            lifespan="off",
            ws="none",
            proxy_headers=False,
            http=HeadInTime,
        )
    )
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    yield listener.getsockname()[1]
    server.should_exit = True
    await serving


async def exchange(port: int, request: str) -> tuple[str, bytes]:
    """Send a request as it stands; return the head and the body of the answer, or what a reset left of it."""
    async with asyncio.timeout(20):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(request.encode("latin-1"))
        head = await reader.readuntil(b"\r\n\r\n")
        body = b""
        # Refused before it was read to its end, a request ends in a reset.
        with contextlib.suppress(ConnectionResetError):
            while chunk := await reader.read(1 << 16):
                body += chunk
        writer.transport.abort()
    return head.decode("latin-1"), body


def ask(method: str, path: str, *headers: str) -> str:
    return "\r\n".join([f"{method} {path} HTTP/1.1", "Host: x", "Connection: close", *headers, "", ""])


async def test_parts_and_heads_arrive_as_they_were_announced(site: Site, port: int) -> None:
    publication = await site.completed(await site.queued(), CONTENT)
    address = f"/s/{publication.token}/download"
    head, body = await exchange(port, ask("HEAD", address))
    assert head.startswith("HTTP/1.1 200")
    assert f"content-length: {len(CONTENT)}" in head.lower()
    assert body == b""
    head, body = await exchange(port, ask("GET", address, "Range: bytes=-1000"))
    assert head.startswith("HTTP/1.1 206")
    assert body == CONTENT[-1000:]
    head, body = await exchange(port, ask("GET", address))
    assert body == CONTENT


async def test_a_reader_that_does_not_read_holds_up_nobody(site: Site, port: int) -> None:
    publication = await site.completed(await site.queued(), CONTENT)
    stalled = [await asyncio.open_connection("127.0.0.1", port, limit=1024) for _ in range(20)]
    for reader, writer in stalled:
        writer.write(ask("GET", f"/s/{publication.token}/download").encode())
        assert await reader.readline() == b"HTTP/1.1 200 OK\r\n"
    head, _ = await exchange(port, ask("GET", "/healthz"))
    assert head.startswith("HTTP/1.1 200")
    for _, writer in stalled:
        writer.transport.abort()


@pytest.mark.parametrize(
    ("request_text", "status"),
    [
        (ask("TRACE", "/publish"), "405"),
        (ask("GET", "/healthz", f"X-Long: {'x' * 400_000}"), "400"),
        (ask("GET", f"/{'x' * 400_000}"), "400"),
        (ask("POST", "/publish", "Content-Length: 5", "Content-Length: 6"), "400"),
        (ask("POST", "/publish", "Content-Length: 5x"), "400"),
        (ask("POST", "/publish", "Transfer-Encoding: gzip"), "400"),
        (ask("GET", "/healthz", "Bad header: x"), "400"),
        ("GET /healthz\r\n\r\n", "400"),
    ],
    ids=[
        "trace",
        "long header",
        "long path",
        "two lengths",
        "no length",
        "a strange coding",
        "a blank in a name",
        "no version",
    ],
)
async def test_x42_requests_that_are_none_are_refused(port: int, request_text: str, status: str) -> None:
    head, _ = await exchange(port, request_text)
    assert head.startswith(f"HTTP/1.1 {status}")


@pytest.mark.parametrize(
    "begun", ["", "GET /healthz HTTP/1.1\r\nX: ", ask("GET", "/healthz").replace("close", "x") + "G"]
)
async def test_x42_a_head_that_does_not_come_is_not_waited_for(
    port: int, monkeypatch: pytest.MonkeyPatch, begun: str
) -> None:
    monkeypatch.setattr(patience, "_HEAD_SECONDS", 0.2)
    async with asyncio.timeout(20):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(begun.encode())
        answered = await reader.read()
        writer.close()
    assert answered.count(b"HTTP/1.1 ") == begun.count("Host")


async def test_x17_a_huge_body_is_refused_without_being_read(site: Site, port: int) -> None:
    key = site.as_mis()["Authorization"]
    headers = ("Content-Type: application/json", f"Content-Length: {50 << 20}", f"Authorization: {key}")
    head, body = await exchange(port, ask("POST", "/publish", *headers))
    assert head.startswith("HTTP/1.1 413")
    assert b'"status":413' in body
