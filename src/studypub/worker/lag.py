"""Measures how late the event loop wakes: whatever blocks it, blocks every page and every lease."""

import asyncio

from studypub.metrics import Metrics

_NAP_SECONDS = 0.5


async def measure_lag(metrics: Metrics) -> None:
    """Do so again and again, never to return."""
    loop = asyncio.get_running_loop()
    while True:
        due = loop.time() + _NAP_SECONDS
        await asyncio.sleep(_NAP_SECONDS)
        metrics.loop_lag.observe(max(0.0, loop.time() - due))
