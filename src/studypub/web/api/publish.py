"""The interface for hospital information systems: ask for a publication, ask how it stands."""

from datetime import datetime, timedelta
from typing import Any

from litestar import Request, Response, get, post
from litestar.params import FromQuery

from studypub.core.people import ApiKey
from studypub.core.request import PublishRequest, read_accession_number, read_request
from studypub.core.task import Origin
from studypub.db import queue, studies, tasks
from studypub.db.queue import QueueFilter
from studypub.errors import Sentence
from studypub.flows.request import Answer, Asker, answer_of, request_publication
from studypub.web.api import task_list
from studypub.web.api.answers import described, respond
from studypub.web.api.body import read_object
from studypub.web.api.documents import TaskDocument, TaskListDocument
from studypub.web.errors import Problem
from studypub.web.given import GivenApiKey, GivenLanguage, GivenParts
from studypub.web.guards import with_api_key
from studypub.web.language import Language
from studypub.web.parts import Parts

_NO_TASK = Sentence("Такого задания нет.", "There is no such task.")
_OTHER_CLINIC = Sentence(
    "Этот ключ API выдан другой клинике: clinic_code должен быть {clinic_code}.",
    "This API key belongs to another clinic: clinic_code must be {clinic_code}.",
)


@post("/publish", guards=[with_api_key])
async def publish(
    request: Request[Any, Any, Any], parts: GivenParts, api_key: GivenApiKey, language: GivenLanguage
) -> Response[TaskDocument]:
    """Queue a study, or answer with the task or the link that it has already."""
    document = await read_object(request)
    async with parts.database.transaction() as tx:
        now = await tx.now()
    wanted = _read(document, parts, api_key, now)
    answer = await request_publication(
        parts.database,
        wanted,
        Asker(api_key.actor, Origin.MIS),
        search_time=timedelta(minutes=parts.config.workers.search_minutes),
        most_in_progress=parts.config.workers.max_in_progress,
    )
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
) -> Response[TaskDocument] | Response[TaskListDocument]:
    """Tell how the newest task of an accession number stands; without one, list the clinic's tasks."""
    if accession_number is None:
        return await _listed(request, parts, api_key, language)
    wanted = read_accession_number(accession_number)
    async with parts.database.transaction() as tx:
        task = await tasks.newest_of_accession(tx, wanted, clinic_code=api_key.clinic_code)
        if task is None:
            raise Problem(404, _NO_TASK)
        return respond(await answer_of(tx, task), parts, await tx.now(), language)


async def _listed(
    request: Request[Any, Any, Any], parts: Parts, api_key: ApiKey, language: Language
) -> Response[TaskListDocument]:
    asked = task_list.read(request.query_params)
    wanted = QueueFilter(clinic_code=api_key.clinic_code, statuses=asked.statuses, text=asked.text)
    async with parts.database.transaction() as tx:
        lines = await queue.lines(tx, wanted, limit=asked.limit + 1, place=asked.after)
        made = await studies.of_tasks(tx, [line.task.task_id for line in lines])
        now = await tx.now()
    shown = lines[: asked.limit]
    return Response(
        TaskListDocument(
            tasks=[described(Answer(line.task, made.get(line.task.task_id)), parts, now, language) for line in shown],
            after=task_list.place(shown[-1].place) if len(lines) > asked.limit else None,
        ),
        headers={"Content-Language": language, "Vary": "Accept-Language"},
    )


def _read(document: dict[str, object], parts: Parts, api_key: ApiKey, now: datetime) -> PublishRequest:
    wanted = read_request(
        document,
        zones={clinic.code: clinic.zone for clinic in parts.config.clinics},
        default_clinic=api_key.clinic_code,
        now=now,
        longest=timedelta(days=parts.config.retention.max_days),
    )
    if wanted.clinic_code != api_key.clinic_code:
        raise Problem(403, _OTHER_CLINIC.filled(clinic_code=api_key.clinic_code))
    return wanted


routes = (publish, tasks_of_clinic)
