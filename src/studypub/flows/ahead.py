"""What is done of a study while it still comes: threads that follow its retrieval."""

import asyncio
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from types import TracebackType
from typing import Self

from studypub.dicom.kept import SpooledInstance
from studypub.flows.prepare import Preparation
from studypub.flows.send import Sending


class Ahead:
    """Prepares and sends while the block runs; nothing is prepared afterwards, and only a finished archive stays."""

    def __init__(self, preparation: Preparation, sending: Sending, stop: threading.Event) -> None:
        """`stop` is the preparation's."""
        self._preparation = preparation
        self._sending = sending
        self._stop = stop
        # A thread of its own: it waits for images, whose retrieval must not wait for a free one.
        self._thread = ThreadPoolExecutor(1, "prepare")
        self._following: asyncio.Future[None] | None = None

    def follow(self, arriving: Iterator[SpooledInstance]) -> None:
        """Begin to prepare what comes."""
        loop = asyncio.get_running_loop()
        self._following = loop.run_in_executor(self._thread, self._preparation.follow, arriving)

    async def caught_up(self) -> None:
        """Return when all is prepared that has come; nothing more may be coming."""
        if self._following is not None:
            await self._following

    async def __aenter__(self) -> Self:
        """Open the archive. Raises DiskFull."""
        self._sending.begin(await asyncio.to_thread(self._preparation.begin))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is not None:
            self._stop.set()
        try:
            await self.caught_up()
        finally:
            self._thread.shutdown(wait=False)
            self._sending.abandon()
            await asyncio.to_thread(self._preparation.discard)
