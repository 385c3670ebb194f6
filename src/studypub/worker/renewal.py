"""Looks after certificates that are renewed, for as long as the daemon runs."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress

from studypub.tls.renewal import Renewed

_LOOK_SECONDS = 60.0


async def keep_renewed(every: Sequence[Renewed], told: asyncio.Event) -> None:
    """Look every minute, never to return, whether their files have changed; at once when we are told."""
    while True:
        with suppress(TimeoutError):
            async with asyncio.timeout(_LOOK_SECONDS):
                await told.wait()
        anyway = told.is_set()
        told.clear()
        for one in every:
            await asyncio.to_thread(one.renew, anyway=anyway)
