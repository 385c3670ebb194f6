"""Published studies: finding one, handing over its link, keeping it for longer, withdrawing it."""

from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest
from tests.peers import html, panel, person
from tests.peers.panel import Panel
from tests.peers.person import Person
from tests.web.conftest import BASE_URL, Site

from studypub.core.publication import Publication
from studypub.db import audit


@pytest.fixture
async def study(bench: Panel) -> Publication:
    return await bench.published(await bench.queued("KP125706548L"))


async def test_empty_list_says_what_it_is_for(registrator: Person) -> None:
    assert (await registrator.page("/studies")).one("h2").text == "Пока ничего не опубликовано"


async def test_a_study_shows_its_fields(study: Publication, registrator: Person) -> None:
    row = (await registrator.rows("/studies", "acsn"))["KP125706548L"]
    assert row.attributes["data-study-id"] == str(study.study_id)
    link = f"{BASE_URL}/s/{study.token}"
    shown = {cell.attributes["data-field"]: cell.text for cell in row.all() if "data-field" in cell.attributes}
    assert set(shown) >= {"pid", "emk_record_id", "arch_link", "size", "study_date", "upload_date", "save_till"}
    assert (shown["pid"], shown["emk_record_id"]) == ("1000001158664", "123456")
    assert (shown["arch_link"], shown["size"]) == (link, "51 МБ")
    assert row.one("button").attributes["data-copy"] == link
    instant = row.one(data_field="save_till").one("time").attributes["datetime"]
    assert instant == study.save_till.astimezone(ZoneInfo("Europe/Moscow")).isoformat(timespec="seconds")


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("kp1257", {"KP125706548L"}),
        ("0777", {"OTHER1"}),
        ("  6548L ", {"KP125706548L"}),
        ("123456", {"KP125706548L", "OTHER1"}),
        ("%", set()),
        ("_", set()),
        ("нет такого", set()),
    ],
)
async def test_filter_finds_by_part_of_a_number(
    bench: Panel, study: Publication, registrator: Person, text: str, found: set[str]
) -> None:
    del study
    await bench.published(await bench.queued("OTHER1", "0777"))
    page = html.read((await registrator.client.get("/studies", params={"q": text})).text)
    assert {cell.text for cell in page.all(data_field="acsn")} == found
    assert page.one("input", name="q").attributes["value"] == text.strip()
    if not found:
        assert page.one("h2").text == "Ничего не найдено"


async def test_the_link_is_shown_as_a_qr_code(study: Publication, registrator: Person) -> None:
    page = await registrator.page(f"/studies/{study.study_id}")
    assert page.one("img").attributes["src"].startswith("data:image/svg+xml")
    assert page.one(data_field="arch_link").text == f"{BASE_URL}/s/{study.token}"


async def test_the_date_is_changed(bench: Panel, study: Publication, registrator: Person) -> None:
    form = await registrator.page(f"/studies/{study.study_id}/keep")
    field = form.one("input", name="save_till_date")
    assert field.attributes["min"] < field.attributes["value"] < field.attributes["max"]
    day = field.attributes["max"]
    assert (await registrator.post(f"/studies/{study.study_id}/keep", save_till_date=day)).status_code == 303
    row = (await registrator.rows("/studies", "acsn"))["KP125706548L"]
    assert row.one(data_field="save_till").one("time").attributes["datetime"] == f"{day}T23:59:59+03:00"
    async with bench.database.transaction() as tx:
        assert (await audit.newest(tx, limit=1, offset=0))[0].action == "study.kept_until"


@pytest.mark.parametrize("day", ["", "tomorrow", "2020-01-01", "2199-01-01"])
async def test_a_date_that_cannot_be_is_refused_beside_its_field(
    study: Publication, registrator: Person, day: str
) -> None:
    response = await registrator.post(f"/studies/{study.study_id}/keep", save_till_date=day)
    assert response.status_code == 422
    page = html.read(response.text)
    assert page.one(id="fault-save_till_date").text
    assert page.one("input", name="save_till_date").attributes["value"] == day


async def test_withdrawing_asks_once_and_closes_the_link(study: Publication, registrator: Person) -> None:
    question = await registrator.page(f"/studies/{study.study_id}/withdraw")
    assert "перестанет открываться. Файл будет удалён." in question.one(id="sheet").text
    assert (await registrator.get(f"/s/{study.token}")).status_code == 200
    assert (await registrator.post(f"/studies/{study.study_id}/withdraw")).status_code == 303
    assert (await registrator.get(f"/s/{study.token}")).status_code == 410
    row = (await registrator.rows("/studies", "acsn"))["KP125706548L"]
    assert row.one(data_field="arch_link").text == "отозвано"
    assert row.all("button") == []
    assert row.one(class_="cell-check").all("input") == []


async def test_a_date_that_has_come_closes_the_row_before_the_sweep(bench: Panel, registrator: Person) -> None:
    await bench.published(await bench.queued("OVER"), keep=timedelta(seconds=-1))
    row = (await registrator.rows("/studies", "acsn"))["OVER"]
    assert row.one(data_field="arch_link").text == "срок истёк"
    assert (await registrator.rows("/queue", "acsn"))["OVER"].all(data_field="arch_link") == []


async def test_another_clinic_sees_and_changes_nothing(site: Site, study: Publication) -> None:
    stranger = await person.signed_in(site.app, BASE_URL, panel.TVER_REGISTRATOR)
    assert "KP125706548L" not in (await stranger.get("/studies")).text
    for path in ("", "/keep", "/withdraw"):
        assert (await stranger.get(f"/studies/{study.study_id}{path}")).status_code == 404
    assert (await stranger.post(f"/studies/{study.study_id}/withdraw")).status_code == 404
    assert (await stranger.get(f"/s/{study.token}")).status_code == 200
