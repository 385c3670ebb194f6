"""The doctor's checks that can be done while the daemon runs, all at once."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime

from studypub.config import Config
from studypub.db.database import Database
from studypub.errors import Sentence, StudypubError
from studypub.flows.doctor import Finding, clocks_agree, while_running

_SECONDS = 40.0


async def check_now(config: Config, database: Database, *, seconds: float = _SECONDS) -> list[Finding]:
    """Really use every part and say what was found; what does not come back in time is a finding, too."""
    parts = [_in_time(part, seconds) for part in while_running(config)]
    found = await asyncio.gather(_database(database), *parts)
    return [finding for findings in found for finding in findings]


async def _database(database: Database) -> list[Finding]:
    try:
        async with database.transaction() as tx:
            skew = abs((await tx.now() - datetime.now(UTC)).total_seconds())
    except StudypubError as error:
        return [Finding(False, error.sentence)]
    return [Finding(True, Sentence("База данных отвечает.", "The database answers.")), clocks_agree(skew)]


async def _in_time(part: Callable[[], list[Finding]], seconds: float) -> list[Finding]:
    try:
        async with asyncio.timeout(seconds):
            return await asyncio.to_thread(part)
    except TimeoutError:
        sentence = Sentence(
            f"Проверка не закончилась за {seconds:.0f} с. Посмотрите, не зависла ли сеть или хранилище.",
            f"A check did not end within {seconds:.0f} s. See whether the network or the storage hangs.",
        )
        return [Finding(False, sentence)]
