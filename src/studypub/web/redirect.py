"""What is answered over plain HTTP where we speak TLS ourselves: the address over HTTPS, and certbot's challenges."""

import asyncio
import re
from pathlib import Path
from typing import Any

from litestar.enums import ScopeType
from litestar.types import ASGIApp, Receive, Scope, Send

_CHALLENGE = re.compile(r"/\.well-known/acme-challenge/([A-Za-z0-9_-]{1,200})")  # RFC 8555 8.3
_LARGEST_CHALLENGE = 4096


def redirecting(base_url: str, challenges: Path | None) -> ASGIApp:
    """Return an application that leads to `base_url`, and serves what lies in `challenges` (a webroot of certbot)."""

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        del receive
        if scope["type"] != ScopeType.HTTP:
            return
        challenge = await asyncio.to_thread(_challenge, challenges, scope["path"])
        if challenge is None:
            location = base_url.encode() + _target(scope)
            await _send(send, 308, [(b"location", location), (b"referrer-policy", b"no-referrer")], b"")
        else:
            await _send(send, 200, [(b"content-type", b"text/plain")], challenge)

    return answer


def _target(scope: Any) -> bytes:
    path: bytes = scope["raw_path"]
    query: bytes = scope["query_string"]
    # What does not begin so (`OPTIONS *`) would become a part of the host's name.
    return (path if path.startswith(b"/") else b"/") + (b"?" + query if query else b"")


def _challenge(folder: Path | None, path: str) -> bytes | None:
    named = _CHALLENGE.fullmatch(path)
    if folder is None or named is None:
        return None
    try:
        with (folder / ".well-known" / "acme-challenge" / named[1]).open("rb") as file:
            return file.read(_LARGEST_CHALLENGE)
    except OSError:
        return None


async def _send(send: Send, status: int, headers: list[tuple[bytes, bytes]], body: bytes) -> None:
    start: Any = {
        "type": "http.response.start",
        "status": status,
        "headers": [*headers, (b"content-length", str(len(body)).encode()), (b"cache-control", b"no-store")],
    }
    await send(start)
    await send({"type": "http.response.body", "body": body, "more_body": False})
