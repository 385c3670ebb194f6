"""A request that a program has named is answered with the same task however often it comes."""

from collections.abc import Awaitable, Callable
from datetime import timedelta

from studypub.core.people import Program
from studypub.db import named_requests, tasks
from studypub.db.database import Database
from studypub.db.named_requests import Named
from studypub.errors import NameTaken
from studypub.flows.request import Answer, answer_of

KEPT_FOR = timedelta(days=1)


async def request_once(
    database: Database, api_key: Program, name: str, body_sha256: bytes, ask: Callable[[], Awaitable[Answer]]
) -> Answer:
    """Return what the request of this name was answered with, else `ask`. Raises NameTaken, and what `ask` raises.

    Were we to end between the two, it would be asked anew, and a study that is queued already is not queued again.
    """
    if (before := await _answered(database, api_key, name, body_sha256)) is not None:
        return before
    answer = await ask()
    async with database.transaction() as tx:
        await named_requests.add(tx, api_key.key_id, name, Named(body_sha256, answer.task.task_id))
    # Of two that came at once, both get the task of the one that was remembered.
    return await _answered(database, api_key, name, body_sha256) or answer


async def _answered(database: Database, api_key: Program, name: str, body_sha256: bytes) -> Answer | None:
    async with database.transaction() as tx:
        named = await named_requests.find(tx, api_key.key_id, name)
        if named is None:
            return None
        if named.body_sha256 != body_sha256:
            raise NameTaken
        task = await tasks.find(tx, named.task_id, clinic_code=api_key.clinic_code)
        return await answer_of(tx, task) if task else None
