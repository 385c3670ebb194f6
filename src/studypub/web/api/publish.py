"""The interface for hospital information systems: ask for a publication, ask how it stands."""

import re
from hashlib import sha256
from typing import Any

from litestar import Request, Response, get, post
from litestar.params import FromQuery

from studypub.core.request import read_accession_number
from studypub.core.task_document import TaskDocument
from studypub.db import queue, studies, tasks
from studypub.db.queue import QueueFilter
from studypub.errors import Sentence
from studypub.flows.request import Answer, answer_of
from studypub.flows.request_named import request_once
from studypub.web.api import task_list
from studypub.web.api.answers import described, respond
from studypub.web.api.asking import asked, clinic_of
from studypub.web.api.body import read_object
from studypub.web.api.documents import TaskListDocument
from studypub.web.errors import Problem
from studypub.web.given import GivenApiKey, GivenLanguage, GivenNow, GivenParts
from studypub.web.guards import with_api_key
from studypub.web.language import Language
from studypub.web.parts import Parts

_NO_TASK = Sentence("Такого задания нет.", "There is no such task.")
_NO_NAME = Sentence(
    "Idempotency-Key: от 1 до 255 печатных знаков ASCII.", "Idempotency-Key: 1 to 255 printable ASCII characters."
)
_NAME = re.compile(r"[\x21-\x7e]{1,255}")


@post("/publish", guards=[with_api_key])
async def publish(
    request: Request[Any, Any, Any],
    parts: GivenParts,
    api_key: GivenApiKey,
    now: GivenNow,
    language: GivenLanguage,
) -> Response[TaskDocument]:
    """Queue a study, or answer with the task or the link that it has already."""
    name = _name_of(request)
    document = await read_object(request)

    async def ask() -> Answer:
        return await asked(document, parts, api_key, now)

    if name is None:
        answer = await ask()
    else:
        digest = sha256(await request.body()).digest()
        answer = await request_once(parts.database, api_key, name, digest, ask)
    response = respond(answer, parts, now, language)
    response.status_code = 200 if answer.publication else 202
    response.set_header("Location", f"/publish/{answer.task.task_id}")
    return response


@get("/publish", guards=[with_api_key])
async def tasks_of_clinic(
    request: Request[Any, Any, Any],
    parts: GivenParts,
    api_key: GivenApiKey,
    language: GivenLanguage,
    accession_number: FromQuery[str | None] = None,
    clinic_code: FromQuery[str | None] = None,
) -> Response[TaskDocument] | Response[TaskListDocument]:
    """Tell how the newest task of an accession number stands; without one, list the clinic's tasks."""
    clinic_code = clinic_of(api_key, parts, clinic_code)
    if accession_number is None:
        return await _listed(request, parts, clinic_code, language)
    wanted = read_accession_number(accession_number)
    async with parts.database.transaction() as tx:
        task = await tasks.newest_of_accession(tx, wanted, clinic_code=clinic_code)
        if task is None:
            raise Problem(404, _NO_TASK)
        return respond(await answer_of(tx, task), parts, await tx.now(), language)


async def _listed(
    request: Request[Any, Any, Any], parts: Parts, clinic_code: str | None, language: Language
) -> Response[TaskListDocument]:
    part = task_list.read(request.query_params)
    wanted = QueueFilter(clinic_code=clinic_code, statuses=part.statuses, text=part.text)
    async with parts.database.transaction() as tx:
        lines = await queue.lines(tx, wanted, limit=part.limit + 1, place=part.after)
        made = await studies.of_tasks(tx, [line.task.task_id for line in lines])
        now = await tx.now()
    shown = lines[: part.limit]
    return Response(
        TaskListDocument(
            tasks=[described(Answer(line.task, made.get(line.task.task_id)), parts, now, language) for line in shown],
            after=task_list.place(shown[-1].place) if len(lines) > part.limit else None,
        ),
        headers={"Content-Language": language, "Vary": "Accept-Language"},
    )


def _name_of(request: Request[Any, Any, Any]) -> str | None:
    """Return the Idempotency-Key, where there is one. Raises Problem."""
    name = request.headers.get("idempotency-key")
    if name is not None and not _NAME.fullmatch(name):
        raise Problem(400, _NO_NAME)
    return name


routes = (publish, tasks_of_clinic)
