"""The daemon's own backups: made when the newest is old enough, and as many kept as are wanted."""

import asyncio
import logging
from datetime import UTC, datetime, timedelta

from studypub.config import Config
from studypub.errors import StudypubError
from studypub.flows import backup
from studypub.store.base import Store

log = logging.getLogger(__name__)

LOOK_SECONDS = 60.0
_AGAIN_SECONDS = 900.0


async def keep_backed_up(config: Config, url: str, store: Store) -> None:
    """Make a backup whenever one is due, the first a while after the start; what fails is tried again later."""
    pause = LOOK_SECONDS
    while config.backup.every_hours:
        await asyncio.sleep(pause)
        pause = LOOK_SECONDS
        try:
            if await asyncio.to_thread(is_due, config, datetime.now(UTC)):
                await asyncio.to_thread(make, config, url, store)
        except (StudypubError, OSError):
            log.exception("Резервная копия не сделана, повторим через 15 минут")
            pause = _AGAIN_SECONDS
    await asyncio.Event().wait()


def is_due(config: Config, now: datetime) -> bool:
    """Whether the newest backup is as old as it may become; one from the future, of a clock that was wrong, too."""
    newest = backup.newest(config.backup_dir)
    return newest is None or not timedelta() <= now - newest < timedelta(hours=config.backup.every_hours)


def make(config: Config, url: str, store: Store) -> None:
    """Make one and remove the oldest. Raises as `backup.back_up`."""
    reserve = config.workers.least_free_mb << 20
    path, manifest = backup.back_up(url, store, config.backup_dir, with_objects=config.backup.archives, reserve=reserve)
    backup.rotate(config.backup_dir, config.backup.keep)
    log.info(
        "Резервная копия сделана и проверена восстановлением",
        extra={"details": {"file": path.name, "size": path.stat().st_size, "rows": sum(manifest.rows.values())}},
    )
