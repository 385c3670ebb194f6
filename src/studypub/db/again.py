"""Does once more what PostgreSQL gave up for another transaction's sake."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from functools import wraps
from typing import ParamSpec, TypeVar

from studypub.errors import Collision

_P = ParamSpec("_P")
_T = TypeVar("_T")
_TRIES = 5
_FIRST_SECONDS = 0.02


def again_on_collision(work: Callable[_P, Awaitable[_T]]) -> Callable[_P, Awaitable[_T]]:
    """Do whole transactions again after a deadlock or a serialization failure, up to five times in all.

    The pause doubles and is random, so that the two do not meet again.
    """

    @wraps(work)
    async def patient(*args: _P.args, **kwargs: _P.kwargs) -> _T:
        for tried in range(1, _TRIES):
            try:
                return await work(*args, **kwargs)
            except Collision:
                await asyncio.sleep(random.uniform(0.5, 1.5) * _FIRST_SECONDS * 2**tried)  # noqa: S311 - not a secret
        return await work(*args, **kwargs)

    return patient
