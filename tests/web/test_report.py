"""The doctor's report beside the images: who puts it there, who reads it, and when it goes."""

from dataclasses import replace
from datetime import timedelta
from io import BytesIO
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx
import msgspec
import pytest
from pypdf import PdfReader, PdfWriter
from tests.peers import panel, person
from tests.peers.person import Person
from tests.web.conftest import BASE_URL, KHIMKI, TVER, Site
from tests.web.test_pages_clinics import form_of

from studypub.config import Report as ReportSection
from studypub.core import ids
from studypub.core.publication import Publication
from studypub.core.report import LARGEST, Report
from studypub.core.rights import Right
from studypub.db import audit, events, reports, settings
from studypub.errors import IncompleteRetrieve
from studypub.flows import expire, pin, withdraw
from studypub.flows.restore import reconcile
from studypub.report import letter
from studypub.web.app import create_app

CONCLUSION = "Заключение: объёмных образований не выявлено."
PDF = letter.typeset(CONCLUSION, "Другая клиника", "")
NAMES = letter.typeset(f"Ф.И.О. Иванов И. И.\nЭМК 1000001158664\n{CONCLUSION}", "Другая клиника", "")
AS_PDF, AS_TEXT = {"Content-Type": "application/pdf"}, {"Content-Type": "text/plain; charset=utf-8"}


async def put(site: Site, task_id: UUID, content: bytes = PDF, clinic: str = KHIMKI, **more: Any) -> httpx.Response:
    headers = {**site.as_mis(clinic), **more.pop("headers", AS_PDF)}
    return await site.client.put(f"/publish/{task_id}/report", content=content, headers=headers, **more)


async def attached(site: Site, task_id: UUID) -> Report:
    assert (await put(site, task_id)).status_code == 200
    async with site.database.transaction() as tx:
        found = await reports.of_task(tx, task_id)
    assert found
    return found


@pytest.fixture
async def study(site: Site) -> Publication:
    return await site.completed(await site.queued())


def text_of(content: bytes) -> str:
    return "\n".join(page.extract_text() for page in PdfReader(BytesIO(content)).pages)


async def actions(site: Site, most: int) -> list[tuple[str, str]]:
    async with site.database.transaction() as tx:
        return [(entry.action, entry.actor) for entry in await audit.newest(tx, limit=most, offset=0)]


async def test_what_the_mis_attaches_the_patient_reads(site: Site, study: Publication) -> None:
    address = f"/s/{study.token}/report"
    assert (await site.client.get(address)).status_code == 404
    assert "Заключение врача" not in (await site.client.get(f"/s/{study.token}")).text
    writer = PdfWriter(clone_from=BytesIO(PDF))
    writer.add_metadata({"/Author": "Иванов", "/Title": "Иванов И. И."})
    writer.write(told := BytesIO())
    answer = await put(site, study.task_id, told.getvalue())
    assert answer.status_code == 200, answer.text
    document = answer.json()
    assert (document["task_id"], document["pages"], document["unread_pages"]) == (str(study.task_id), 1, 0)
    assert document["found"] == []
    assert "прочтёт каждый" in document["warning"]
    page = await site.client.get(f"/s/{study.token}")
    assert f'href="/s/{study.token}/report"' in page.text
    assert "Заключение врача (PDF)" in page.text
    read = await site.client.get(address)
    assert read.status_code == 200
    assert CONCLUSION in text_of(read.content)
    assert PdfReader(BytesIO(read.content)).metadata is None
    assert len(read.content) == document["size"] == int(read.headers["content-length"])
    assert read.headers["content-type"] == "application/pdf"
    assert read.headers["content-disposition"].startswith('attachment; filename="report-')
    assert read.headers["content-disposition"].endswith('.pdf"')
    assert read.headers["cache-control"] == "no-store"
    assert "sandbox" in read.headers["content-security-policy"]
    assert "noindex" in read.headers["x-robots-tag"]
    assert (read.headers["x-content-type-options"], read.headers["referrer-policy"]) == ("nosniff", "no-referrer")
    head = await site.client.head(address)
    assert (head.status_code, head.content, head.headers) == (200, b"", read.headers)
    assert (await site.client.get(f"/s/{study.token}/download")).content == b"PK-archive"


async def test_text_becomes_a_pdf_of_the_clinic(site: Site, study: Publication) -> None:
    answer = await put(site, study.task_id, CONCLUSION.encode(), headers=AS_TEXT)
    assert answer.status_code == 200, answer.text
    read = text_of((await site.client.get(f"/s/{study.token}/report")).content)
    assert "Клиника в Химках" in read
    assert CONCLUSION in read


async def test_what_names_the_patient_is_to_be_accepted(site: Site, study: Publication) -> None:
    refused = await put(site, study.task_id, NAMES)
    assert (refused.status_code, refused.json()["code"]) == (409, "REPORT_NAMES_PATIENT")
    assert "номер пациента (PID), графа с именем" in refused.json()["detail"]
    assert (await site.client.get(f"/s/{study.token}/report")).status_code == 404
    assert not list((site.folder / "storage" / "studies").glob("*.pdf"))
    taken = await put(site, study.task_id, NAMES, params={"names_patient": "accepted"})
    assert taken.json()["found"] == ["patient_id", "label"]
    async with site.database.transaction() as tx:
        (entry,) = await audit.newest(tx, limit=1, offset=0)
    assert (entry.action, entry.subject) == ("report.attached", str(study.task_id))
    assert (entry.details["clues"], entry.details["accepted"]) == ("patient_id, label", True)


_REFUSED: list[tuple[bytes, dict[str, Any], int, str | None]] = [
    (b"MZ\x90 no PDF", {}, 422, "REPORT_UNUSABLE"),
    (b"%PDF-1.7 no PDF either", {}, 422, "REPORT_UNUSABLE"),
    (b"\xd0", {"headers": AS_TEXT}, 422, "REPORT_UNUSABLE"),
    (b"", {"headers": AS_TEXT}, 422, "REPORT_UNUSABLE"),
    (b"{}", {"headers": {"Content-Type": "application/json"}}, 415, None),
    (b"text", {"headers": {"Content-Type": "text/plain"}}, 415, None),
    (PDF, {"params": {"names_patient": "yes"}}, 400, None),
    (b"%PDF-1.7" + bytes(LARGEST), {}, 413, None),
]


async def test_what_is_no_report_is_refused(site: Site, study: Publication) -> None:
    for content, asked, status, code in _REFUSED:
        answer = await put(site, study.task_id, content, **asked)
        assert (answer.status_code, answer.json().get("code")) == (status, code), content[:20]
        assert answer.json()["detail"]
    assert (await site.client.get(f"/s/{study.token}/report")).status_code == 404


async def test_it_is_off_unless_the_clinic_says_otherwise(site: Site, study: Publication) -> None:
    assert ReportSection().allowed is False
    other = UUID((await site.post({"patient_id": "7", "accession_number": "T7"}, TVER)).json()["task_id"])
    refused = await put(site, other, clinic=TVER)
    assert (refused.status_code, refused.json()["code"]) == (409, "REPORTS_OFF")
    assert "[clinics.report]" in refused.json()["detail"]
    await attached(site, study.task_id)
    await panel.add_people(site.database)
    closed = create_app(replace(site.parts, config=without_reports(site)))
    registrator = await person.signed_in(closed, BASE_URL, panel.REGISTRATOR)
    # What was attached before is shown no more.
    assert (await registrator.get(f"/s/{study.token}/report")).status_code == 404
    for path in (f"/s/{study.token}", f"/studies/{study.study_id}"):
        assert "Заключение" not in (await registrator.get(path)).text
    assert (await registrator.get(f"/studies/{study.study_id}/report")).status_code == 404


def without_reports(site: Site) -> Any:
    clinics = [msgspec.structs.replace(one, report=ReportSection()) for one in site.parts.config.clinics]
    return msgspec.structs.replace(site.parts.config, clinics=tuple(clinics))


async def test_nobody_elses_task_gets_one(site: Site, study: Publication) -> None:
    for task_id, clinic in ((study.task_id, TVER), (uuid4(), KHIMKI)):
        assert (await put(site, task_id, clinic=clinic)).status_code == 404
        path = f"/publish/{task_id}/report"
        assert (await site.client.delete(path, headers=site.as_mis(clinic))).status_code == 404
    assert (await site.client.put(f"/publish/{study.task_id}/report", content=PDF)).status_code == 401


async def test_what_comes_before_the_images_is_shown_with_them(site: Site) -> None:
    task_id = await site.queued()
    before = await attached(site, task_id)
    study = await site.completed(task_id)
    assert len((await site.client.get(f"/s/{study.token}/report")).content) == before.size
    async with site.database.transaction() as tx:
        assert "report_attached" in [event.kind for event in await events.of_task(tx, task_id)]
        assert before.key in [row["key"] for row in await tx.all("live_objects")]


def stored(site: Site) -> set[str]:
    return {path.name for path in (site.folder / "storage" / "studies").glob("*.pdf")}


async def test_it_goes_when_it_is_replaced_or_removed(site: Site, study: Publication) -> None:
    first, second = await attached(site, study.task_id), await attached(site, study.task_id)
    assert ids.is_object_key(second.key)
    assert await expire.sweep(site.database, site.store) == 1
    assert stored(site) == {Path(second.key).name} != {Path(first.key).name}
    path = f"/publish/{study.task_id}/report"
    for _ in range(2):
        assert (await site.client.delete(path, headers=site.as_mis())).status_code == 204
    assert (await site.client.get(f"/s/{study.token}/report")).status_code == 404
    assert await expire.sweep(site.database, site.store) == 1
    assert stored(site) == set()
    assert [action for action, _ in await actions(site, 3)] == ["report.removed", "report.attached", "report.attached"]


@pytest.mark.parametrize("how", ["withdrawn", "expired"])
async def test_it_closes_and_goes_with_the_link(site: Site, how: str) -> None:
    keep = timedelta(0) if how == "expired" else timedelta(days=1)
    task_id = await site.queued()
    await attached(site, task_id)
    study = await site.completed(task_id, keep=keep)
    if how == "withdrawn":
        await withdraw.withdraw(site.database, study.study_id, actor="test", clinic_code=None)
    assert (await site.client.get(f"/s/{study.token}/report")).status_code == 410
    assert (await put(site, task_id)).status_code == 404
    await expire.expire(site.database)
    await expire.sweep(site.database, site.store)
    assert stored(site) == set()
    async with site.database.transaction() as tx:
        assert await reports.of_task(tx, task_id) is None


async def test_it_goes_with_a_task_that_comes_to_nothing(site: Site) -> None:
    cancelled, failed = await site.queued("KP1"), await site.queued("KP2")
    for task_id in (cancelled, failed):
        await attached(site, task_id)
    await site.client.delete(f"/publish/{cancelled}", headers=site.as_mis())
    await site.failed(failed, IncompleteRetrieve(received=1, expected=2))
    await expire.sweep(site.database, site.store)
    assert len(stored(site)) == 1
    async with site.database.transaction() as tx:
        await reports.forget_of_failed(tx, age=timedelta(0))
    await expire.sweep(site.database, site.store)
    assert stored(site) == set()


async def test_the_pin_guards_it_too(site: Site, study: Publication) -> None:
    await attached(site, study.task_id)
    await pin.set_pin(site.database, study.study_id, "271828", actor="test", clinic_code=None)
    somebody = person.stranger(site.app, BASE_URL)
    assert (await somebody.get(f"/s/{study.token}/report")).status_code == 403
    assert "Заключение" not in (await somebody.get(f"/s/{study.token}")).text
    await somebody.client.post(f"/s/{study.token}", data={"pin": "271828"})
    assert (await somebody.get(f"/s/{study.token}/report")).status_code == 200


async def test_a_restore_finds_what_is_lost_and_what_is_strange(site: Site, study: Publication) -> None:
    report = await attached(site, study.task_id)
    strange = ids.new_report_key()
    site.store.put(strange, BytesIO(PDF))
    found = await reconcile(site.database, site.store, collect=False, actor="test")
    assert (found.closed, found.strangers) == ((), (strange,))
    assert (await site.client.get(f"/s/{study.token}/report")).status_code == 200
    site.store.delete(report.key)
    assert (await site.client.get(f"/s/{study.token}/report")).status_code == 503
    await reconcile(site.database, site.store, collect=False, actor="test")
    assert (await site.client.get(f"/s/{study.token}/report")).status_code == 404
    assert (await site.client.get(f"/s/{study.token}")).status_code == 200
    assert ("report.lost", "test") in await actions(site, 2)


@pytest.fixture
async def desk(site: Site) -> Person:
    await panel.add_people(site.database)
    return await person.signed_in(site.app, BASE_URL, panel.REGISTRATOR)


async def sent(desk: Person, address: str, content: bytes | None = None, **fields: str) -> httpx.Response:
    """Send the form as a browser does: with a file, or with none chosen."""
    token = (await desk.page(address)).all("input", name="csrf_token")[0].attributes["value"]
    file = ("report.pdf", content, "application/pdf") if content is not None else ("", b"", "application/octet-stream")
    return await desk.client.post(address, data={"csrf_token": token, **fields}, files={"file": file})


async def test_a_registrator_attaches_replaces_and_removes(site: Site, desk: Person, study: Publication) -> None:
    address = f"/studies/{study.study_id}/report"
    assert f'href="{address}"' in (await desk.get(f"/studies/{study.study_id}")).text
    assert "прочтёт каждый" in (await desk.page(address)).one(id="sheet").text
    for content, fields, why in (
        (NAMES, {}, "Отметьте"),
        (None, {"accepted": "1"}, "Выберите файл"),
        (b"MZ", {"accepted": "1"}, "это не PDF"),
    ):
        refused = await sent(desk, address, content, **fields)
        assert (refused.status_code, why in refused.text) == (422, True), why
    assert stored(site) == set()
    assert (await sent(desk, address, NAMES, accepted="1")).headers["location"] == address
    shown = (await desk.page(address)).one(id="sheet")
    assert [one.attributes["data-clue"] for one in shown.all("li")] == ["patient_id", "label"]
    assert (await sent(desk, address, text=CONCLUSION, accepted="1")).status_code == 303
    shown = (await desk.page(address)).one(id="sheet")
    assert "не найдено" in shown.text
    assert CONCLUSION in text_of((await desk.get(f"/s/{study.token}/report")).content)
    assert (await desk.post(f"{address}/remove")).headers["location"] == address
    assert (await desk.get(f"/s/{study.token}/report")).status_code == 404
    by = f"user:{panel.REGISTRATOR}"
    assert await actions(site, 3) == [("report.removed", by), ("report.attached", by), ("report.attached", by)]


async def test_a_form_of_another_site_or_without_its_token_attaches_nothing(
    site: Site, desk: Person, study: Publication
) -> None:
    address, file = f"/studies/{study.study_id}/report", {"file": ("report.pdf", PDF, "application/pdf")}
    fields = {"accepted": "1"}
    assert (await desk.client.post(address, data=fields, files=file)).status_code == 403
    token = (await desk.page(address)).all("input", name="csrf_token")[0].attributes["value"]
    foreign = {"Sec-Fetch-Site": "cross-site"}
    answer = await desk.client.post(address, data={"csrf_token": token, **fields}, files=file, headers=foreign)
    assert answer.status_code == 403
    # Nowhere else is a form with a file so much as unpacked.
    elsewhere = f"/studies/{study.study_id}/pin"
    assert (await desk.client.post(elsewhere, data={"csrf_token": token}, files=file)).status_code == 403
    assert stored(site) == set()


async def test_who_may_not_see_links_attaches_nothing(site: Site, desk: Person, study: Publication) -> None:
    async with site.database.transaction() as tx:
        await settings.set_rights_of_registrators(tx, frozenset({Right.RETRY}))
    address = f"/studies/{study.study_id}/report"
    assert (await desk.get(address)).status_code == 403
    assert (await desk.post(address, accepted="1", text=CONCLUSION)).status_code == 403
    assert (await desk.post(f"{address}/remove")).status_code == 403


async def test_of_a_clinic_with_a_prefix_it_lies_below_that_whatever_the_prefix_is_later(
    site: Site, study: Publication, administrator: Person
) -> None:
    edit, address = f"/admin/clinics/{KHIMKI}/edit", f"/s/{study.token}/report"
    form = await form_of(administrator, edit)
    keys: list[str] = []
    for prefix in ("khimki/", "kh/2026/", ""):
        assert (await administrator.post(edit, **form | {"storage_prefix": prefix})).status_code == 303
        form = await form_of(administrator, edit)
        assert form["storage_prefix"] == prefix
        assert (await site.client.get(address)).status_code == (200 if keys else 404), "it is still found"
        keys.append((await attached(site, study.task_id)).key)
    assert [key.partition("studies/")[0] for key in keys] == ["khimki/", "kh/2026/", ""]
    # Something is lost of what the database has known, and somebody else shares the store.
    strange, foreign = ids.new_report_key("khimki/"), ids.new_report_key("other/")
    for key in (strange, foreign):
        site.store.put(key, BytesIO(PDF))
    found = await reconcile(site.database, site.store, collect=True, actor="test")
    assert (found.closed, found.strangers) == ((), (strange,))
    assert await expire.sweep(site.database, site.store) == 2
    assert set(site.store.stored_keys()) == {study.object_key, keys[-1], strange, foreign}
    assert (await site.client.get(address)).status_code == 200
