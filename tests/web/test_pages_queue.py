"""The queue: what each task shows, what can be done with it, and how often the page asks."""

import re
from dataclasses import replace
from datetime import timedelta

import pytest
from tests.peers import html, panel, person
from tests.peers.panel import Panel
from tests.peers.person import Person
from tests.web.conftest import BASE_URL, KHIMKI, TVER, Site

from studypub.core.people import Role
from studypub.core.task import Event, Status
from studypub.db import outages
from studypub.db.outages import OfClinic
from studypub.errors import PhiSuspected, Sentence
from studypub.web import places
from studypub.web.app import create_app


async def test_empty_queue_says_how_to_begin(registrator: Person) -> None:
    page = await registrator.page("/queue")
    assert page.one("h2").text == "Очередь пуста"
    assert page.one(class_="button primary").attributes["href"] == "/publish/new"
    assert page.one(id="queue").attributes["hx-trigger"] == "refresh"
    assert page.all(data_field="obstacle") == []


async def test_f46_what_holds_the_queue_is_said_above_it(site: Site, bench: Panel) -> None:
    del bench
    full = Sentence("Мало места на диске.", "Short of disk space.")
    app = create_app(replace(site.parts, obstacle=lambda: full))
    page = await (await person.signed_in(app, BASE_URL, panel.REGISTRATOR)).page("/queue")
    assert page.one(data_field="obstacle").text == "Мало места на диске."


async def test_f32_a_pacs_that_is_away_is_named_to_those_whose_tasks_wait(site: Site, bench: Panel) -> None:
    async with bench.database.transaction() as tx:
        await outages.begin(tx, OfClinic(TVER, "ORTHANC"), timedelta(hours=1))
        await outages.begin(tx, OfClinic("of another configuration", "ORTHANC"), timedelta(hours=1))
        await outages.begin(tx, OfClinic(TVER, "OF ANOTHER ONE"), timedelta(hours=1))
    page = await (await person.signed_in(site.app, BASE_URL, panel.ADMINISTRATOR)).page("/queue")
    text = page.one(data_field="outage").text
    clinic = site.parts.config.clinic(TVER)
    assert clinic
    assert text.startswith(f"{clinic.name}: PACS {clinic.pacs.ae_title} ({clinic.pacs.host}:{clinic.pacs.port}) недост")
    assert "Начало: сегодня, " in text
    page = await (await person.signed_in(site.app, BASE_URL, panel.REGISTRATOR)).page("/queue")
    assert page.all(data_field="outage") == []  # she is of Khimki


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
    assert rows["KP125706555G"].one(data_field="progress").text == "84 из 240 · 42 МБ"
    assert rows["KP125706555G"].one("progress").attributes == {
        "max": "240",
        "value": "84",
        "aria-label": "Получено изображений",
    }


async def test_where_the_pacs_does_not_count_only_what_has_come_is_told(bench: Panel, registrator: Person) -> None:
    await bench.advanced(await bench.queued("UNCOUNTED"), Event.FOUND, received=3, expected=None)
    rows = await registrator.rows("/queue", "acsn")
    assert rows["UNCOUNTED"].one(data_field="progress").text == "3 изображения · 1,5 МБ"
    assert "value" not in rows["UNCOUNTED"].one("progress").attributes


async def test_error_is_told_with_what_to_do(bench: Panel, registrator: Person) -> None:
    await bench.fill()
    rows = await registrator.rows("/queue", "acsn")
    assert "проверьте ЭМК пациента" in rows["KP125706111C"].one(data_field="error").text
    assert "row-failed" in rows["KP125706111C"].attributes["class"]
    again = rows["KP125706222D"].one(data_field="error")
    # Before midnight it is a day of tomorrow.
    assert re.search(r"Следующая попытка: (сегодня|\d+ \w+\.), \d\d:\d\d$", again.text)


async def test_manual_entries_are_marked(bench: Panel, registrator: Person) -> None:
    await bench.queued("BYHAND", by="hand")
    await bench.queued("BYMIS")
    rows = await registrator.rows("/queue", "acsn")
    assert rows["BYHAND"].one(data_field="origin").text == "вручную"
    assert rows["BYMIS"].all(data_field="origin") == []


async def test_the_page_asks_often_only_while_something_moves(bench: Panel, registrator: Person) -> None:
    await bench.failed(await bench.queued("HELD"), PhiSuspected(), Event.HOLD)
    assert (await registrator.page("/queue")).one(id="queue").attributes["hx-trigger"] == "refresh"
    await bench.queued("WAITING")
    assert (await registrator.page("/queue")).one(id="queue").attributes["hx-trigger"] == "every 2s, refresh"


async def test_the_fragment_is_the_part_of_the_page(bench: Panel, registrator: Person) -> None:
    await bench.fill()
    whole = (await registrator.page("/queue")).one(id="queue")
    fragment = html.read((await registrator.get("/queue/lines")).text)
    assert fragment.one(id="queue").text == whole.text
    assert fragment.all("html") == []


async def test_many_desks_are_shown_the_same_each_with_a_token_of_its_own(
    site: Site, bench: Panel, registrator: Person, administrator: Person
) -> None:
    await bench.failed(await bench.queued("FAILED"), PhiSuspected())
    await panel.add_user(site.database, "petrova", Role.REGISTRATOR, KHIMKI)
    other = await person.signed_in(site.app, BASE_URL, "petrova")
    shown = [html.read((await one.get("/queue/lines")).text) for one in (registrator, other)]
    assert shown[0].one(id="queue").text == shown[1].one(id="queue").text
    tokens = [one.one("input", name="csrf_token").attributes["value"] for one in shown]
    assert tokens[0] != tokens[1]
    address = shown[0].one("form").attributes["action"]
    assert (await other.client.post(address, data={"csrf_token": tokens[0]})).status_code == 403
    assert (await other.client.post(address, data={"csrf_token": tokens[1]})).status_code == 303
    elsewhere = await person.signed_in(site.app, BASE_URL, panel.TVER_REGISTRATOR)
    assert "FAILED" not in (await elsewhere.get("/queue/lines")).text
    assert "FAILED" in (await administrator.get("/queue/lines")).text


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
    question = await registrator.page(row.one("a", class_="button small plain").attributes["href"])
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
    assert (await stranger.post(f"/queue/{task.task_id}/cancel")).status_code == 404
    administrator = await person.signed_in(site.app, BASE_URL, panel.ADMINISTRATOR)
    assert (await administrator.rows("/queue", "acsn"))["OURS"].attributes["data-status"] == "QUEUED"


async def test_a_long_queue_has_pages_that_lead_on_and_back(bench: Panel, registrator: Person) -> None:
    for number in range(2 * places.LENGTH + 1):
        await bench.queued(f"N{number:03}")
    numbers, address, page = [], "/queue", await registrator.page("/queue")
    while address:
        page = await registrator.page(address)
        numbers += [cell.text for cell in page.all(data_field="acsn")]
        assert page.one(id="queue").attributes["hx-get"] == address.replace("/queue", "/queue/lines")
        address = next((link.attributes["href"] for link in page.all("a", rel="next")), "")
    assert numbers == [f"N{number:03}" for number in reversed(range(2 * places.LENGTH + 1))]
    back = await registrator.page(page.one("a", rel="prev").attributes["href"])
    assert [cell.text for cell in back.all(data_field="acsn")] == numbers[places.LENGTH : 2 * places.LENGTH]
    first = await registrator.page(back.one("a", rel="prev").attributes["href"])
    assert [cell.text for cell in first.all(data_field="acsn")] == numbers[: places.LENGTH]
    assert first.all("a", rel="prev") == []


@pytest.mark.parametrize(
    "nonsense",
    [
        "after=x",
        "after=~",
        "after=2026-01-01~x",
        "before=%00~" + "0" * 32,
        "after=infinity~" + "0" * 32,
        "state=x&q=%00",
    ],
)
async def test_a_place_that_is_none_is_the_head(bench: Panel, registrator: Person, nonsense: str) -> None:
    await bench.queued("N1")
    assert list(await registrator.rows(f"/queue?{nonsense}", "acsn")) == ["N1"]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("state=active", {"HAND", "COMMAND", "MOVING"}),
        ("state=failed", {"FAILED"}),
        ("state=completed&origin=mis", {"DONE"}),
        ("origin=manual", {"HAND"}),
        ("q=oVi", {"MOVING"}),
        ("q=0777", {"FAILED"}),
        ("q=%25", set()),
        ("clinic=f_Tver", {"HAND", "COMMAND", "MOVING", "FAILED", "DONE"}),  # nobody leaves their own
    ],
)
async def test_filters(bench: Panel, registrator: Person, query: str, found: set[str]) -> None:
    await bench.advanced(await bench.queued("MOVING"), Event.FOUND)
    await bench.failed(await bench.queued("FAILED", "0777"), PhiSuspected())
    await bench.published(await bench.queued("DONE"))
    await bench.queued("HAND", by="hand")
    await bench.queued("COMMAND")
    await bench.queued("TVER", clinic_code=panel.TVER)
    page = await registrator.page(f"/queue?{query}")
    assert {cell.text for cell in page.all(data_field="acsn")} == found
    assert page.one(id="queue").attributes["hx-get"] == f"/queue/lines?{query}"
    if not found:
        assert page.one("h2").text == "Ничего не найдено"


async def test_an_administrator_chooses_among_clinics(site: Site, bench: Panel) -> None:
    await bench.queued("KHIMKI")
    await bench.queued("TVER", clinic_code=panel.TVER)
    administrator = await person.signed_in(site.app, BASE_URL, panel.ADMINISTRATOR)
    assert len((await administrator.page("/queue")).one("select", name="clinic").all("option")) == 3
    assert list(await administrator.rows("/queue?clinic=f_Tver", "acsn")) == ["TVER"]


async def test_an_action_returns_to_the_part_of_the_queue_where_it_began(bench: Panel, registrator: Person) -> None:
    await bench.queued("WAITING")
    row = (await registrator.rows("/queue?state=active&q=WAIT", "acsn"))["WAITING"]
    question = await registrator.page(row.one("a", class_="button small plain").attributes["href"])
    response = await registrator.post(question.one(id="sheet").one("form").attributes["action"])
    assert response.headers["location"] == "/queue?state=active&q=WAIT"


async def test_a_task_under_way_tells_its_age(bench: Panel, registrator: Person) -> None:
    await bench.published(await bench.queued("DONE"))
    await bench.queued("WAITING")
    rows = await registrator.rows("/queue", "acsn")
    assert rows["WAITING"].one(data_field="age").text == "идёт 1 мин"
    assert rows["DONE"].all(data_field="age") == []


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
    assert rows["KP125706555G"].one(data_field="progress").text == "84 of 240 · 42 MB"
    assert "belongs to another patient" in rows["KP125706111C"].one(data_field="error").text
