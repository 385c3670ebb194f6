"""Delivers messages as they fall due, several at a time, few of them to one taker."""

import asyncio
import logging
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import suppress

from studypub.core.outbox import Message
from studypub.errors import DatabaseUnavailable

log = logging.getLogger(__name__)
_POLL_SECONDS = 1.0
_LAST_SECONDS = 3.0
_AT_ONCE = 16
_TO_ONE = 2  # whoever is slow holds up nobody else


class Deliveries:
    """What runs, and for whom; `claim` takes a message for none of those that are named, `deliver` hands it over."""

    def __init__(
        self, claim: Callable[[list[str]], Awaitable[Message | None]], deliver: Callable[[Message], Awaitable[None]]
    ) -> None:
        self._claim, self._deliver = claim, deliver
        self._running: dict[asyncio.Task[None], str] = {}

    async def run(self) -> None:
        """Do so until cancelled; what is still on its way soon after is sent anew when its lease has run out."""
        try:
            while True:
                while message := await self._next():
                    running = asyncio.create_task(self._one(message), name=f"message {message.message_id}")
                    self._running[running] = message.target
                await self._pause()
        finally:
            if self._running:
                await asyncio.wait(self._running, timeout=_LAST_SECONDS)
            for running in self._running:
                running.cancel()
            await asyncio.gather(*self._running, return_exceptions=True)

    async def _next(self) -> Message | None:
        if len(self._running) >= _AT_ONCE:
            return None
        busy = [target for target, number in Counter(self._running.values()).items() if number >= _TO_ONE]
        with suppress(DatabaseUnavailable):  # whoever claims tasks says so
            return await self._claim(busy)
        return None

    async def _pause(self) -> None:
        """Wait until something ends or it is time to look again."""
        if not self._running:
            await asyncio.sleep(_POLL_SECONDS)
            return
        done, _ = await asyncio.wait(self._running, timeout=_POLL_SECONDS, return_when=asyncio.FIRST_COMPLETED)
        for one in done:
            del self._running[one]

    async def _one(self, message: Message) -> None:
        with suppress(DatabaseUnavailable):  # it is sent anew when its lease has run out
            await self._deliver(message)
