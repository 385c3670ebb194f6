"""The description of the interface says what the interface does."""

import json
from typing import Any
from uuid import uuid4

import msgspec
import pytest
from tests.web.conftest import Site
from tests.web.test_access import handlers

from studypub.core import callback
from studypub.core.request import FIELDS
from studypub.core.task import Status
from studypub.core.task_document import TaskDocument
from studypub.web.api.documents import CallbackDocument, ProblemDocument
from studypub.web.api.schema import openapi


@pytest.fixture
async def described(steady_site: Site) -> dict[str, Any]:
    response = await steady_site.client.get("/schema/openapi.json")
    assert response.status_code == 200
    document: dict[str, Any] = response.json()
    return document


async def test_exactly_the_routes_for_the_mis_are_described(steady_site: Site, described: dict[str, Any]) -> None:
    served = {
        (path.replace(":str", ""), method.lower())
        for path, handler in handlers(steady_site.app)
        for method in handler.http_methods
        if path in {"/publish", "/publish/batch"} or path.startswith("/publish/{")
    }
    assert {(path, method) for path, item in described["paths"].items() for method in item} == served


def test_every_reference_leads_somewhere(described: dict[str, Any]) -> None:
    text = json.dumps(described)
    for reference in {part.split('"')[0] for part in text.split('"$ref": "')[1:]}:
        found: Any = described
        for name in reference.removeprefix("#/").split("/"):
            found = found[name]


def test_the_request_has_the_fields_that_are_read(described: dict[str, Any]) -> None:
    schema = described["components"]["schemas"]["PublishDocument"]
    assert tuple(schema["properties"]) == FIELDS
    assert schema["required"] == ["patient_id", "accession_number"]
    assert schema["additionalProperties"] is False


def test_the_examples_are_what_is_served() -> None:
    publish = openapi()["paths"]["/publish"]["post"]
    for status in ("200", "202"):
        example = publish["responses"][status]["content"]["application/json"]["example"]
        msgspec.convert(example, TaskDocument)


def test_the_webhook_is_what_is_sent(described: dict[str, Any]) -> None:
    sent = described["webhooks"]["task"]["post"]
    told = msgspec.convert(sent["requestBody"]["content"]["application/json"]["example"], CallbackDocument)
    content = callback.body(Status.COMPLETED, told.timestamp, told.data)
    assert msgspec.json.decode(content, type=CallbackDocument) == told
    headers = callback.headers(callback.new_secret(), uuid4(), told.timestamp, content)
    assert {parameter["name"] for parameter in sent["parameters"]} == set(headers) - {"content-type"}


def test_every_body_has_an_example(described: dict[str, Any]) -> None:
    asked = [item[method] for item in described["paths"].values() for method in item]
    bodies = [body for one in asked for body in one.get("requestBody", {}).get("content", {}).values()]
    answers = [
        part for one in asked for answer in one["responses"].values() for part in answer.get("content", {}).values()
    ]
    problems = [part for one in described["components"]["responses"].values() for part in one["content"].values()]
    assert [part for part in [*bodies, *answers, *problems] if not {"example", "examples"} & set(part)] == []


async def test_the_example_of_a_request_is_accepted(site: Site, described: dict[str, Any]) -> None:
    content = described["paths"]["/publish"]["post"]["requestBody"]["content"]["application/json"]
    future = {**content["example"], "save_till_date": "2125-03-01T00:00:00+03:00"}
    response = await site.post(future)
    assert response.status_code == 202
    msgspec.json.decode(response.content, type=TaskDocument)


async def test_a_problem_is_as_described(steady_site: Site) -> None:
    response = await steady_site.post({})
    problem = msgspec.json.decode(response.content, type=ProblemDocument)
    assert [error.field for error in problem.errors] == ["patient_id", "accession_number"]


def test_a_key_or_a_token_is_asked_for(described: dict[str, Any]) -> None:
    schemes = described["components"]["securitySchemes"]
    assert described["security"] == [{name: []} for name in schemes]
    assert {(scheme["type"], scheme["scheme"]) for scheme in schemes.values()} == {("http", "bearer")}
    assert schemes["token"]["bearerFormat"] == "JWT"
