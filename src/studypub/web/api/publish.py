"""The interface for hospital information systems: ask for a publication, ask how it stands."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from litestar import Request, Response, get, post
from litestar.params import FromPath, FromQuery

from studypub.core.people import ApiKey
from studypub.core.request import PublishRequest, read_accession_number, read_request
from studypub.core.task import Origin, Task
from studypub.db import tasks
from studypub.db.database import Transaction
from studypub.errors import Sentence
from studypub.flows.request import Answer, Asker, answer_of, request_publication
from studypub.web.api.body import read_object
from studypub.web.api.documents import TaskDocument, task_document
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
    response = _respond(answer, parts, now, language)
    response.status_code = 200 if answer.publication else 202
    response.set_header("Location", f"/publish/{answer.task.task_id}")
    return response


@get("/publish/{task_id:str}", guards=[with_api_key])
async def task_by_id(
    task_id: FromPath[str], parts: GivenParts, api_key: GivenApiKey, language: GivenLanguage
) -> Response[TaskDocument]:
    """Tell how a task stands."""
    try:
        wanted = UUID(task_id)
    except ValueError:
        raise Problem(404, _NO_TASK) from None
    async with parts.database.transaction() as tx:
        answer = await _answer(tx, await tasks.find(tx, wanted, clinic_code=api_key.clinic_code))
        return _respond(answer, parts, await tx.now(), language)


@get("/publish", guards=[with_api_key])
async def task_by_accession_number(
    parts: GivenParts, api_key: GivenApiKey, language: GivenLanguage, accession_number: FromQuery[str | None] = None
) -> Response[TaskDocument]:
    """Tell how the newest task of an accession number stands."""
    wanted = read_accession_number(accession_number)
    async with parts.database.transaction() as tx:
        task = await tasks.newest_of_accession(tx, wanted, clinic_code=api_key.clinic_code)
        return _respond(await _answer(tx, task), parts, await tx.now(), language)


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


async def _answer(tx: Transaction, task: Task | None) -> Answer:
    if task is None:
        raise Problem(404, _NO_TASK)
    return await answer_of(tx, task)


def _respond(answer: Answer, parts: Parts, now: datetime, language: Language) -> Response[TaskDocument]:
    clinic = next((clinic for clinic in parts.config.clinics if clinic.code == answer.task.clinic_code), None)
    document = task_document(
        answer.task,
        answer.publication,
        base_url=parts.config.server.base_url,
        zone=clinic.zone if clinic else UTC,
        now=now,
        language=language,
    )
    return Response(document, headers={"Content-Language": language, "Vary": "Accept-Language"})


routes = (publish, task_by_id, task_by_accession_number)
