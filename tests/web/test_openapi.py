"""The description of the interface says what the interface does."""

import json
from typing import Any

import msgspec
import pytest
from tests.web.conftest import Site
from tests.web.test_access import handlers

from studypub.core.request import FIELDS
from studypub.core.task_document import TaskDocument
from studypub.web.api.documents import ProblemDocument
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


def test_a_key_is_asked_for(described: dict[str, Any]) -> None:
    assert described["security"] == [{"apiKey": []}]
    assert described["components"]["securitySchemes"]["apiKey"] == {"type": "http", "scheme": "bearer"}
