"""What many look at: made once a second, for whoever asks for the same."""

import asyncio

import pytest

from studypub.web.shared import Shared


class Kitchen:
    """Makes pages, and counts them."""

    def __init__(self) -> None:
        self.now = 0.0
        self.made = 0
        self.may_end = asyncio.Event()
        self.may_end.set()
        self.shared = Shared(clock=lambda: self.now)

    async def make(self) -> str:
        self.made += 1
        number = self.made
        await self.may_end.wait()
        return f"page {number}"

    async def get(self, key: str = "queue") -> str:
        return await self.shared.get(key, self.make)


async def test_it_is_made_once_for_all_who_ask_within_a_second() -> None:
    kitchen = Kitchen()
    assert set(await asyncio.gather(kitchen.get(), kitchen.get())) == {"page 1"}
    kitchen.now = 0.9
    assert await kitchen.get() == "page 1"
    assert await kitchen.get("another") == "page 2"
    kitchen.now = 1.0
    assert await kitchen.get() == "page 3"


async def test_what_takes_long_is_not_begun_again_meanwhile() -> None:
    kitchen = Kitchen()
    kitchen.may_end.clear()
    first = asyncio.create_task(kitchen.get())
    await asyncio.sleep(0)
    kitchen.now = 5.0
    second = asyncio.create_task(kitchen.get())
    await asyncio.sleep(0)
    first.cancel()  # whoever asked first closes the browser
    kitchen.may_end.set()
    assert await second == "page 1"


async def test_a_failure_is_told_to_those_who_waited_and_not_remembered() -> None:
    shared = Shared(clock=lambda: 0.0)

    async def fail() -> str:
        raise ValueError

    async def work() -> str:
        return "page"

    failed = await asyncio.gather(shared.get("queue", fail), shared.get("queue", work), return_exceptions=True)
    assert [type(one) for one in failed] == [ValueError, ValueError]
    assert await shared.get("queue", work) == "page"
    with pytest.raises(ValueError):  # noqa: PT011 - it says nothing
        await shared.get("another", fail)
