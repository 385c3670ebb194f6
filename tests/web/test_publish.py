"""What a hospital information system is answered."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from tests.web.conftest import BASE_URL, KHIMKI, TVER, Site

from studypub.db import audit, queue
from studypub.db.queue import QueueFilter
from studypub.errors import PacsUnreachable, StudyNotFound
from studypub.flows.cancel import cancel
from studypub.flows.withdraw import keep_until, withdraw

DOCUMENT = {
    "patient_id": "1000001158664",
    "accession_number": "KP125706548L",
    "emk_record_id": "123456",
    "clinic_code": KHIMKI,
    "service_code": "A01.201.405.002",
    "service_title": "МРТ суставов",
    "study_date": "2025-02-01T16:18:02+03:00",
}
SHORT = {"patient_id": "1000001158664", "accession_number": "KP125706548L"}


async def test_a_request_is_queued_and_answered_with_its_task(site: Site) -> None:
    response = await site.post(DOCUMENT)
    assert response.status_code == 202
    answer = response.json()
    assert response.headers["location"] == f"/publish/{answer['task_id']}"
    assert answer["created_at"].endswith("+03:00")
    assert datetime.fromisoformat(answer["updated_at"]) >= datetime.fromisoformat(answer["created_at"])
    assert {name: answer[name] for name in answer if name not in {"task_id", "created_at", "updated_at"}} == {
        "status": "QUEUED",
        "patient_id": "1000001158664",
        "accession_number": "KP125706548L",
        "emk_record_id": "123456",
        "clinic_code": KHIMKI,
        "progress": {"received": 0, "expected": None},
        "received_bytes": 0,
        "error": None,
        "arch_link": None,
        "size": None,
        "study_date": "2025-02-01T16:18:02+03:00",
        "upload_date": None,
        "save_till": None,
        "pin": False,
        "partial": False,
        "save_till_limited": False,
        "left_out": [],
        "covered": 0,
        "faces": 0,
    }


async def test_the_task_is_found_by_its_id_and_by_its_accession_number(site: Site) -> None:
    queued = (await site.post(DOCUMENT)).json()
    assert (await site.get(f"/publish/{queued['task_id']}")).json() == queued
    assert (await site.get("/publish?accession_number=KP125706548L")).json() == queued


async def test_the_newest_task_of_an_accession_number_is_shown(site: Site) -> None:
    await site.queued()
    newer = await site.post({**SHORT, "patient_id": "2"})
    assert (await site.get("/publish?accession_number=KP125706548L")).json() == newer.json()


async def test_asking_again_answers_with_the_task_in_progress(site: Site) -> None:
    first, second = await site.post(DOCUMENT), await site.post(DOCUMENT)
    assert (first.status_code, second.status_code) == (202, 202)
    assert first.json() == second.json()


async def test_x21_fifty_requests_at_once_make_one_task(site: Site) -> None:
    responses = await asyncio.gather(*(site.post(DOCUMENT) for _ in range(50)))
    accepted = [response.json()["task_id"] for response in responses if response.status_code == 202]
    refused = {response.status_code for response in responses} - {202}
    assert len(set(accepted)) == 1
    assert refused <= {503}  # told to come again, where the pool was empty for too long
    async with site.database.transaction() as tx:
        assert len(await queue.lines(tx, QueueFilter(), limit=100)) == 1
        queued = [entry for entry in await audit.newest(tx, limit=100, offset=0) if entry.action == "task.queued"]
    assert len(queued) == 1
    assert queued[0].actor == f"key:{site.keys[KHIMKI].partition('.')[0]}"


async def test_a_published_study_is_answered_with_its_link(site: Site) -> None:
    task_id = await site.queued()
    publication = await site.completed(task_id, b"x" * 1234)
    response = await site.post(SHORT)
    assert response.status_code == 200
    answer = response.json()
    assert answer["task_id"] == str(task_id)
    assert answer["status"] == "COMPLETED"
    assert answer["arch_link"] == f"{BASE_URL}/s/{publication.token}"
    assert answer["size"] == 1234
    assert answer["progress"] == {"received": 9, "expected": 9}
    assert answer["left_out"] == [{"reason": "dose_report", "message": "Протокол дозы", "count": 2}]
    kept = datetime.fromisoformat(answer["save_till"]) - datetime.fromisoformat(answer["upload_date"])
    assert abs(kept - timedelta(days=30)) < timedelta(seconds=5)
    assert answer["save_till"].endswith("+03:00")
    assert (await site.get(f"/publish/{task_id}")).json() == answer


async def test_a_withdrawn_study_has_no_link_and_is_published_anew(site: Site) -> None:
    publication = await site.completed(await site.queued())
    await withdraw(site.database, publication.study_id, actor="test", clinic_code=None)
    shown = (await site.get(f"/publish/{publication.task_id}")).json()
    assert (shown["status"], shown["arch_link"], shown["size"]) == ("CANCELLED", None, publication.size)
    again = await site.post(SHORT)
    assert again.status_code == 202
    assert again.json()["task_id"] != str(publication.task_id)


async def test_a_study_whose_date_has_come_has_no_link_before_it_is_swept(site: Site) -> None:
    task_id = await site.queued()
    await site.completed(task_id, keep=timedelta(0))
    shown = (await site.get(f"/publish/{task_id}")).json()
    assert shown["arch_link"] is None
    assert (await site.post(SHORT)).status_code == 202


async def test_a_changed_date_is_shown(site: Site) -> None:
    publication = await site.completed(await site.queued())
    async with site.database.transaction() as tx:
        till = await tx.now() + timedelta(days=100)
    await keep_until(
        site.database, publication.study_id, till, longest=timedelta(days=365), actor="test", clinic_code=None
    )
    shown = (await site.get(f"/publish/{publication.task_id}")).json()
    assert datetime.fromisoformat(shown["save_till"]) == till.replace(microsecond=0)


async def test_a_date_beyond_the_longest_is_cut_and_the_answer_says_so(site: Site) -> None:
    far = (datetime.now(UTC) + timedelta(days=5000)).isoformat()
    response = await site.post({**SHORT, "save_till_date": far})
    assert response.status_code == 202
    assert response.json()["save_till_limited"] is True
    publication = await site.completed((await tasks_of(site))[0])
    assert publication.save_till - publication.upload_date < timedelta(days=366)


async def tasks_of(site: Site) -> list[Any]:
    async with site.database.transaction() as tx:
        return [line.task.task_id for line in await queue.lines(tx, QueueFilter(), limit=100)]


@pytest.mark.parametrize(("accept_language", "word"), [("", "PACS нет"), ("en-GB,ru;q=0.5", "has no study")])
async def test_a_failed_task_says_why(site: Site, accept_language: str, word: str) -> None:
    task_id = await site.queued()
    await site.failed(task_id, StudyNotFound(accession_number="KP125706548L"))
    response = await site.get(f"/publish/{task_id}", **{"Accept-Language": accept_language})
    shown = response.json()
    assert shown["status"] == "FAILED"
    assert shown["error"]["code"] == "STUDY_NOT_FOUND"
    assert word in shown["error"]["message"]
    assert response.headers["vary"] == "Accept-Language"


async def test_a_waiting_task_says_what_it_waits_for(site: Site) -> None:
    task_id = await site.queued()
    await site.postponed(task_id, PacsUnreachable(pacs="ORTHANC", address="127.0.0.1:4242"))
    shown = (await site.get(f"/publish/{task_id}")).json()
    assert (shown["status"], shown["error"]["code"]) == ("QUEUED", "PACS_UNREACHABLE")


async def test_a_cancelled_study_can_be_asked_for_again(site: Site) -> None:
    task_id = await site.queued()
    await cancel(site.database, task_id, actor="test", clinic_code=None)
    assert (await site.get(f"/publish/{task_id}")).json()["status"] == "CANCELLED"
    assert (await site.post(SHORT)).json()["task_id"] != str(task_id)


async def test_times_are_told_in_the_clinics_zone(site: Site) -> None:
    response = await site.post({**SHORT, "study_date": "2025-02-01T16:18:02"}, TVER)
    assert response.json()["study_date"] == "2025-02-01T16:18:02+05:00"
    assert response.json()["clinic_code"] == TVER


async def test_x37_another_clinics_tasks_do_not_exist(site: Site) -> None:
    task_id = await site.queued()
    for address in (f"/publish/{task_id}", "/publish?accession_number=KP125706548L"):
        assert (await site.get(address, TVER)).status_code == 404
    own = await site.post(SHORT, TVER)
    assert own.status_code == 202
    assert own.json()["task_id"] != str(task_id)


@pytest.mark.parametrize("task_id", ["new-task", "0", "%00", "%2e%2e", "00000000-0000-4000-8000-000000000000"])
async def test_a_task_that_is_not_there_is_a_problem_document(steady_site: Site, task_id: str) -> None:
    response = await steady_site.get(f"/publish/{task_id}")
    assert response.status_code == 404
    assert response.headers["content-type"] == "application/problem+json"
