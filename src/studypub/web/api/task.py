"""One task, for the program of its clinic: how it stands, kept for longer, given up."""

from datetime import timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from litestar import Request, Response, delete, get, patch
from litestar.params import FromPath

from studypub.core.request import read_new_till
from studypub.core.task_document import TaskDocument
from studypub.db import tasks
from studypub.errors import Sentence
from studypub.flows.change import give_up, keep_task_until
from studypub.flows.request import answer_of
from studypub.web.api.answers import respond
from studypub.web.api.body import read_object
from studypub.web.errors import Problem
from studypub.web.given import GivenApiKey, GivenLanguage, GivenParts
from studypub.web.guards import with_api_key

_NO_TASK = Sentence("Такого задания нет.", "There is no such task.")


@get("/publish/{task_id:str}", guards=[with_api_key])
async def show(
    task_id: FromPath[str], parts: GivenParts, api_key: GivenApiKey, language: GivenLanguage
) -> Response[TaskDocument]:
    """Tell how a task stands."""
    async with parts.database.transaction() as tx:
        task = await tasks.find(tx, _read(task_id), clinic_code=api_key.clinic_code)
        if task is None:
            raise Problem(404, _NO_TASK)
        return respond(await answer_of(tx, task), parts, await tx.now(), language)


@patch("/publish/{task_id:str}", guards=[with_api_key])
async def keep(
    request: Request[Any, Any, Any],
    task_id: FromPath[str],
    parts: GivenParts,
    api_key: GivenApiKey,
    language: GivenLanguage,
) -> Response[TaskDocument]:
    """Change until when the study is kept."""
    wanted = _read(task_id)
    async with parts.database.transaction() as tx:
        now = await tx.now()
        task = await tasks.find(tx, wanted, clinic_code=api_key.clinic_code)
    if task is None:
        raise Problem(404, _NO_TASK)
    document, clinic = await read_object(request), parts.config.clinic(task.clinic_code)
    asked = read_new_till(
        document,
        zone=clinic.zone if clinic else ZoneInfo("UTC"),
        now=now,
        longest=timedelta(days=parts.config.retention.max_days),
    )
    answer = await keep_task_until(
        parts.database,
        wanted,
        asked.till,
        cut=asked.was_cut,
        actor=api_key.actor,
        clinic_code=api_key.clinic_code,
    )
    return respond(answer, parts, now, language)


@delete("/publish/{task_id:str}", guards=[with_api_key], status_code=200)
async def remove(
    task_id: FromPath[str], parts: GivenParts, api_key: GivenApiKey, language: GivenLanguage
) -> Response[TaskDocument]:
    """Cancel the task, or withdraw what it has published; what has ended already is answered as it is."""
    answer = await give_up(parts.database, _read(task_id), actor=api_key.actor, clinic_code=api_key.clinic_code)
    async with parts.database.transaction() as tx:
        return respond(answer, parts, await tx.now(), language)


def _read(task_id: str) -> UUID:
    try:
        return UUID(task_id)
    except ValueError:
        raise Problem(404, _NO_TASK) from None


routes = (show, keep, remove)
