"""Housekeeping falls due at the start and again and again, from the loop's own thread."""

import asyncio
import threading
from collections.abc import Awaitable, Callable
from datetime import timedelta

import pytest

from studypub.errors import StorageUnavailable
from studypub.worker.schedule import Housekeeping

OFTEN = timedelta(seconds=0.05)


async def run_until(done: asyncio.Event, chores: dict[str, Callable[[], Awaitable[object]]]) -> None:
    async with Housekeeping(chores, every=OFTEN) as housekeeping:
        running = asyncio.create_task(housekeeping.run())
        try:
            await asyncio.wait_for(done.wait(), 60)
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)


async def test_every_chore_is_done_at_the_start_and_again() -> None:
    done, counts, threads = asyncio.Event(), {"a": 0, "b": 0}, set()

    def chore(name: str) -> Callable[[], Awaitable[object]]:
        async def count() -> None:
            threads.add(threading.current_thread())
            counts[name] += 1
            if min(counts.values()) >= 3:
                done.set()

        return count

    await run_until(done, {"a": chore("a"), "b": chore("b")})
    assert threads == {threading.main_thread()}


@pytest.mark.parametrize("why", [StorageUnavailable, ZeroDivisionError])
async def test_a_chore_that_fails_is_tried_again_and_holds_nobody_up(why: type[Exception]) -> None:
    done, tries = asyncio.Event(), []

    async def fails() -> None:
        tries.append("fails")
        raise why

    async def works() -> None:
        if tries.count("fails") >= 2:
            done.set()

    await run_until(done, {"fails": fails, "works": works})


async def test_a_chore_that_takes_long_is_not_piled_up() -> None:
    """While it runs, both fall due again and again; each waits once."""
    waiting: list[int] = []
    done = asyncio.Event()

    async def slow() -> None:
        # A thread that waits leaves the loop to the scheduler for many rounds.
        await asyncio.to_thread(threading.Event().wait, 10 * OFTEN.total_seconds())
        waiting.append(housekeeping._due.qsize())
        done.set()

    async def other() -> None:
        pass

    async with Housekeeping({"slow": slow, "other": other}, every=OFTEN) as housekeeping:
        running = asyncio.create_task(housekeeping.run())
        await asyncio.wait_for(done.wait(), 60)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
    assert waiting[0] == 2


async def test_nothing_is_called_from_a_foreign_thread(recwarn: pytest.WarningsRecorder) -> None:
    """The loop's queue is not to be touched by the scheduler's threads."""
    done, calls = asyncio.Event(), 0

    async def chore() -> None:
        nonlocal calls
        calls += 1
        if calls >= 3:
            done.set()

    loop = asyncio.get_running_loop()
    loop.set_debug(True)  # it complains of calls from other threads
    try:
        await run_until(done, {"chore": chore})
    finally:
        loop.set_debug(False)
    assert not recwarn.list
