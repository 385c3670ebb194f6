"""A study is published anew: its link is another, and neither loses its PIN nor forgets what was told of it."""

from datetime import timedelta
from uuid import UUID

import pytest
from tests.peers import html, panel, person
from tests.peers.panel import Panel
from tests.peers.person import Person
from tests.web.conftest import BASE_URL, Site

from studypub.core.publication import Publication
from studypub.core.rights import Right
from studypub.core.task import Task
from studypub.db import audit, settings, tasks
from studypub.errors import AmbiguousAccession
from studypub.flows import pin, withdraw

STUDY = {"patient_id": "1000001158664", "accession_number": "KP125706548L"}
PIN, OTHER = "271828", "314159"


@pytest.fixture
async def closed(site: Site, bench: Panel) -> Publication:
    """A publication of the MIS whose link asked for a PIN and was withdrawn."""
    study = await bench.published(await bench.queued(STUDY["accession_number"], service_title="МРТ суставов"))
    await pin.set_pin(site.database, study.study_id, PIN, actor="user:ivanova", clinic_code=None)
    await withdraw.withdraw(site.database, study.study_id, actor="user:ivanova", clinic_code=None)
    return study


async def asked(bench: Panel) -> Task:
    async with bench.database.transaction() as tx:
        task = await tasks.newest_of_accession(tx, STUDY["accession_number"], clinic_code=None)
    assert task is not None
    return task


async def opens(site: Site, study: Publication, typed: str) -> bool:
    patient = person.stranger(site.app, BASE_URL)
    await patient.client.post(f"/s/{study.token}", data={"pin": typed})
    return (await patient.get(f"/s/{study.token}/download")).status_code != 403


async def test_it_asks_for_the_same_pin_and_keeps_what_was_told(
    site: Site, bench: Panel, registrator: Person, closed: Publication
) -> None:
    page = await registrator.page(f"/publish/new?again={closed.task_id}")
    typed = {name: page.one("input", name=name).attributes["value"] for name in (*STUDY, "save_till_date", "pin")}
    assert typed == {**STUDY, "save_till_date": f"{closed.save_till + timedelta(hours=3):%Y-%m-%d}", "pin": ""}
    assert "новая спросит тот же" in page.one("main").all(data_field="carried_pin")[0].text
    assert (await registrator.post("/publish/new", **typed)).status_code == 303
    task = await asked(bench)
    assert task.task_id != closed.task_id
    assert (task.service_title, task.emk_record_id) == (closed.service_title, closed.emk_record_id)
    study = await bench.published(task)
    assert study.token != closed.token
    assert not await opens(site, study, OTHER)
    assert await opens(site, study, PIN)


async def test_another_pin_replaces_it(site: Site, bench: Panel, registrator: Person, closed: Publication) -> None:
    del closed
    await registrator.post("/publish/new", **STUDY, pin=OTHER)
    study = await bench.published(await asked(bench))
    assert await opens(site, study, OTHER)
    assert not await opens(site, study, PIN)


async def test_a_pin_that_was_taken_away_does_not_come_back(
    bench: Panel, registrator: Person, closed: Publication
) -> None:
    del closed
    await registrator.post("/publish/new", **STUDY)
    study = await bench.published(await asked(bench))
    await registrator.post(f"/studies/{study.study_id}/pin", pin="")
    await registrator.post(f"/studies/{study.study_id}/withdraw")
    page = await registrator.page(f"/publish/new?again={study.task_id}")
    assert page.one("main").all(data_field="carried_pin") == []
    await registrator.post("/publish/new", **STUDY)
    assert (await bench.published(await asked(bench))).pin_hash is None


async def test_whoever_chooses_among_several_studies_keeps_the_pin_of_the_request(
    site: Site, bench: Panel, registrator: Person
) -> None:
    document = {**STUDY, "pin": PIN, "service_title": "КТ", "emk_record_id": "77"}
    task_id = UUID((await site.post(document)).json()["task_id"])
    await site.failed(task_id, AmbiguousAccession(accession_number="KP125706548L", count=2, found="MR, CT"))
    await registrator.post("/publish/new", **STUDY, study_instance_uid="1.2.3")
    task = await asked(bench)
    assert (task.chosen_study_uid, task.service_title, task.emk_record_id) == ("1.2.3", "КТ", "77")
    assert await opens(site, await bench.published(task), PIN)


async def test_a_program_says_all_that_it_wants(site: Site, bench: Panel, closed: Publication) -> None:
    del closed
    await site.post(STUDY)
    task = await asked(bench)
    assert task.service_title is None
    assert (await bench.published(task)).pin_hash is None


async def test_a_date_that_has_passed_is_not_asked_for_again(bench: Panel, registrator: Person) -> None:
    over = await bench.published(await bench.queued(STUDY["accession_number"]), keep=timedelta(seconds=-1))
    page = await registrator.page(f"/publish/new?again={over.task_id}")
    assert page.one("input", name="save_till_date").attributes["value"] == ""


async def test_another_clinic_learns_nothing(site: Site, closed: Publication) -> None:
    stranger = await person.signed_in(site.app, BASE_URL, panel.TVER_REGISTRATOR)
    page = await stranger.page(f"/publish/new?again={closed.task_id}")
    assert page.one("input", name="patient_id").attributes["value"] == ""
    assert page.one("main").all(data_field="carried_pin") == []


async def test_a_pin_on_the_form_is_set_for_what_is_in_the_queue_too(
    site: Site, bench: Panel, registrator: Person
) -> None:
    await bench.queued(STUDY["accession_number"])
    response = await registrator.post("/publish/new", **STUDY, pin="12")
    assert response.status_code == 422
    assert html.read(response.text).one(id="fault-pin").text == "Должно быть от 4 до 12 цифр."
    await registrator.post("/publish/new", **STUDY, pin=PIN)
    task = await asked(bench)
    async with bench.database.transaction() as tx:
        entry = (await audit.newest(tx, limit=1, offset=0))[0]
    assert (entry.action, entry.actor, entry.subject) == ("task.pin_set", "user:ivanova", str(task.task_id))
    assert await opens(site, await bench.published(task), PIN)


async def test_who_may_not_see_links_sets_no_pin(site: Site, bench: Panel, registrator: Person) -> None:
    async with site.database.transaction() as tx:
        await settings.set_rights_of_registrators(tx, frozenset(set(Right) - {Right.LINK}))
    assert (await registrator.page("/publish/new")).all("input", name="pin") == []
    await registrator.post("/publish/new", **STUDY, pin=PIN)
    assert (await bench.published(await asked(bench))).pin_hash is None


async def test_the_slip_says_that_a_pin_is_asked_for_and_prints_only_the_right_one(
    site: Site, bench: Panel, registrator: Person
) -> None:
    study = await bench.published(await bench.queued("LOCKED"))
    address = f"/studies/{study.study_id}/slip"
    page = await registrator.page(address)
    assert page.all("input", name="pin") == page.all(data_field="pin") == []
    await pin.set_pin(site.database, study.study_id, PIN, actor="user:ivanova", clinic_code=None)
    assert (await registrator.page(address)).one(data_field="pin").text == ""
    wrong = await registrator.post(address, name="Иванов", pin=OTHER)
    assert wrong.status_code == 422
    assert html.read(wrong.text).one(id="fault-pin").text == "Это не ПИН-код этой ссылки."
    assert html.read(wrong.text).one(data_field="pin").text == ""
    page = html.read((await registrator.post(address, name="Иванов", pin=f" {PIN} ")).text)
    assert (page.one(class_="slip-for").text, page.one(data_field="pin").text) == ("Иванов", PIN)
