"""Serves an application on a socket, over TLS where there is a context for it."""

import asyncio
import contextlib
import socket
import ssl
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager

import uvicorn
from litestar.types import ASGIApp

from studypub.web.patience import HeadInTime

_CONNECTIONS_AT_ONCE = 2_000
_GRACE_SECONDS = 3


class _Server(uvicorn.Server):
    """Leaves the signals to the daemon."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


@asynccontextmanager
async def listening(
    app: ASGIApp, listener: socket.socket, ended: Callable[[], None], context: ssl.SSLContext | None = None
) -> AsyncIterator[str]:
    """Serve while the block lasts; give address and port. `ended` is called when the serving has ended."""
    server = _Server(
        uvicorn.Config(
            app,
            log_config=None,
            access_log=False,
            proxy_headers=False,
            server_header=False,
            http=HeadInTime,
            ssl_context_factory=None if context is None else lambda *_: context,
            limit_concurrency=_CONNECTIONS_AT_ONCE,
            timeout_graceful_shutdown=_GRACE_SECONDS,
        )
    )
    serving = asyncio.create_task(server.serve(sockets=[listener]), name="web")
    serving.add_done_callback(lambda _: ended())
    try:
        host, port = listener.getsockname()[:2]
        yield f"{host}:{port}"
    finally:
        server.should_exit = True
        await serving
