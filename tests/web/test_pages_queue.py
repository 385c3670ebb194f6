"""The queue: what each task shows, what can be done with it, and how often the page asks."""

from dataclasses import replace

import pytest
from tests.peers import html, panel, person
from tests.peers.panel import Panel
from tests.peers.person import Person
from tests.web.conftest import BASE_URL, Site

from studypub.core.task import Event, Status
from studypub.errors import PhiSuspected, Sentence
from studypub.web import paging
from studypub.web.app import create_app


@pytest.fixture
async def bench(site: Site) -> Panel:
    await panel.add_people(site.database)
    return Panel(BASE_URL, site.parts)


@pytest.fixture
async def registrator(site: Site, bench: Panel) -> Person:
    del bench
    return await person.signed_in(site.app, BASE_URL, panel.REGISTRATOR)


async def test_empty_queue_says_how_to_begin(registrator: Person) -> None:
    page = await registrator.page("/queue")
    assert page.one("h2").text == "Очередь пуста"
    assert page.one(class_="button primary").attributes["href"] == "/publish/new"
    assert page.one(id="queue").attributes["hx-trigger"] == "every 20s, refresh"
    assert page.all(data_field="obstacle") == []


async def test_f46_what_holds_the_queue_is_said_above_it(site: Site, bench: Panel) -> None:
    del bench
    full = Sentence("Мало места на диске.", "Short of disk space.")
    app = create_app(replace(site.parts, obstacle=lambda: full))
    page = await (await person.signed_in(app, BASE_URL, panel.REGISTRATOR)).page("/queue")
    assert page.one(data_field="obstacle").text == "Мало места на диске."


async def test_every_kind_of_task_shows_its_fields(bench: Panel, registrator: Person) -> None:
    await bench.fill()
    rows = await registrator.rows("/queue", "acsn")
    assert {row.attributes["data-status"] for row in rows.values()} >= set(Status) - {Status.UPLOADING, Status.EXPIRED}
    for row in rows.values():
        assert row.one(data_field="task_id").text == row.attributes["data-task-id"]
        assert row.attributes["id"] == f"task-{row.attributes['data-task-id']}"
        assert row.one(data_field="created_at").text.startswith("сегодня, ")
        assert row.one(data_field="pid").text
    assert rows["KP125706548L"].one(data_field="size").text == "51 МБ"
    assert rows["KP125706548L"].one(data_field="status").text == "опубликовано"
    assert rows["KP125706548L"].one(data_field="arch_link").text.startswith(f"{BASE_URL}/s/")
    assert rows["KP125706555G"].one(data_field="progress").text == "84 из 240"
    assert rows["KP125706555G"].one("progress").attributes == {
        "max": "240",
        "value": "84",
        "aria-label": "Получено изображений",
    }


async def test_error_is_told_with_what_to_do(bench: Panel, registrator: Person) -> None:
    await bench.fill()
    rows = await registrator.rows("/queue", "acsn")
    assert "проверьте ЭМК пациента" in rows["KP125706111C"].one(data_field="error").text
    assert "row-failed" in rows["KP125706111C"].attributes["class"]
    assert "Следующая попытка: сегодня" in rows["KP125706222D"].one(data_field="error").text


async def test_manual_entries_are_marked(bench: Panel, registrator: Person) -> None:
    await bench.queued("BYHAND", by="hand")
    await bench.queued("BYMIS")
    rows = await registrator.rows("/queue", "acsn")
    assert rows["BYHAND"].one(data_field="origin").text == "вручную"
    assert rows["BYMIS"].all(data_field="origin") == []


async def test_the_page_asks_often_only_while_something_moves(bench: Panel, registrator: Person) -> None:
    await bench.failed(await bench.queued("HELD"), PhiSuspected(), Event.HOLD)
    assert (await registrator.page("/queue")).one(id="queue").attributes["hx-trigger"] == "every 20s, refresh"
    await bench.queued("WAITING")
    assert (await registrator.page("/queue")).one(id="queue").attributes["hx-trigger"] == "every 2s, refresh"


async def test_the_fragment_is_the_part_of_the_page(bench: Panel, registrator: Person) -> None:
    await bench.fill()
    whole = (await registrator.page("/queue")).one(id="queue")
    fragment = html.read((await registrator.get("/queue/lines")).text)
    assert fragment.one(id="queue").text == whole.text
    assert fragment.all("html") == []


async def test_a_failed_task_is_retried(bench: Panel, registrator: Person) -> None:
    await bench.failed(await bench.queued("FAILED"), PhiSuspected())
    row = (await registrator.rows("/queue", "acsn"))["FAILED"]
    assert row.one("button").text == "Повторить"
    response = await registrator.post(row.one("form").attributes["action"])
    assert (response.status_code, response.headers["location"]) == (303, "/queue")
    assert (await registrator.rows("/queue", "acsn"))["FAILED"].attributes["data-status"] == "QUEUED"


async def test_cancelling_asks_once(bench: Panel, registrator: Person) -> None:
    await bench.queued("WAITING")
    row = (await registrator.rows("/queue", "acsn"))["WAITING"]
    question = await registrator.page(row.one("a").attributes["href"])
    assert "WAITING остановится" in question.one(id="sheet").text
    assert (await registrator.rows("/queue", "acsn"))["WAITING"].attributes["data-status"] == "QUEUED"
    action = question.one(id="sheet").one("form").attributes["action"]
    assert (await registrator.post(action)).status_code == 303
    assert (await registrator.rows("/queue", "acsn"))["WAITING"].attributes["data-status"] == "CANCELLED"
    response = await registrator.post(action)
    assert response.status_code == 409
    assert html.read(response.text).one(id="problem").text == "Это задание уже завершено."


async def test_nothing_changes_without_the_token(bench: Panel, registrator: Person) -> None:
    task = await bench.queued("WAITING")
    for token in ({}, {"csrf_token": "x" * 43}):
        response = await registrator.client.post(f"/queue/{task.task_id}/cancel", data=token)
        assert response.status_code == 403
    assert (await registrator.rows("/queue", "acsn"))["WAITING"].attributes["data-status"] == "QUEUED"


async def test_another_clinic_sees_and_changes_nothing(site: Site, bench: Panel) -> None:
    task = await bench.queued("OURS")
    stranger = await person.signed_in(site.app, BASE_URL, panel.TVER_REGISTRATOR)
    assert "OURS" not in (await stranger.get("/queue")).text
    assert (await stranger.get(f"/queue/{task.task_id}/cancel")).status_code == 404
    assert (await stranger.post(f"/queue/{task.task_id}/cancel")).status_code == 409
    administrator = await person.signed_in(site.app, BASE_URL, panel.ADMINISTRATOR)
    assert (await administrator.rows("/queue", "acsn"))["OURS"].attributes["data-status"] == "QUEUED"


async def test_a_long_queue_has_pages(bench: Panel, registrator: Person) -> None:
    for number in range(paging.LENGTH + 1):
        await bench.queued(f"N{number:03}")
    first, second = await registrator.page("/queue"), await registrator.page("/queue?page=2")
    assert len(first.one("tbody").all("tr")) == paging.LENGTH
    assert first.one("a", rel="next").attributes["href"] == "/queue?page=2"
    assert [cell.text for cell in second.all(data_field="acsn")] == ["N000"]
    assert second.one("a", rel="prev").attributes["href"] == "/queue"
    assert second.one(id="queue").attributes["hx-get"] == "/queue/lines?page=2"
    for nonsense in ("0", "-1", "x", "99999999999999999999", "٣"):
        assert (await registrator.get(f"/queue?page={nonsense}")).status_code == 200


async def test_what_people_typed_stays_text(bench: Panel, registrator: Person) -> None:
    hostile = "<script>alert(1)</script>\"'{{7*7}}"
    await bench.queued("ESCAPED", hostile, service_title=hostile)
    row = (await registrator.rows("/queue", "acsn"))["ESCAPED"]
    assert row.one(data_field="pid").text == hostile
    assert "<script>alert" not in (await registrator.get("/queue")).text


async def test_english_page_is_english(site: Site, bench: Panel) -> None:
    await bench.fill()
    reader = await person.signed_in(site.app, BASE_URL, panel.ADMINISTRATOR, "en")
    rows = await reader.rows("/queue", "acsn")
    assert rows["KP125706548L"].one(data_field="status").text == "completed"
    assert rows["KP125706548L"].one(data_field="size").text == "51 MB"
    assert rows["KP125706555G"].one(data_field="progress").text == "84 of 240"
    assert "belongs to another patient" in rows["KP125706111C"].one(data_field="error").text
