"""Answers errors: a problem document (RFC 9457) to programs, a friendly page to people, the cause to the log alone."""

import logging
import math
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

from litestar import Request, Response
from litestar.exceptions import HTTPException

from studypub.core import fhir
from studypub.core.request import FieldError, InvalidRequest
from studypub.errors import (
    ComeLater,
    DatabaseUnavailable,
    InternalError,
    NameTaken,
    NotThere,
    ProviderUnavailable,
    Refused,
    ReportUnusable,
    Sentence,
    SignOnRefused,
    StudypubError,
    TokenRefused,
)
from studypub.web import render
from studypub.web.language import Language, language_of

log = logging.getLogger(__name__)

PROBLEM_MEDIA_TYPE = "application/problem+json"
_RETRY_SECONDS = 2
_MOST_ERRORS = 50
_LONGEST_NAME = 64
_PROGRAMS_PATHS = ("publish", "fhir", "schema", "healthz", "readyz", "metrics")

# FHIR R4, value set issue-type.
_ISSUES = {400: "invalid", 401: "login", 403: "forbidden", 404: "not-found", 406: "not-supported", 410: "deleted"}
_ISSUES |= {405: "not-supported", 429: "throttled", 503: "transient"}
_INVALID = Sentence(
    "Запрос содержит ошибки: исправьте указанные поля.", "The request has faults: correct the fields that are named."
)
# What our errors say besides is meant for those who look after tasks.
_LATER = Sentence(
    "Сейчас это недоступно. Повторите через несколько минут.", "This is unavailable now. Try again in a few minutes."
)
_BY_STATUS = {
    400: Sentence("Запрос составлен неверно.", "The request is malformed."),
    401: Sentence("Нужно войти.", "You have to sign in."),
    403: Sentence("На это нет прав.", "You may not do this."),
    404: Sentence("Здесь ничего нет. Проверьте адрес.", "There is nothing here. Check the address."),
    405: Sentence("Здесь такое действие невозможно.", "This cannot be done here."),
    408: Sentence("Запрос приходил слишком долго. Повторите.", "The request took too long to arrive. Try again."),
    413: Sentence("Запрос слишком велик.", "The request is too large."),
    415: Sentence("Данные в таком виде не принимаются.", "Data of this kind is not accepted."),
}


class Problem(Exception):
    """An answer that is an error: its status, its sentence and what belongs to it."""

    def __init__(
        self,
        status: int,
        sentence: Sentence,
        *,
        code: str | None = None,
        errors: Sequence[FieldError] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(sentence.en)
        self.status = status
        self.sentence = sentence
        self.code = code
        self.errors = tuple(errors)
        self.headers = dict(headers or {})


def answer_error(request: Request[Any, Any, Any], error: Exception) -> Response[Any]:
    """Answer whatever a handler raised."""
    problem = problem_of(error)
    if problem.status >= HTTPStatus.INTERNAL_SERVER_ERROR and problem is not error:
        _write_down(request, problem, error)
    if request.scope["path"].startswith("/fhir/"):
        return _outcome(problem, language_of(request))
    if is_for_programs(request.scope["path"]):
        return _document(problem, language_of(request))
    return render.error_page(request, problem.status, problem.sentence, problem.headers)


def problem_of(error: Exception) -> Problem:
    """Return what is told about an error; a foreign exception's own text is never part of it."""
    if isinstance(error, Problem):
        return error
    if isinstance(error, InvalidRequest):
        return Problem(422, _INVALID, errors=error.errors)
    if isinstance(error, HTTPException):
        sentence = _BY_STATUS.get(error.status_code) or _fallback(error.status_code)
        return Problem(error.status_code, sentence, headers=error.headers)
    if isinstance(error, StudypubError):
        return _of_ours(error)
    return Problem(500, InternalError.template, code=InternalError.code)


def is_for_programs(path: str) -> bool:
    """Whether what stands at this path is meant for programs; `/publish/new` is the form."""
    segments = path.strip("/").split("/")
    if segments[0] == "s":
        return segments[2:3] == ["dicomweb"]
    return segments[0] in _PROGRAMS_PATHS and segments[:2] != ["publish", "new"]


def _of_ours(error: StudypubError) -> Problem:
    if isinstance(error, Refused):
        status = 404 if isinstance(error, NotThere) else 422 if isinstance(error, ReportUnusable) else 409
        return Problem(status, error.sentence, code=error.code)
    if isinstance(error, ComeLater):
        seconds = math.ceil(error.wait.total_seconds())
        return Problem(429, error.sentence, code=error.code, headers={"Retry-After": str(seconds)})
    if isinstance(error, TokenRefused):  # RFC 6750 3.1
        challenge = {"WWW-Authenticate": 'Bearer realm="studypub", error="invalid_token"'}
        return Problem(401, error.sentence, code=error.code, headers=challenge)
    if isinstance(error, NameTaken | SignOnRefused):
        return Problem(422 if isinstance(error, NameTaken) else 403, error.sentence, code=error.code)
    if error.retry:
        sentence = error.sentence if isinstance(error, DatabaseUnavailable | ProviderUnavailable) else _LATER
        return Problem(503, sentence, code=error.code, headers={"Retry-After": str(_RETRY_SECONDS)})
    return Problem(500, InternalError.template, code=error.code)


def _fallback(status: int) -> Sentence:
    return _BY_STATUS[400] if status < HTTPStatus.INTERNAL_SERVER_ERROR else InternalError.template


def _write_down(request: Request[Any, Any, Any], problem: Problem, error: Exception) -> None:
    # The path itself may hold a link's token: the route's template says enough.
    details = {"method": request.method, "route": request.scope.get("path_template"), "status": problem.status}
    log.error("Запрос не выполнен", exc_info=error, extra={"details": details})


def problem_document(problem: Problem, language: Language) -> dict[str, object]:
    """Return the problem document (RFC 9457 3)."""
    document: dict[str, object] = {
        "title": HTTPStatus(problem.status).phrase,
        "status": problem.status,
        "detail": getattr(problem.sentence, language),
    }
    if problem.code:
        document["code"] = problem.code
    if problem.errors:
        document["errors"] = [
            {"field": error.field[:_LONGEST_NAME], "message": getattr(error.sentence, language)}
            for error in problem.errors[:_MOST_ERRORS]
        ]
    return document


def _outcome(problem: Problem, language: Language) -> Response[dict[str, object]]:
    """Answer as FHIR has it (R4, RESTful API 3.1.0.1.8)."""
    text = " ".join(getattr(each, language) for each in [problem.sentence, *(one.sentence for one in problem.errors)])
    places = [error.field[:_LONGEST_NAME] for error in problem.errors[:_MOST_ERRORS]]
    status = 400 if problem.errors else problem.status
    document = fhir.outcome(_ISSUES.get(status, "exception"), text, places)
    headers = {**problem.headers, "Content-Language": language}
    return Response(document, status_code=status, media_type=fhir.MEDIA_TYPE, headers=headers)


def _document(problem: Problem, language: Language) -> Response[dict[str, object]]:
    headers = {**problem.headers, "Content-Language": language}
    return Response(
        problem_document(problem, language), status_code=problem.status, media_type=PROBLEM_MEDIA_TYPE, headers=headers
    )
