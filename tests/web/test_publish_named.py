"""Requests that a MIS names (Idempotency-Key), and several at once."""

import asyncio
import json
from datetime import timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest
from tests.web.conftest import KHIMKI, TVER, Site

from studypub.db import named_requests, queue
from studypub.db.queue import QueueFilter
from studypub.errors import StudyNotFound
from studypub.flows.expire import sweep
from studypub.web.api.body import MOST

STUDY = {"patient_id": "1000001158664", "accession_number": "KP125706548L"}


async def post(site: Site, document: object, name: str, clinic: str = KHIMKI) -> httpx.Response:
    headers = {**site.as_mis(clinic), "Idempotency-Key": name}
    return await site.client.post("/publish", json=document, headers=headers)


async def tasks(site: Site) -> int:
    async with site.database.transaction() as tx:
        return len(await queue.lines(tx, QueueFilter(), limit=1000))


async def test_a_named_request_is_answered_with_its_task_even_when_that_has_failed(site: Site) -> None:
    first = (await post(site, STUDY, "order-1")).json()
    await site.failed(UUID(first["task_id"]), StudyNotFound(accession_number="KP125706548L"))
    again = await post(site, STUDY, "order-1")
    assert (again.status_code, again.json()["task_id"], again.json()["status"]) == (202, first["task_id"], "FAILED")
    assert (await post(site, STUDY, "order-2")).json()["task_id"] != first["task_id"]


async def test_a_name_belongs_to_one_request_and_to_one_key(site: Site) -> None:
    await post(site, STUDY, "n")
    other = await post(site, {**STUDY, "accession_number": "KP2"}, "n")
    assert (other.status_code, other.json()["code"]) == (422, "IDEMPOTENCY_KEY_REUSED")
    assert (await post(site, {**STUDY, "accession_number": "KP2"}, "n", TVER)).status_code == 202
    assert await tasks(site) == 2


async def test_the_same_at_once_makes_one_task(site: Site) -> None:
    answers = await asyncio.gather(*(post(site, STUDY, "n") for _ in range(20)))
    assert len({answer.json()["task_id"] for answer in answers if answer.status_code == 202}) == 1
    assert {answer.status_code for answer in answers} <= {202, 503}


async def test_what_was_refused_has_no_name(site: Site) -> None:
    assert (await post(site, {}, "n")).status_code == 422
    assert (await post(site, STUDY, "n")).status_code == 202


@pytest.mark.parametrize("name", ["", "x" * 256, "a b\tc"])
async def test_a_name_that_cannot_be_is_refused(site: Site, name: str) -> None:
    assert (await post(site, STUDY, name)).status_code == 400


async def test_names_are_kept_for_a_day(site: Site) -> None:
    first = (await post(site, STUDY, "n")).json()["task_id"]
    await site.failed(UUID(first), StudyNotFound(accession_number="KP125706548L"))
    await sweep(site.database, site.store)
    assert (await post(site, STUDY, "n")).json()["task_id"] == first
    async with site.database.transaction() as tx:
        await named_requests.sweep(tx, age=timedelta(0))
    assert (await post(site, STUDY, "n")).json()["task_id"] != first


def lines(*documents: object) -> bytes:
    return b"".join(json.dumps(document).encode() + b"\n" for document in documents)


async def several(site: Site, content: bytes, kind: str = "application/json") -> httpx.Response:
    headers = {**site.as_mis(), "Content-Type": kind}
    return await site.client.post("/publish/batch", content=content, headers=headers)


WANTED: list[Any] = [STUDY, {"patient_id": "1"}, 7, {**STUDY, "clinic_code": TVER}, {**STUDY, "accession_number": "K2"}]


@pytest.mark.parametrize(
    ("content", "kind"),
    [(json.dumps(WANTED).encode(), "application/json"), (lines(*WANTED) + b"\n", "application/x-ndjson")],
)
async def test_each_of_several_is_answered_as_if_it_had_come_alone(site: Site, content: bytes, kind: str) -> None:
    published = await site.completed(await site.queued("K2"))
    response = await several(site, content, kind)
    assert response.status_code == 200
    answers = response.json()["answers"]
    assert [answer["status"] for answer in answers] == [202, 422, 400, 403, 200]
    assert answers[0]["task"] == (await site.get(f"/publish/{answers[0]['task']['task_id']}")).json()
    assert [error["field"] for error in answers[1]["problem"]["errors"]] == ["accession_number"]
    assert answers[4]["task"]["arch_link"].endswith(published.token)


@pytest.mark.parametrize(
    ("content", "kind", "status"),
    [
        (b"{}", "application/json", 400),
        (b"[{]", "application/json", 400),
        (b"{}\n{", "application/x-ndjson", 400),
        (b"[]", "text/plain", 415),
        (json.dumps([{}] * (MOST + 1)).encode(), "application/json", 413),
    ],
)
async def test_what_is_no_list_of_studies_is_refused(site: Site, content: bytes, kind: str, status: int) -> None:
    assert (await several(site, content, kind)).status_code == status
    assert await tasks(site) == 0


async def test_nothing_is_an_empty_list(site: Site) -> None:
    assert (await several(site, b"[]")).json() == {"answers": []}
