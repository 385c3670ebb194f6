"""What many people look at is made once for all of them."""

import asyncio
import time
from collections.abc import Callable, Coroutine, Hashable
from typing import Any, Final, NamedTuple

_FRESH_SECONDS: Final = 1.0  # pages ask every two


class _Made(NamedTuple):
    begun_at: float
    content: asyncio.Task[str]


class Shared:
    """Gives everybody who asks for the same, within a second or while it is being made, what was made for the first."""

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._made: dict[Hashable, _Made] = {}

    async def get(self, key: Hashable, make: Callable[[], Coroutine[Any, Any, str]]) -> str:
        """Return what `make` returns, or has returned; `key` is all that it depends on. Raises what it raises."""
        now = self._clock()
        self._made = {key: one for key, one in self._made.items() if _is_of_use(one, now)}
        found = self._made.get(key)
        if found is None:
            found = self._made[key] = _Made(now, asyncio.create_task(make()))
        # Whoever asked first may go away meanwhile.
        return await asyncio.shield(found.content)


def _is_of_use(made: _Made, now: float) -> bool:
    if not made.content.done():
        return True
    return now - made.begun_at < _FRESH_SECONDS and not made.content.cancelled() and made.content.exception() is None
