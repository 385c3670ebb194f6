"""A patient's address: asked for where the clinic writes to patients, checked, and shown to nobody."""

from dataclasses import replace
from typing import Any

import msgspec
import pytest
from tests.peers import panel, person
from tests.peers.panel import Panel
from tests.peers.person import Person
from tests.web.conftest import BASE_URL, KHIMKI, Site

from studypub.config import Delivery
from studypub.core.outbox import State
from studypub.db import outbox, recipients, tasks
from studypub.web.app import create_app

STUDY = {"patient_id": "1000001158664", "accession_number": "KP125706548L"}
EMAIL, PHONE = "i.ivanova@mail.example", "8 916 123-45-67"


@pytest.fixture
def writing(site: Site) -> Site:
    """The site, where clinics write to patients once a registrator says so."""
    delivery = Delivery(consent="when_given", release="by_hand")
    clinics = tuple(msgspec.structs.replace(clinic, delivery=delivery) for clinic in site.parts.config.clinics)
    parts = replace(site.parts, config=msgspec.structs.replace(site.parts.config, clinics=clinics))
    site.parts, site.app = parts, create_app(parts)
    site.client._transport.app = site.app  # type: ignore[attr-defined]
    return site


@pytest.fixture
async def desk(writing: Site) -> Person:
    await panel.add_people(writing.database)
    return await person.signed_in(writing.app, BASE_URL, panel.REGISTRATOR)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("patient_email", "i@"),
        ("patient_email", f"{EMAIL}, x@y.example"),
        ("patient_phone", "12"),
        ("patient_phone", 7),
    ],
)
async def test_what_is_no_address_is_refused_and_not_repeated(writing: Site, field: str, value: Any) -> None:
    response = await writing.post({**STUDY, field: value})
    assert response.status_code == 422
    assert [error["field"] for error in response.json()["errors"]] == [field]
    assert str(value) not in response.json()["errors"][0]["message"].replace("+7 916 123-45-67", "")


async def test_a_program_gives_it_and_no_answer_or_page_of_a_link_tells_it(writing: Site) -> None:
    response = await writing.post({**STUDY, "patient_email": EMAIL, "patient_phone": PHONE})
    assert response.status_code == 202
    async with writing.database.transaction() as tx:
        task = await tasks.newest_of_accession(tx, STUDY["accession_number"], clinic_code=KHIMKI)
        assert task
        kept = await recipients.of_task(tx, task.task_id)
    assert (kept.email, kept.phone) == (EMAIL, "+79161234567")
    study = await writing.completed(task.task_id)
    for page in (await writing.get(f"/publish/{task.task_id}"), await writing.client.get(f"/s/{study.token}")):
        assert page.status_code == 200
        assert "ivanova" not in page.text
        assert "9161234567" not in page.text


async def test_the_form_asks_for_it_where_the_clinic_writes(site: Site, registrator: Person, bench: Panel) -> None:
    del bench
    assert (await registrator.page("/publish/new")).all(id="field-patient_email") == []
    assert (await registrator.post("/publish/new", **STUDY, patient_email=EMAIL)).status_code == 303
    async with site.database.transaction() as tx:
        task = await tasks.newest_of_accession(tx, STUDY["accession_number"], clinic_code=KHIMKI)
        assert task
        assert (await recipients.of_task(tx, task.task_id)).email is None


async def test_a_registrator_sees_little_of_it_and_lets_the_message_go(writing: Site, desk: Person) -> None:
    assert (await desk.page("/publish/new")).one(id="field-patient_email").attributes["type"] == "email"
    assert (await desk.post("/publish/new", **STUDY, patient_phone="1")).status_code == 422
    assert (await desk.post("/publish/new", **STUDY, patient_email=EMAIL)).status_code == 303
    async with writing.database.transaction() as tx:
        task = await tasks.newest_of_accession(tx, STUDY["accession_number"], clinic_code=KHIMKI)
    assert task
    await writing.completed(task.task_id)
    page = await desk.page(f"/queue/{task.task_id}")
    (row,) = [one for one in page.all("li") if "data-message-id" in one.attributes]
    assert row.attributes["data-state"] == "held"
    assert "письмо пациенту: ждёт разрешения" in row.text
    assert row.one(data_field="address").text.startswith("i•••@mail.example")
    assert EMAIL not in page.text
    response = await desk.post(row.one("form").attributes["action"])
    assert (response.status_code, response.headers["location"]) == (303, f"/queue/{task.task_id}")
    async with writing.database.transaction() as tx:
        (line,) = await outbox.to_patient(tx, task.task_id)
    assert line.message.state is State.PENDING
    administrator = await person.signed_in(writing.app, BASE_URL, panel.ADMINISTRATOR)
    listed = await administrator.page("/admin/outbox")
    assert "i•••@mail.example" in listed.text
    assert EMAIL not in listed.text
