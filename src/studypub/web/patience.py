"""Waits for a request only so long: for its head, by the connection, and for its body, by the application."""

import asyncio
from typing import Any, cast

from litestar.enums import ScopeType
from litestar.exceptions import HTTPException
from litestar.types import ASGIApp, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol, RequestResponseCycle

_HEAD_SECONDS = 20.0
_BODY_SECONDS = 30.0


def patient(app: ASGIApp) -> ASGIApp:
    """Return the application behind a deadline for each request's body."""

    async def receive_in_time(scope: Scope, receive: Receive, send: Send) -> None:
        await app(scope, _Body(receive) if scope["type"] == ScopeType.HTTP else receive, send)

    return receive_in_time


class _Body:
    """Receives a body before its deadline; what comes after it, the reader's going, may take any time."""

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._deadline = asyncio.get_running_loop().time() + _BODY_SECONDS
        self._is_whole = False

    async def __call__(self) -> Any:
        if self._is_whole:
            return await self._receive()
        try:
            async with asyncio.timeout_at(self._deadline):
                message: Any = await self._receive()
        except TimeoutError:
            raise HTTPException(status_code=408, headers={"Connection": "close"}) from None
        self._is_whole = not message.get("more_body", False)
        return message


class HeadInTime(H11Protocol):
    """A connection that is closed where a request's head does not arrive in time (X42: one byte a second)."""

    _timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait for the first head."""
        super().connection_made(transport)
        self._wait()

    def data_received(self, data: bytes) -> None:
        """Stop waiting with the last byte of the head."""
        super().data_received(data)
        if self._is_idle():
            self._wait()
        else:
            self._stop()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop waiting."""
        self._stop()
        super().connection_lost(exc)

    def _wait(self) -> None:
        if self._timer is None:
            self._timer = self.loop.call_later(_HEAD_SECONDS, self._give_up)

    def _stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _is_idle(self) -> bool:
        cycle = cast("RequestResponseCycle | None", self.cycle)  # None before the first request
        return cycle is None or cycle.response_complete

    def _give_up(self) -> None:
        self._timer = None
        if self._is_idle():
            self.transport.close()
