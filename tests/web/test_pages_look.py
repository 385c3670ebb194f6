"""What the form shows before anything is published: found, several, another patient's, nothing, a silent PACS."""

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any
from uuid import UUID

import msgspec
from litestar import Litestar
from pydicom.dataset import FileDataset
from tests.peers import html, panel, person
from tests.peers.panel import Panel
from tests.peers.person import Person
from tests.peers.studies import make_study
from tests.web.conftest import BASE_URL, Site

from studypub.config import Pacs
from studypub.core.task import Event
from studypub.db import audit, tasks
from studypub.dicom.demo_pacs import DemoPacs
from studypub.web.app import create_app

PID, ACSN = "1000001158664", "KP125706548L"
STUDY = {"patient_id": PID, "accession_number": ACSN}
LOOK = "/publish/new/look"


def study(seed: int, patient_id: str = PID, **more: Any) -> list[FileDataset]:
    made = make_study(patient_id=patient_id, accession_number=ACSN, seed=seed, instances=3, **more)
    for instance in made:
        instance.PatientBirthDate, instance.StudyDescription = "19800315", "МРТ <b>колена</b>"
        instance.StudyDate, instance.StudyTime = "20250201", "161802"
    return made


def with_pacs(site: Site, port: int, *more: Pacs) -> Litestar:
    clinics = tuple(
        msgspec.structs.replace(clinic, pacs=msgspec.structs.replace(clinic.pacs, port=port), more_pacs=more)
        for clinic in site.parts.config.clinics
    )
    return create_app(replace(site.parts, config=msgspec.structs.replace(site.parts.config, clinics=clinics)))


@asynccontextmanager
async def registrator(site: Site, instances: Iterable[FileDataset]) -> AsyncIterator[Person]:
    """A registrator of a clinic whose PACS holds these instances."""
    pacs = DemoPacs("ORTHANC", destinations={}, instances=instances)
    pacs.start()
    try:
        yield await person.signed_in(with_pacs(site, pacs.port), BASE_URL, panel.REGISTRATOR)
    finally:
        pacs.stop()


async def look(someone: Person, **fields: str) -> html.Element:
    response = await someone.post(LOOK, **{**STUDY, **fields})
    assert response.status_code == 200, response.text
    return html.read(response.text).one("main").all(id="found")[0]


async def test_what_was_found_is_shown_and_nothing_is_published(site: Site, bench: Panel) -> None:
    async with registrator(site, study(1, modality="MR")) as someone:
        found = await look(someone)
    assert found.attributes["data-outcome"] == "FOUND"
    shown = {name: found.one(data_field=name).text for name in ("patient", "modality", "study_date", "instances")}
    assert shown["patient"] == "К. С. Ю. , 1980 г. р."
    assert shown["modality"] == "Магнитно-резонансная томография МРТ <b>колена</b>"
    assert shown["study_date"] == "1 февр. 2025, 16:18"
    assert shown["instances"] == "3"
    assert found.one("button", class_="primary").text == "Опубликовать"
    assert "Ковалевская" not in found.text
    async with bench.database.transaction() as tx:
        assert await tasks.newest_of_accession(tx, ACSN, clinic_code=None) is None


async def test_a_script_gets_the_part_alone(site: Site, bench: Panel) -> None:
    del bench
    async with registrator(site, study(1)) as someone:
        token = (await someone.page("/publish/new")).all("input", name="csrf_token")[0].attributes["value"]
        fields = {**STUDY, "csrf_token": token}
        response = await someone.client.post(LOOK, data=fields, headers={"HX-Request": "true"})
        found = html.read(response.text)
        faulty = await someone.client.post(
            LOOK, data={**fields, "accession_number": "K*"}, headers={"HX-Request": "true"}
        )
    assert (found.all("html"), found.one(id="found").attributes["data-outcome"]) == ([], "FOUND")
    assert faulty.status_code == 200
    assert html.read(faulty.text).one(class_="fault").text == "Символы *, ? и \\ недопустимы."


async def test_another_patients_study_cannot_be_published_from_here(site: Site, bench: Panel) -> None:
    del bench
    async with registrator(site, study(1, "2000002")) as someone:
        found = await look(someone)
    assert found.attributes["data-outcome"] == "PATIENT_MISMATCH"
    assert found.one("h2").text == "Это исследование другого пациента"
    assert "К. С. Ю." in found.one(data_field="patient").text
    assert [button.text for button in found.all("button")] == ["Проверить в PACS"]


async def test_nothing_found_can_wait_in_the_queue(site: Site, bench: Panel) -> None:
    del bench
    async with registrator(site, ()) as someone:
        found = await look(someone)
    assert found.attributes["data-outcome"] == "STUDY_NOT_FOUND"
    assert found.one("button", class_="primary").text == "Поставить в очередь"


async def test_a_silent_pacs_is_told_in_plain_words(site: Site, bench: Panel) -> None:
    del bench
    someone = await person.signed_in(with_pacs(site, 9), BASE_URL, panel.REGISTRATOR)
    found = await look(someone)
    assert found.attributes["data-outcome"] == "PACS_UNREACHABLE"
    assert found.one("h2").text == "PACS сейчас не отвечает"
    assert found.one("button", class_="primary").text == "Поставить в очередь"


async def test_a_silent_pacs_does_not_hide_what_another_one_has(site: Site, bench: Panel) -> None:
    del bench
    old = DemoPacs("OLD", destinations={}, instances=study(1, modality="MR"))
    old.start()
    try:
        more = Pacs(ae_title="OLD", host="127.0.0.1", port=old.port)
        found = await look(await person.signed_in(with_pacs(site, 9, more), BASE_URL, panel.REGISTRATOR))
    finally:
        old.stop()
    assert (found.attributes["data-outcome"], found.one(data_field="instances").text) == ("FOUND", "3")


async def test_one_of_several_is_chosen_and_travels_with_the_task(site: Site, bench: Panel) -> None:
    studies = [study(1, modality="CT"), study(2, modality="MR")]
    async with registrator(site, [*studies[0], *studies[1], *study(3, "2000002")]) as someone:
        found = await look(someone)
        uids = [option.attributes["value"] for option in found.all("input", name="study_instance_uid")]
        assert set(uids) == {str(made[0].StudyInstanceUID) for made in studies}
        assert all("checked" not in option.attributes for option in found.all("input"))
        unchosen = await someone.post("/publish/new", **STUDY, must_choose="1")
        assert unchosen.status_code == 422
        page = html.read(unchosen.text).one("main")
        assert page.one(class_="summary").one("a").attributes["href"] == "#field-study_instance_uid"
        assert len(page.all("input", name="study_instance_uid")) == 2
        forged = await someone.post("/publish/new", **STUDY, study_instance_uid="1.2; DROP TABLE tasks")
        assert forged.status_code == 422
        response = await someone.post("/publish/new", **STUDY, must_choose="1", study_instance_uid=uids[1])
        assert response.status_code == 303
        task_id = UUID(response.headers["location"].partition("#task-")[2])
        async with bench.database.transaction() as tx:
            task = await tasks.find(tx, task_id, clinic_code=None)
        assert task is not None
        assert task.chosen_study_uid == uids[1]
        other = await someone.post("/publish/new", **STUDY, study_instance_uid=uids[0])
        assert other.status_code == 422
        assert "другое исследование этого пациента" in html.read(other.text).one(id="fault-accession_number").text


async def test_known_already_shows_the_link_or_the_place_in_the_queue_without_asking(site: Site, bench: Panel) -> None:
    someone = await person.signed_in(with_pacs(site, 9), BASE_URL, panel.REGISTRATOR)
    publication = await bench.published(await bench.queued(ACSN))
    found = await look(someone)
    assert found.attributes["data-outcome"] == "published"
    assert found.one(data_field="arch_link").text == f"{BASE_URL}/s/{publication.token}"
    assert found.all("button", class_="primary") == []
    task = await bench.advanced(await bench.queued("OTHER"), Event.FOUND)
    found = await look(someone, accession_number="OTHER")
    assert found.attributes["data-outcome"] == "queued"
    assert found.one("a", class_="button primary").attributes["href"] == f"/queue#task-{task.task_id}"


async def test_faults_are_told_as_by_publishing(site: Site, bench: Panel) -> None:
    del bench
    someone = await person.signed_in(with_pacs(site, 9), BASE_URL, panel.REGISTRATOR)
    response = await someone.post(LOOK, patient_id="", accession_number=ACSN)
    assert response.status_code == 422
    assert html.read(response.text).one(id="fault-patient_id").text == "Обязательное поле не заполнено."


async def test_the_form_can_be_filled_in_from_a_task_of_the_own_clinic(site: Site, bench: Panel) -> None:
    task = await bench.queued(ACSN)
    for name, value in ((panel.REGISTRATOR, ACSN), (panel.TVER_REGISTRATOR, "")):
        someone = await person.signed_in(site.app, BASE_URL, name)
        page = await someone.page(f"/publish/new?again={task.task_id}")
        assert page.one("input", name="accession_number").attributes["value"] == value
    someone = await person.signed_in(site.app, BASE_URL, panel.REGISTRATOR)
    assert (await someone.page("/publish/new?again=x")).one("input", name="patient_id").attributes["value"] == ""


async def test_another_clinics_pacs_is_not_asked(site: Site, bench: Panel) -> None:
    async with registrator(site, study(1)) as someone:
        assert (await someone.post(LOOK, **STUDY, clinic_code="f_Tver")).status_code == 422
        assert (await someone.client.post(LOOK, data=STUDY)).status_code == 403
    async with bench.database.transaction() as tx:
        actions = {entry.action for entry in await audit.newest(tx, limit=9, offset=0)}
    assert actions == {"apikey.added", "user.signed_in"}
