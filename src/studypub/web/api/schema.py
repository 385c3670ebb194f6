"""Describes the interface for programs as OpenAPI 3.1."""

from functools import cache
from http import HTTPStatus
from typing import Any

import orjson
from litestar import Response, get
from msgspec.json import schema_components

from studypub import __version__
from studypub.core.task_document import TaskDocument
from studypub.web.api.body import MOST
from studypub.web.api.documents import (
    BatchDocument,
    CallbackDocument,
    KeepDocument,
    ProblemDocument,
    PublishDocument,
    TaskListDocument,
)
from studypub.web.api.task_list import LONGEST
from studypub.web.api.webhook import webhook
from studypub.web.errors import PROBLEM_MEDIA_TYPE

_TASK: dict[str, Any] = {
    "task_id": "7f1c9a52-3c1e-4f0e-9d6c-0c6f4a1f8b55",
    "status": "COMPLETED",
    "patient_id": "1000001158664",
    "accession_number": "KP125706548L",
    "emk_record_id": "123456",
    "clinic_code": "f_Khimki",
    "created_at": "2025-02-01T16:20:00+03:00",
    "updated_at": "2025-02-01T16:21:07+03:00",
    "progress": {"received": 120, "expected": 120},
    "received_bytes": 61865984,
    "error": None,
    "arch_link": "https://studies.clinic.example/s/4hV0bq9ZkTnR2xW7yLdE1m",
    "size": 53477376,
    "study_date": "2025-02-01T16:18:02+03:00",
    "upload_date": "2025-02-01T16:21:07+03:00",
    "save_till": "2025-03-01T00:00:00+03:00",
    "pin": False,
    "partial": False,
    "save_till_limited": False,
    "left_out": [],
    "covered": 0,
    "faces": 0,
}
_QUEUED = {
    **_TASK,
    "status": "QUEUED",
    "progress": {"received": 0, "expected": None},
    "received_bytes": 0,
    **dict.fromkeys(("arch_link", "size", "upload_date", "save_till")),
}
_REQUEST = {
    "patient_id": "1000001158664",
    "accession_number": "KP125706548L",
    "emk_record_id": "123456",
    "clinic_code": "f_Khimki",
    "service_code": "A01.201.405.002",
    "service_title": "МРТ суставов",
    "study_date": "2025-02-01T16:18:02+03:00",
    "save_till_date": "2025-03-01T00:00:00+03:00",
    "pin": "271828",
    "archive_format": "zip",
}
_PROBLEMS = {
    400: "The body is not a JSON object in UTF-8",
    401: "No valid API key, and no token that counts as one",
    403: "The document names another clinic than the key's",
    404: "There is no such task in the key's clinic",
    409: "Nothing is kept any more; `detail` says why",
    413: "The body is larger than 1 MiB",
    415: "The body is not application/json, or it is compressed",
    422: "Fields are missing or wrong; `errors` names each",
    429: "More than the key may ask, or the clinic may queue; try again after Retry-After seconds",
    500: "Internal error",
    503: "The database, or the issuer of tokens, is unavailable; try again after Retry-After seconds",
}
_SECURITY = {
    "apiKey": {"type": "http", "scheme": "bearer", "description": "A key that an administrator has made"},
    "token": {
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": "JWT",
        "description": "Where [mis_tokens] is configured: a JWT of that issuer for that audience, signed by RS256, "
        "PS256 or ES256, with sub, with iat and exp at most 65 minutes apart, and with the claims that name the clinic "
        "and the right",
    },
}
_ALWAYS = (401, 429, 500, 503)


@get("/schema/openapi.json", sync_to_thread=False)
def openapi_json() -> Response[bytes]:
    """Send the description."""
    return Response(orjson.dumps(openapi()), media_type="application/json")


@cache
def openapi() -> dict[str, Any]:
    """Return the description as data."""
    _, schemas = schema_components(
        [
            TaskDocument,
            TaskListDocument,
            BatchDocument,
            PublishDocument,
            KeepDocument,
            CallbackDocument,
            ProblemDocument,
        ],
        ref_template="#/components/schemas/{name}",
    )
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "StudyPublicator",
            "version": __version__,
            "description": "Publishes de-identified imaging studies by one short link. "
            "Texts are in Russian unless Accept-Language prefers English. "
            "FHIR R4 at /fhir describes itself: GET /fhir/metadata answers with its CapabilityStatement.",
        },
        "servers": [{"url": "/"}],
        "security": [{"apiKey": []}, {"token": []}],
        "paths": {
            "/publish": {"post": _publish(), "get": _tasks()},
            "/publish/batch": {"post": _publish_many()},
            "/publish/{task_id}": {"get": _by_id(), "patch": _keep(), "delete": _remove()},
        },
        "webhooks": {"task": {"post": webhook(_TASK)}},
        "components": {
            "schemas": schemas,
            "responses": {str(status): _problem(status, text) for status, text in _PROBLEMS.items()},
            "securitySchemes": _SECURITY,
        },
    }


def _publish() -> dict[str, Any]:
    return {
        "operationId": "publish",
        "summary": "Ask for a study to be published; asking again is safe and answers with the same task",
        "parameters": [_name(), _language()],
        "requestBody": {
            "required": True,
            "content": {
                "application/json": {"schema": {"$ref": "#/components/schemas/PublishDocument"}, "example": _REQUEST}
            },
        },
        "responses": {
            "200": _task("The study is published already", _TASK, located=True),
            "202": _task("The study is queued, now or before", _QUEUED, located=True),
            **_refusals(400, 403, 413, 415, 422),
        },
    }


def _publish_many() -> dict[str, Any]:
    one = {"$ref": "#/components/schemas/PublishDocument"}
    lines = f"{orjson.dumps(_REQUEST).decode()}\n"
    answers = [
        {"status": 202, "task": _QUEUED},
        {"status": 422, "problem": {"title": "Unprocessable Content", "status": 422, "detail": "…"}},
    ]
    schema = {"$ref": "#/components/schemas/BatchDocument"}
    return {
        "operationId": "publishMany",
        "summary": f"Ask for up to {MOST} studies; one that is refused holds up no other",
        "parameters": [_language()],
        "requestBody": {
            "required": True,
            "content": {
                "application/json": {
                    "schema": {"type": "array", "maxItems": MOST, "items": one},
                    "example": [_REQUEST],
                },
                "application/x-ndjson": {"schema": {"type": "string"}, "example": lines},
            },
        },
        "responses": {
            "200": {
                "description": "What each was answered, in their order",
                "content": {"application/json": {"schema": schema, "example": {"answers": answers}}},
            },
            **_refusals(400, 413, 415),
        },
    }


def _name() -> dict[str, Any]:
    return {
        "name": "Idempotency-Key",
        "in": "header",
        "description": "A name of the request: however often it comes within a day, it is answered with the same task",
        "schema": {"type": "string", "minLength": 1, "maxLength": 255},
    }


def _tasks() -> dict[str, Any]:
    texts = {
        "accession_number": "Answers with the newest task of this number alone; goes with none of the others",
        "clinic_code": "A clinic, where the API key is of every one",
        "status": "States, joined by commas",
        "q": "A part of one of the task's numbers",
        "limit": f"How many, at most {LONGEST}",
        "after": "What an answer before gave as `after`",
    }
    asked = [
        {"name": name, "in": "query", "description": text, "schema": {"type": "string"}} for name, text in texts.items()
    ]
    kinds = [{"$ref": f"#/components/schemas/{name}"} for name in ("TaskDocument", "TaskListDocument")]
    examples = {"one": {"value": _TASK}, "list": {"value": {"tasks": [_TASK], "after": None}}}
    content = {"application/json": {"schema": {"oneOf": kinds}, "examples": examples}}
    return {
        "operationId": "tasks",
        "summary": "The newest task of an accession number, or a list of tasks, the newest first",
        "parameters": [*asked, _language()],
        "responses": {"200": {"description": "The task, or tasks", "content": content}, **_refusals(403, 404, 422)},
    }


def _by_id() -> dict[str, Any]:
    return {
        "operationId": "taskById",
        "summary": "A task",
        "parameters": [_task_id(), _language()],
        "responses": {"200": _task("The task", _TASK), **_refusals(404)},
    }


def _keep() -> dict[str, Any]:
    schema = {"$ref": "#/components/schemas/KeepDocument"}
    example = {"save_till_date": "2025-06-01"}
    return {
        "operationId": "keepTask",
        "summary": "Change until when the study is kept, published or not yet",
        "parameters": [_task_id(), _language()],
        "requestBody": {"required": True, "content": {"application/json": {"schema": schema, "example": example}}},
        "responses": {"200": _task("The task", _TASK), **_refusals(400, 404, 409, 413, 415, 422)},
    }


def _remove() -> dict[str, Any]:
    example = {**_TASK, "status": "CANCELLED", "arch_link": None}
    return {
        "operationId": "removeTask",
        "summary": "Cancel a task, or close the link that it made at once; asking again is safe",
        "parameters": [_task_id(), _language()],
        "responses": {"200": _task("The task, which has ended", example), **_refusals(404)},
    }


def _task_id() -> dict[str, Any]:
    return {"name": "task_id", "in": "path", "required": True, "schema": {"type": "string", "format": "uuid"}}


def _language() -> dict[str, Any]:
    return {"name": "Accept-Language", "in": "header", "schema": {"type": "string"}, "example": "en"}


def _task(description: str, example: dict[str, Any], *, located: bool = False) -> dict[str, Any]:
    content = {"application/json": {"schema": {"$ref": "#/components/schemas/TaskDocument"}, "example": example}}
    location = {"Location": {"description": "The task's address", "schema": {"type": "string"}}}
    return {"description": description, "content": content, **({"headers": location} if located else {})}


def _refusals(*statuses: int) -> dict[str, Any]:
    return {str(status): {"$ref": f"#/components/responses/{status}"} for status in sorted((*statuses, *_ALWAYS))}


def _problem(status: int, description: str) -> dict[str, Any]:
    example = {"title": HTTPStatus(status).phrase, "status": status, "detail": description}
    content = {PROBLEM_MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/ProblemDocument"}, "example": example}}
    return {"description": description, "content": content}


routes = (openapi_json,)
