"""The doctor's checks that can be done while the daemon runs, all at once."""

import asyncio
from collections.abc import Callable
from functools import partial

from studypub.config import Clinic, Config, Current
from studypub.db.database import Database
from studypub.flows.doctor import of_pacs, while_running
from studypub.flows.examine.causes import settings
from studypub.flows.examine.database import examine_open
from studypub.flows.examine.finding import Finding
from studypub.flows.examine.probes import Asked

_SECONDS = 40.0


async def check_now(current: Current, database: Database, daemon: Asked, *, seconds: float = _SECONDS) -> list[Finding]:
    """Really use every part and say what was found; what does not come back in time is a finding, too."""
    parts = [_in_time(part, seconds) for part in while_running(current, daemon)]
    found = await asyncio.gather(examine_open(database, current), *parts)
    return [finding for findings in found for finding in findings]


async def check_pacs(config: Config, clinic: Clinic, *, seconds: float = _SECONDS) -> list[Finding]:
    """Use each PACS of a clinic, which need not be one of ours yet, and say what was found."""
    each = (_in_time(partial(of_pacs, config, clinic, pacs), seconds) for pacs in clinic.every_pacs)
    return [finding for findings in await asyncio.gather(*each) for finding in findings]


async def _in_time(part: Callable[[], list[Finding]], seconds: float) -> list[Finding]:
    try:
        async with asyncio.timeout(seconds):
            return await asyncio.to_thread(part)
    except TimeoutError:
        return [settings.LATE.found(seconds=seconds)]
