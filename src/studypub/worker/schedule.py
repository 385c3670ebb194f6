"""Says when housekeeping is due; the work itself is done by whoever takes it from the queue."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Self

from apscheduler.schedulers.asyncio import AsyncIOScheduler
from apscheduler.triggers.interval import IntervalTrigger

log = logging.getLogger(__name__)

Chore = Callable[[], Awaitable[object]]
_EVERY = timedelta(minutes=1)


class Housekeeping:
    """Runs the chores one after another, at the start and then every minute; a late one is done once, not skipped."""

    def __init__(self, chores: Mapping[str, Chore], *, every: timedelta = _EVERY) -> None:
        self._chores = chores
        self._every = every
        self._due: asyncio.Queue[str] = asyncio.Queue()
        self._waiting: set[str] = set()
        self._scheduler = AsyncIOScheduler(timezone="UTC")

    async def __aenter__(self) -> Self:
        for name in self._chores:
            await self._fall_due(name)
            self._scheduler.add_job(
                self._fall_due,
                IntervalTrigger(seconds=self._every.total_seconds()),
                args=[name],
                id=name,
                coalesce=True,
                misfire_grace_time=None,
            )
        self._scheduler.start()
        return self

    async def _fall_due(self, name: str) -> None:
        """Put a chore on the list; a coroutine, since APScheduler calls plain functions in other threads."""
        if name not in self._waiting:
            self._waiting.add(name)
            self._due.put_nowait(name)

    async def __aexit__(self, *_: object) -> None:
        self._scheduler.shutdown(wait=False)

    async def _next(self) -> str:
        """Wait for what falls due; where nothing does for too long, the scheduler's clock was set back: begin anew."""
        while True:
            try:
                async with asyncio.timeout(2 * self._every.total_seconds()):
                    return await self._due.get()
            except TimeoutError:
                for job in self._scheduler.get_jobs():
                    job.modify(next_run_time=datetime.now(UTC))

    async def run(self) -> None:
        """Do what falls due until cancelled; a chore that fails is tried again when it falls due again."""
        while True:
            name = await self._next()
            self._waiting.discard(name)
            try:
                await self._chores[name]()
            except Exception:  # whatever one chore does, the others are done, and studies published
                log.exception("Обслуживание «%s» не выполнено", name)
