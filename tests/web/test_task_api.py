"""What a program can do with a task it has asked for: keep it for longer, give it up, find it among others."""

from datetime import UTC, datetime, timedelta
from urllib.parse import quote
from uuid import UUID, uuid4

import httpx
import pytest
from tests.web.conftest import KHIMKI, TVER, Site

from studypub.config import Retention
from studypub.core.task import Event
from studypub.db import audit, studies, tasks
from studypub.db.studies import StoredArchive
from studypub.errors import StudyNotFound
from studypub.flows.publish import publish

LATER = (datetime.now(UTC) + timedelta(days=90)).date()


async def patch(site: Site, task_id: UUID, document: object, clinic: str = KHIMKI) -> httpx.Response:
    return await site.client.patch(f"/publish/{task_id}", json=document, headers=site.as_mis(clinic))


async def delete(site: Site, task_id: UUID, clinic: str = KHIMKI) -> httpx.Response:
    return await site.client.delete(f"/publish/{task_id}", headers=site.as_mis(clinic))


async def actions(site: Site) -> list[str]:
    async with site.database.transaction() as tx:
        return [entry.action for entry in await audit.newest(tx, limit=100, offset=0)]


async def test_a_published_study_is_kept_until_the_end_of_the_day_that_is_named(site: Site) -> None:
    publication = await site.completed(await site.queued())
    answer = await patch(site, publication.task_id, {"save_till_date": str(LATER)})
    assert answer.status_code == 200
    assert answer.json()["save_till"] == f"{LATER}T23:59:59+03:00"
    assert answer.json()["save_till_limited"] is False
    assert (await site.get(f"/publish/{publication.task_id}")).json()["save_till"] == answer.json()["save_till"]
    assert "study.kept_until" in await actions(site)


async def test_too_long_a_time_is_cut_and_the_answer_says_so(site: Site) -> None:
    publication = await site.completed(await site.queued())
    answer = (await patch(site, publication.task_id, {"save_till_date": "2150-01-01"})).json()
    assert answer["save_till_limited"] is True
    left = datetime.fromisoformat(answer["save_till"]) - datetime.now(UTC)
    assert timedelta(days=364) < left < timedelta(days=366)
    shorter = (await patch(site, publication.task_id, {"save_till_date": str(LATER)})).json()
    assert shorter["save_till_limited"] is False


async def test_a_date_that_comes_while_the_task_is_worked_on_is_the_publication_s(site: Site) -> None:
    task_id = await site.queued()
    task = await site.claimed(task_id)
    async with site.database.transaction() as tx:
        for event in (Event.FOUND, Event.RECEIVED, Event.PREPARED):
            task = await tasks.advance(tx, task, event, study_instance_uid="1.2.3")
        await studies.add_object(tx, "studies/x.zip", task_id)
    assert (await patch(site, task_id, {"save_till_date": str(LATER)})).status_code == 200
    archive = StoredArchive(
        object_key="studies/x.zip", size=9, sha256=bytes(32), instances=1, modalities=("CT",), profile="basic",
        deid_key=bytes(32), shown_date=None,
    )  # fmt: skip
    publication = await publish(site.database, task, archive, Retention())
    assert publication is not None
    assert publication.save_till.date() == LATER
    assert "task.kept_until" in await actions(site)


@pytest.mark.parametrize(
    ("document", "field"),
    [
        ({}, "save_till_date"),
        ({"save_till_date": "2020-01-01"}, "save_till_date"),
        ({"save_till_date": "soon"}, "save_till_date"),
        ({"save_till_date": 5}, "save_till_date"),
        ({"save_till_date": None}, "save_till_date"),
        ({"save_till_date": str(LATER), "patient_id": "2"}, "patient_id"),
    ],
)
async def test_a_date_that_cannot_be_is_refused(site: Site, document: object, field: str) -> None:
    answer = await patch(site, await site.queued(), document)
    assert answer.status_code == 422
    assert [error["field"] for error in answer.json()["errors"]] == [field]


async def test_what_has_closed_is_not_kept(site: Site) -> None:
    publication = await site.completed(await site.queued())
    assert (await delete(site, publication.task_id)).status_code == 200
    closed = await patch(site, publication.task_id, {"save_till_date": str(LATER)})
    failed = await site.queued("KP2")
    await site.failed(failed, StudyNotFound(accession_number="KP2"))
    swept = await site.completed(await site.queued("KP3"), keep=timedelta(0))
    for answer in (
        closed,
        await patch(site, failed, {"save_till_date": str(LATER)}),
        await patch(site, swept.task_id, {"save_till_date": str(LATER)}),
    ):
        assert answer.status_code == 409
        assert answer.json()["code"] == "REFUSED"
    assert (await site.get(f"/publish/{swept.task_id}")).json()["arch_link"] is None


async def test_a_task_is_cancelled_and_a_link_closed_and_asking_again_changes_nothing(site: Site) -> None:
    queued = await site.queued("KP1")
    publication = await site.completed(await site.queued("KP2"))
    for task_id in (queued, publication.task_id):
        first, second = await delete(site, task_id), await delete(site, task_id)
        assert (first.status_code, second.status_code) == (200, 200)
        assert first.json() == second.json()
        assert (first.json()["status"], first.json()["arch_link"]) == ("CANCELLED", None)
    assert (await site.client.get(f"/s/{publication.token}")).status_code == 410
    assert sorted(action for action in await actions(site) if action.split(".")[1] in {"cancelled", "withdrawn"}) == [
        "study.withdrawn",
        "task.cancelled",
    ]


async def test_what_has_failed_or_expired_stays_as_it_is(site: Site) -> None:
    task_id = await site.queued()
    await site.failed(task_id, StudyNotFound(accession_number="KP125706548L"))
    answer = await delete(site, task_id)
    assert (answer.status_code, answer.json()["status"]) == (200, "FAILED")


@pytest.mark.parametrize("method", ["PATCH", "DELETE"])
async def test_another_clinic_s_task_is_not_there(site: Site, method: str) -> None:
    publication = await site.completed(await site.queued())
    for task_id, clinic in ((publication.task_id, TVER), (uuid4(), KHIMKI), ("x", KHIMKI)):
        answer = await site.client.request(
            method, f"/publish/{task_id}", json={"save_till_date": str(LATER)}, headers=site.as_mis(clinic)
        )
        assert answer.status_code == 404
    assert (await site.client.get(f"/s/{publication.token}")).status_code == 200


async def test_tasks_are_listed_the_newest_first_in_parts(site: Site) -> None:
    made = [str(await site.queued(f"KP{number}")) for number in range(5)]
    await site.post({"patient_id": "9", "accession_number": "OTHER"}, TVER)
    publication = await site.completed(UUID(made[2]))
    first = (await site.get("/publish?limit=2")).json()
    second = (await site.get(f"/publish?limit=2&after={quote(first['after'])}")).json()
    third = (await site.get(f"/publish?limit=2&after={quote(second['after'])}")).json()
    listed = [task["task_id"] for part in (first, second, third) for task in part["tasks"]]
    assert listed == made[::-1]
    assert third["after"] is None
    assert second["tasks"][0] == (await site.get(f"/publish/{made[2]}")).json()
    assert second["tasks"][0]["arch_link"].endswith(publication.token)


async def test_the_list_is_narrowed_by_state_and_by_number(site: Site) -> None:
    failed, queued = await site.queued("KP1"), await site.queued("KP2")
    await site.failed(failed, StudyNotFound(accession_number="KP1"))

    async def listed(query: str) -> list[str]:
        return [task["task_id"] for task in (await site.get(f"/publish?{query}")).json()["tasks"]]

    assert await listed("status=FAILED,CANCELLED") == [str(failed)]
    assert await listed("status=QUEUED") == [str(queued)]
    assert await listed("q=kp2") == [str(queued)]
    assert len(await listed("")) == 2


@pytest.mark.parametrize(
    "query", ["status=DONE", "limit=0", "limit=201", "limit=many", "after=x", "after=2025-01-01~x", "colour=red",
              f"q={'9' * 65}", "q=%00"],
)  # fmt: skip
async def test_a_list_that_cannot_be_is_refused(site: Site, query: str) -> None:
    answer = await site.get(f"/publish?{query}")
    assert answer.status_code == 422
    assert [error["field"] for error in answer.json()["errors"]] == [query.partition("=")[0]]
