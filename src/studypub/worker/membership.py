"""Keeps this machine's place among those that share the database, and knows whether it is on duty."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress

from studypub.core.machines import BEAT, Machine
from studypub.db import machines
from studypub.db.database import Database
from studypub.errors import DatabaseUnavailable, DiskFull, Sentence, StorageRefused, StorageUnavailable
from studypub.flows import join
from studypub.store.base import Store

log = logging.getLogger(__name__)

_MARK_SECONDS = 5.0
_UNPROVEN = Sentence(
    "Ещё не видно, что хранилище этой машины — то же, что у остальных: новые задания ждут.",
    "It is not known yet whether this machine's storage is that of the others: new tasks wait.",
)

Chore = Callable[[], Awaitable[object]]


class Membership:
    """Our place; `alone`: nobody else can use the database, since it is in our folder."""

    def __init__(self, me: Machine, *, alone: bool) -> None:
        self.me = me
        self._alone = alone
        self._has_duty = False
        self.has_others = False
        self._is_marked = False

    async def join(self, database: Database) -> None:
        """Take the place, and the duty where nobody has it. Raises NoPlace, DatabaseUnavailable."""
        self.me = await (join.enter if self._alone else join.join)(database, self.me)
        self._is_marked = self._alone
        await self._beat(database, None)

    def on_duty(self) -> bool:
        """Whether it is we who do what is to be done once for all, as the database said when it last answered."""
        return self._has_duty

    def on_duty_only(self, chore: Chore) -> Chore:
        """Return a chore that is left to the machine on duty."""

        async def done_by_one() -> None:
            if self.on_duty():
                await chore()

        return done_by_one

    def obstacle(self) -> Sentence | None:
        """Return why no task can be begun now: what we published might be where nobody else looks for it."""
        return _UNPROVEN if self.has_others and not self._is_marked else None

    async def run(self, database: Database, obstacle: Callable[[], Sentence | None]) -> None:
        """Beat for as long as the daemon runs. Raises NoPlace where our place was taken while we were silent."""
        while True:
            await asyncio.sleep(BEAT.total_seconds())
            with suppress(DatabaseUnavailable):  # whoever claims says so
                if not await self._beat(database, obstacle()):
                    await self._join_again(database)

    async def _join_again(self, database: Database) -> None:
        log.error("Эту машину сочли выключенной: занимаем место заново")
        before = self.me.machine_id
        await self.join(database)
        if self.me.machine_id != before:  # what runs here still bears the name that a copy of our folder has now
            await self.leave(database)
            raise join.NoPlace(
                reason_ru="Пока база данных была недоступна, место этой машины заняла копия её папки данных. "
                "Перезапустите studypub.",
                reason_en="While the database was away, a copy of this machine's data folder took its place. Restart "
                "studypub.",
            )

    async def prove_soon(self, database: Database, store: Store) -> None:
        """Prove it before we begin, where there are others and the storage answers soon. Raises NoPlace."""
        if self.has_others:
            with suppress(TimeoutError):
                async with asyncio.timeout(_MARK_SECONDS):
                    await self._prove(database, store)

    async def keep_proven(self, database: Database, store: Store) -> None:
        """Let the storage be seen to be that of the others, whenever we have joined them. Raises NoPlace."""
        while True:
            await self._prove(database, store)
            await asyncio.sleep(BEAT.total_seconds())

    async def _prove(self, database: Database, store: Store) -> None:
        if self._is_marked:
            return
        try:
            await join.mark_storage(database, store, self.me)
            self._is_marked = True
        except (DatabaseUnavailable, StorageUnavailable, StorageRefused, DiskFull):
            pass  # /readyz says so
        except join.NoPlace:
            await self.leave(database)
            raise

    async def leave(self, database: Database) -> None:
        """Give the place up, so that another need not wait for us."""
        self._has_duty = False
        with suppress(DatabaseUnavailable):
            async with database.transaction() as tx:
                await machines.leave(tx, self.me)

    async def _beat(self, database: Database, obstacle: Sentence | None) -> bool:
        async with database.transaction() as tx:
            is_here = await machines.beat(tx, self.me, obstacle)
            has_duty = is_here and await machines.take_duty(tx, self.me.machine_id)
            now, known = await tx.now(), await machines.known(tx)
        self._has_duty = has_duty
        self.has_others = any(one.machine_id != self.me.machine_id and one.lives(now) for one in known)
        return is_here
