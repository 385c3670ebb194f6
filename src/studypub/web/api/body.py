"""Reads the JSON document that a program sends, and nothing but that."""

import json
from collections import Counter
from typing import Any

import orjson
from litestar import Request

from studypub.core.request import FieldError, InvalidRequest
from studypub.errors import Sentence
from studypub.web.errors import Problem

_NOT_JSON_TYPE = Sentence(
    "Нужен документ JSON в UTF-8: Content-Type: application/json.",
    "A JSON document in UTF-8 is needed: Content-Type: application/json.",
)
_NOT_JSON = Sentence(
    "Тело запроса не является правильным JSON в UTF-8.", "The body of the request is not valid JSON in UTF-8."
)
_NOT_OBJECT = Sentence("Тело запроса должно быть объектом JSON.", "The body of the request must be a JSON object.")
MOST = 200
_SEVERAL = ("application/json", "application/x-ndjson")
_NOT_SEVERAL_TYPE = Sentence(
    "Нужен массив JSON или NDJSON в UTF-8: Content-Type: application/json или application/x-ndjson.",
    "A JSON array or NDJSON in UTF-8 is needed: Content-Type: application/json or application/x-ndjson.",
)
_NOT_ARRAY = Sentence("Тело запроса должно быть массивом JSON.", "The body of the request must be a JSON array.")
_TOO_MANY = Sentence(f"За один раз не больше {MOST} исследований.", f"At most {MOST} studies at a time.")
_REPEATED = Sentence("Поле указано несколько раз.", "The field stands there more than once.")


async def read_object(request: Request[Any, Any, Any]) -> dict[str, object]:
    """Return the JSON object in the body. Raises Problem (400, 415) and InvalidRequest (a name that stands twice)."""
    kind, parameters = request.content_type
    if kind != "application/json" or parameters.get("charset", "utf-8").lower() not in {"utf-8", "utf8"}:
        raise Problem(415, _NOT_JSON_TYPE, headers={"Accept-Post": "application/json"})
    return parse_object(await request.body())


async def read_several(request: Request[Any, Any, Any]) -> list[object]:
    """Return what a JSON array holds, or the lines of NDJSON; at most MOST. Raises Problem (400, 413, 415)."""
    kind, parameters = request.content_type
    if kind not in _SEVERAL or parameters.get("charset", "utf-8").lower() not in {"utf-8", "utf8"}:
        raise Problem(415, _NOT_SEVERAL_TYPE, headers={"Accept-Post": ", ".join(_SEVERAL)})
    body = await request.body()
    try:
        if kind == "application/json":
            documents = orjson.loads(body)
        else:
            documents = [orjson.loads(line) for line in body.splitlines() if line.strip()]
    except orjson.JSONDecodeError:
        raise Problem(400, _NOT_JSON) from None
    if not isinstance(documents, list):
        raise Problem(400, _NOT_ARRAY)
    if len(documents) > MOST:
        raise Problem(413, _TOO_MANY)
    return documents


def parse_object(body: bytes) -> dict[str, object]:
    """Return the JSON object; strict about what JSON leaves open. Raises Problem and InvalidRequest."""
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise Problem(400, _NOT_JSON) from None
    document = checked_object(document)
    if repeated := _repeated_names(document, body):
        raise InvalidRequest(FieldError(name, _REPEATED) for name in repeated)
    return document


def checked_object(document: object) -> dict[str, object]:
    """Return what is an object. Raises Problem."""
    if not isinstance(document, dict):
        raise Problem(400, _NOT_OBJECT)
    return document


def _repeated_names(document: dict[str, object], body: bytes) -> list[str]:
    if any(isinstance(value, dict | list) for value in document.values()):
        return []  # refused for that in any case
    pairs = json.loads(body, object_pairs_hook=list)
    return [name for name, times in Counter(name for name, _ in pairs).items() if times > 1]
