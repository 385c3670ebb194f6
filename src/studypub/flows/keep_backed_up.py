"""The daemon's own backups: made when the newest is old enough, by one machine, and as many kept as are wanted."""

import asyncio
import logging
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from studypub.config import Config
from studypub.db import settings
from studypub.db.database import Database, Transaction
from studypub.db.settings import BackedUp
from studypub.errors import StudypubError
from studypub.flows import backup
from studypub.store.base import Store

log = logging.getLogger(__name__)

LOOK_SECONDS = 60.0
_AGAIN_SECONDS = 900.0


async def keep_backed_up(
    config: Config, url: str, store: Store, database: Database, on_duty: Callable[[], bool] = lambda: True
) -> None:
    """Make a backup whenever one is due, the first a while after the start; what fails is tried again later.

    `on_duty`: whether it is for this machine to make it.
    """
    pause = LOOK_SECONDS
    while config.backup.every_hours:
        await asyncio.sleep(pause)
        pause = LOOK_SECONDS
        try:
            if on_duty() and await _is_due(config, database):
                await asyncio.to_thread(make, config, url, store)
                await _note(config, database)
        except (StudypubError, OSError):
            log.exception("Резервная копия не сделана, повторим через 15 минут")
            pause = _AGAIN_SECONDS
    await asyncio.Event().wait()


async def _is_due(config: Config, database: Database) -> bool:
    """Whether one is, and none of another machine's has been made since."""
    async with database.transaction() as tx:
        made, now = await elsewhere(tx, config), await tx.now()
    if made is not None and not _is_old(config, made.at, now):
        return False
    return await asyncio.to_thread(is_due, config, datetime.now(UTC))


async def elsewhere(tx: Transaction, config: Config) -> BackedUp | None:
    """Return the newest backup that a daemon made by itself, where that was another machine's."""
    made = await settings.backed_up(tx)
    return None if made is None or made.machine == config.dicom.ae_title else made


async def _note(config: Config, database: Database) -> None:
    """Let the other machines know."""
    async with database.transaction() as tx:
        made = BackedUp(await tx.now(), config.dicom.ae_title, str(config.backup_dir))
        await settings.note_backed_up(tx, made)


def is_due(config: Config, now: datetime) -> bool:
    """Whether the newest backup here is as old as it may become."""
    newest = backup.newest(config.backup_dir)
    return newest is None or _is_old(config, newest, now)


def _is_old(config: Config, made: datetime, now: datetime) -> bool:
    """Whether it is time for another; one from the future, of a clock that was wrong, counts as old."""
    return not timedelta() <= now - made < timedelta(hours=config.backup.every_hours)


def make(config: Config, url: str, store: Store) -> None:
    """Make one and remove the oldest. Raises as `backup.back_up`."""
    reserve = config.workers.least_free_mb << 20
    path, manifest = backup.back_up(url, store, config.backup_dir, with_objects=config.backup.archives, reserve=reserve)
    backup.rotate(config.backup_dir, config.backup.keep)
    log.info(
        "Резервная копия сделана и проверена восстановлением",
        extra={"details": {"file": path.name, "size": path.stat().st_size, "rows": sum(manifest.rows.values())}},
    )
