"""One task: what happened to it, what was left out of it, and what can be done."""

from typing import Any

import pytest
from tests.peers import html, panel, person
from tests.peers.panel import Panel
from tests.peers.person import Person
from tests.web.conftest import BASE_URL, Site

from studypub.core.review import Decision, Held
from studypub.core.rights import Right
from studypub.core.task import Event, Handled, LeftOut, Status, Task
from studypub.db import audit, review, settings, tasks
from studypub.errors import (
    AmbiguousAccession,
    ConflictingInstances,
    IncompleteRetrieve,
    PacsUnreachable,
    Sentence,
    StudypubError,
)
from studypub.flows import cancel, pin, sign_in, withdraw
from studypub.flows.publish_received import publish_received
from studypub.flows.review import decide

SILENT = PacsUnreachable(pacs="ORTHANC", address="10.0.0.5:4242")
WHY = Sentence("Протокол дозы", "A dose report")


async def grant(site: Site, *rights: Right) -> None:
    async with site.database.transaction() as tx:
        await settings.set_rights_of_registrators(tx, frozenset(rights))


async def steps(someone: Person, task: Task) -> list[html.Element]:
    page = await someone.page(f"/queue/{task.task_id}")
    return [step for step in page.all("li") if "data-event" in step.attributes]


async def test_the_queue_leads_to_what_happened(bench: Panel, registrator: Person) -> None:
    task = await bench.queued("KP125706548L", by="hand")
    row = (await registrator.rows("/queue", "acsn"))["KP125706548L"]
    assert row.one("a", class_="task-link").attributes["href"] == f"/queue/{task.task_id}"
    page = await registrator.page(f"/queue/{task.task_id}")
    shown = {name: page.one(data_field=name).text for name in ("pid", "emk_record_id", "origin", "task_id")}
    assert shown["pid"].startswith("1000001158664")
    assert shown["emk_record_id"] == "123456"
    assert shown["origin"] == "вручную ivanova"
    assert shown["task_id"].startswith(str(task.task_id))


async def test_every_step_is_told_in_order(bench: Panel, registrator: Person) -> None:
    task = await bench.queued("KP125706548L")
    await bench.postponed(task, SILENT)
    async with bench.database.transaction() as tx:
        await tx.run(
            "requeue_task", task_id=task.task_id, search_time=panel.HOUR, partial_reason=None, **{"from": "QUEUED"}
        )
    running = await bench.advanced(task, Event.FOUND, Event.RECEIVED, received=240)
    async with bench.database.transaction() as tx:
        await tasks.advance(tx, running, Event.PREPARED, handled=Handled((LeftOut("dose", WHY, 3),), 2, 1))
    told = await steps(registrator, task)
    assert [step.attributes["data-event"] for step in told] == [
        "queued", "claimed", "postponed", "claimed", "found", "received", "prepared",
    ]  # fmt: skip
    assert "PACS ORTHANC не отвечает" in told[2].text
    assert "240 изображений" in told[4].text
    assert "240 из 240 · 120 МБ" in told[5].text
    assert "не опубликовано: 3 · надписи закрыты: 2 · срезов с лицом: 1" in told[6].text
    page = await registrator.page(f"/queue/{task.task_id}")
    assert "Не опубликовано: 3 изображения. Протокол дозы" in page.one(data_reason="dose").text
    assert page.one(data_field="covered").text == "На 2 изображениях закрыты надписи"
    assert page.one(data_field="faces").text.startswith("1 срез головы опубликован")


async def test_what_was_held_and_decided_is_told(site: Site, bench: Panel) -> None:
    task = await bench.advanced(await bench.queued("HELD"), Event.FOUND, Event.RECEIVED)
    async with bench.database.transaction() as tx:
        await review.hold(tx, task, [Held("1.2", "ultrasound", WHY, None), Held("1.3", "face", WHY, None, 40)])
        held = await review.of_task(tx, task.task_id)
    registrator = await person.signed_in(site.app, BASE_URL, panel.REGISTRATOR)
    page = await registrator.page(f"/queue/{task.task_id}")
    assert len(page.all("li", data_held="")) == 2
    for one, decision in zip(held, (Decision.MASK, Decision.LEAVE_OUT), strict=True):
        await decide(bench.database, task.task_id, [one.held_id], decision, actor="user:admin", clinic_code=None)
    told = await steps(registrator, task)
    assert [step.attributes["data-event"] for step in told[-2:]] == ["held", "decided"]
    assert {"закрыть надписи · admin", "не публиковать · admin"} <= {
        one.one(class_="second").text.removeprefix("Решено: ")
        for one in (await registrator.page(f"/queue/{task.task_id}")).all("li")
        if "data-held" in one.attributes
    }


async def who_did_what(someone: Person, task: Task) -> list[tuple[str, str]]:
    told = await steps(someone, task)
    named = [(step.attributes["data-event"], who) for step in told for who in step.all(data_field="who")]
    return [(kind, who.text) for kind, who in named]


async def test_what_people_did_is_told_with_their_names(bench: Panel, registrator: Person) -> None:
    key = await sign_in.add_api_key(bench.database, clinic_code=panel.KHIMKI, name="МИС", actor="user:admin")
    task = await incomplete(bench, requested_by=f"key:{key.partition('.')[0]}")
    by: dict[str, Any] = {"clinic_code": None, "actor": "user:petrova"}
    await publish_received(bench.database, task.task_id, "Серия испорчена", search_time=panel.HOUR, **by)
    await cancel.cancel(bench.database, task.task_id, **by)
    await cancel.try_again(bench.database, task.task_id, search_time=panel.HOUR, **{**by, "actor": "command:root"})
    await bench.hold(task, Held("1.2", "ultrasound", WHY, None))
    async with bench.database.transaction() as tx:
        held = await review.of_task(tx, task.task_id)
    await decide(bench.database, task.task_id, [held[0].held_id], Decision.MASK, **by)
    study = await bench.published(task)
    async with bench.database.transaction() as tx:
        till = await tx.now() + 2 * panel.HOUR
    await withdraw.keep_until(bench.database, study.study_id, till, longest=3 * panel.HOUR, **by)
    await pin.set_pin(bench.database, study.study_id, "271828", **by)
    await withdraw.withdraw(bench.database, study.study_id, **by)
    assert await who_did_what(registrator, task) == [
        ("queued", "ключ API «МИС»"),
        ("again", "petrova"),
        ("cancelled", "petrova"),
        ("again", "root"),
        ("decided", "petrova"),
        ("kept", "petrova"),
        ("pin_set", "petrova"),
        ("withdrawn", "petrova"),
    ]
    told = {step.attributes["data-event"]: step.text for step in await steps(registrator, task)}
    assert "Хранить до" in told["kept"]
    page = await registrator.page(f"/queue/{task.task_id}")
    assert page.one(data_held="mask").one(class_="second").text == "Решено: закрыть надписи · petrova"
    again = [step for step in await steps(registrator, task) if step.attributes["data-event"] == "again"]
    assert ["Опубликовать то, что удастся получить" in step.text for step in again] == [True, False]


async def test_a_cancelled_task_tells_so_and_is_tried_again_from_there(bench: Panel, registrator: Person) -> None:
    task = await bench.queued("KP125706548L")
    await cancel.cancel(bench.database, task.task_id, actor="user:ivanova", clinic_code=None)
    page = await registrator.page(f"/queue/{task.task_id}")
    response = await registrator.post(page.one(id="task").one("form").attributes["action"])
    assert response.headers["location"] == f"/queue/{task.task_id}"
    told = [step.attributes["data-event"] for step in await steps(registrator, task)]
    assert told == ["queued", "cancelled", "again"]


async def test_several_studies_lead_to_the_choice(bench: Panel, registrator: Person) -> None:
    task = await bench.queued("KP125706548L")
    await bench.failed(task, AmbiguousAccession(accession_number="KP125706548L", count=2, found="MR, CT"))
    row = (await registrator.rows("/queue", "acsn"))["KP125706548L"]
    assert row.one("a", class_="button small").attributes["href"] == f"/publish/new?again={task.task_id}"


async def test_another_clinic_sees_nothing(site: Site, bench: Panel) -> None:
    task = await bench.queued("OURS")
    stranger = await person.signed_in(site.app, BASE_URL, panel.TVER_REGISTRATOR)
    assert (await stranger.get(f"/queue/{task.task_id}")).status_code == 404


@pytest.mark.parametrize(("right", "action"), [(Right.CANCEL, "cancel"), (Right.RETRY, "retry")])
async def test_a_right_that_is_not_granted_is_neither_offered_nor_had(
    site: Site, bench: Panel, registrator: Person, right: Right, action: str
) -> None:
    task = await bench.queued("KP125706548L")
    if right is Right.RETRY:
        await cancel.cancel(bench.database, task.task_id, actor="user:ivanova", clinic_code=None)
    await grant(site, *(set(Right) - {right}))
    row = (await registrator.rows("/queue", "acsn"))["KP125706548L"]
    assert row.all(class_="button small plain") == row.all("button") == []
    response = await registrator.post(f"/queue/{task.task_id}/{action}")
    assert response.status_code == 403
    assert "Его может дать администратор" in html.read(response.text).one(id="problem").text
    await grant(site, right)
    assert (await registrator.post(f"/queue/{task.task_id}/{action}")).status_code == 303


async def test_a_link_that_may_not_be_seen_is_not_in_the_page(site: Site, bench: Panel, registrator: Person) -> None:
    task = await bench.queued("KP125706548L")
    study = await bench.published(task)
    assert study.token in (await registrator.get(f"/queue/{task.task_id}")).text
    await grant(site)
    for path in ("/queue", f"/queue/{task.task_id}"):
        assert study.token not in (await registrator.get(path)).text


async def incomplete(bench: Panel, acsn: str = "KP125706548L", why: StudypubError | None = None, **more: str) -> Task:
    task = await bench.advanced(await bench.queued(acsn, **more), Event.FOUND, received=118, expected=120)
    async with bench.database.transaction() as tx:
        return await tasks.end(tx, task, Event.FAIL, why=why or IncompleteRetrieve(received=118, expected=120))


async def test_an_administrator_publishes_what_was_received_and_says_why(site: Site, bench: Panel) -> None:
    task = await incomplete(bench)
    administrator = await person.signed_in(site.app, BASE_URL, panel.ADMINISTRATOR)
    address = f"/queue/{task.task_id}/received"
    page = await administrator.page(f"/queue/{task.task_id}")
    assert f"{address}?from=task" in [link.attributes["href"] for link in page.one(id="task").all("a")]
    assert "пришло 118 из 120 изображений" in (await administrator.page(address)).one(id="sheet").text
    for reason in ("", "   ", "x" * 501):
        refused = await administrator.post(address, reason=reason)
        assert refused.status_code == 422
        assert html.read(refused.text).one(id="fault-reason").text.startswith("Напишите, почему")
    row = (await administrator.rows("/queue?state=failed", "acsn"))["KP125706548L"]
    assert [link.text for link in row.one(class_="also").all("a")] == ["Опубликовать полученное"]
    address = row.one(class_="also").one("a").attributes["href"]
    assert address == f"/queue/{task.task_id}/received?state=failed"
    sheet = (await administrator.page(address)).one(id="sheet")
    assert sheet.one("form").attributes["action"] == address
    response = await administrator.post(address, reason=" Две серии испорчены ")
    assert response.headers["location"] == "/queue?state=failed"
    async with bench.database.transaction() as tx:
        found = await tasks.find(tx, task.task_id, clinic_code=None)
        entry = (await audit.newest(tx, limit=1, offset=0))[0]
    assert found is not None
    assert (found.status, found.partial_reason) == (Status.QUEUED, "Две серии испорчены")
    assert (entry.action, entry.actor) == ("task.partial_allowed", "user:admin")
    assert (entry.details["reason"], entry.details["received"]) == ("Две серии испорчены", 118)
    assert (await administrator.post(address, reason="again")).status_code == 404


async def test_an_ordinary_retry_wants_everything_again(site: Site, bench: Panel) -> None:
    task = await incomplete(bench)
    administrator = await person.signed_in(site.app, BASE_URL, panel.ADMINISTRATOR)
    await administrator.post(f"/queue/{task.task_id}/received", reason="why not")
    await administrator.post(f"/queue/{task.task_id}/cancel")
    await administrator.post(f"/queue/{task.task_id}/retry")
    async with bench.database.transaction() as tx:
        found = await tasks.find(tx, task.task_id, clinic_code=None)
    assert found is not None
    assert (found.status, found.partial_reason) == (Status.QUEUED, None)


async def test_nobody_else_publishes_in_part_nor_anything_else(site: Site, bench: Panel, registrator: Person) -> None:
    await grant(site, *Right)
    task = await incomplete(bench)
    address = f"/queue/{task.task_id}/received"
    for path in ("/queue", f"/queue/{task.task_id}"):
        assert address not in (await registrator.get(path)).text
    assert (await registrator.get(address)).status_code == 403
    assert (await registrator.post(address, reason="why not")).status_code == 403
    administrator = await person.signed_in(site.app, BASE_URL, panel.ADMINISTRATOR)
    await incomplete(bench, "CONFLICT", ConflictingInstances())
    rows = await administrator.rows("/queue", "acsn")
    assert [acsn for acsn, row in rows.items() if row.all(class_="also")] == ["KP125706548L"]
    other = await bench.queued("OTHER")
    assert (await administrator.post(f"/queue/{other.task_id}/received", reason="why not")).status_code == 404
