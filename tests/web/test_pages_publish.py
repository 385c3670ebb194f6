"""The form by which a registrator publishes a study."""

from tests.peers import html, panel, person
from tests.peers.panel import Panel
from tests.peers.person import Person
from tests.web.conftest import BASE_URL, KHIMKI, TVER, Site

from studypub.core.archive_format import ArchiveFormat
from studypub.core.rights import Right
from studypub.core.task import Origin
from studypub.db import settings, tasks

STUDY = {"patient_id": "1000001158664", "accession_number": "KP125706548L"}


async def test_a_study_is_queued_and_its_row_pointed_at(bench: Panel, registrator: Person) -> None:
    response = await registrator.post("/publish/new", **STUDY)
    assert response.status_code == 303
    row = (await registrator.rows("/queue", "acsn"))["KP125706548L"]
    assert response.headers["location"] == f"/queue#{row.attributes['id']}"
    async with bench.database.transaction() as tx:
        task = await tasks.newest_of_accession(tx, "KP125706548L", clinic_code=KHIMKI)
    assert task is not None
    assert (task.origin, task.requested_by, task.requested_till) == (Origin.MANUAL, "user:ivanova", None)


async def test_asking_twice_leads_to_the_same_row(registrator: Person) -> None:
    first, second = [await registrator.post("/publish/new", **STUDY) for _ in range(2)]
    assert first.headers["location"] == second.headers["location"]


async def test_a_published_study_leads_to_its_link(bench: Panel, registrator: Person) -> None:
    study = await bench.published(await bench.queued("KP125706548L"))
    response = await registrator.post("/publish/new", **STUDY)
    assert response.headers["location"] == f"/studies/{study.study_id}"


async def test_the_date_is_the_end_of_that_day_at_the_clinic(bench: Panel, registrator: Person) -> None:
    day = (await registrator.page("/publish/new")).one("input", name="save_till_date").attributes["min"]
    await registrator.post("/publish/new", **STUDY, save_till_date=day)
    async with bench.database.transaction() as tx:
        task = await tasks.newest_of_accession(tx, "KP125706548L", clinic_code=KHIMKI)
    assert task is not None
    assert task.requested_till is not None
    assert task.requested_till.isoformat() == f"{day}T20:59:59+00:00"


async def test_the_archive_is_of_the_kind_that_is_chosen_or_the_clinic_s(bench: Panel, registrator: Person) -> None:
    options = (await registrator.page("/publish/new")).one("select", name="archive_format").all("option")
    kinds = [option.attributes["value"] for option in options]
    assert sorted(kinds) == ["", *sorted(ArchiveFormat)]
    for number, kind in enumerate(kinds):
        await registrator.post("/publish/new", **STUDY | {"accession_number": f"KP{number}"}, archive_format=kind)
    async with bench.database.transaction() as tx:
        made = [await tasks.newest_of_accession(tx, f"KP{number}", clinic_code=KHIMKI) for number in range(len(kinds))]
    assert [task and task.archive_format for task in made] == [kind or None for kind in kinds]


async def test_faults_are_told_beside_the_fields_and_in_a_summary(registrator: Person) -> None:
    typed = {"patient_id": "", "accession_number": "KP*", "save_till_date": "2020-01-01"}
    response = await registrator.post("/publish/new", **typed)
    assert response.status_code == 422
    page = html.read(response.text)
    assert page.one(id="fault-patient_id").text == "Обязательное поле не заполнено."
    assert page.one(id="fault-accession_number").text == "Символы *, ? и \\ недопустимы."
    assert page.one(id="fault-save_till_date").text == "Срок хранения уже прошёл."
    summary = page.one(class_="summary")
    named = ["#field-patient_id", "#field-accession_number", "#field-save_till_date"]
    assert [link.attributes["href"] for link in summary.all("a")] == named
    for name, value in typed.items():
        field = page.one("input", name=name)
        assert field.attributes["value"] == value
        assert f"fault-{name}" in field.attributes["aria-describedby"]
        assert field.attributes["aria-invalid"] == "true"
    focused = [field.attributes["name"] for field in page.all("input") if "autofocus" in field.attributes]
    assert focused == ["patient_id"]


async def test_only_who_sees_several_clinics_chooses_one(site: Site, registrator: Person) -> None:
    assert (await registrator.page("/publish/new")).all("select", name="clinic_code") == []
    administrator = await person.signed_in(site.app, BASE_URL, panel.ADMINISTRATOR)
    options = (await administrator.page("/publish/new")).one("select", name="clinic_code").all("option")
    assert [option.attributes["value"] for option in options] == [KHIMKI, TVER]


async def test_a_registrator_cannot_publish_for_another_clinic(registrator: Person) -> None:
    response = await registrator.post("/publish/new", **STUDY, clinic_code=TVER)
    assert response.status_code == 422
    assert "Такой клиники нет." in html.read(response.text).one(class_="summary").text


async def test_who_may_not_see_links_is_told_that_it_is_published_and_no_link(
    site: Site, bench: Panel, registrator: Person
) -> None:
    study = await bench.published(await bench.queued("KP125706548L"))
    async with site.database.transaction() as tx:
        await settings.set_rights_of_registrators(tx, frozenset(set(Right) - {Right.LINK}))
    looked = await registrator.post("/publish/new/look", **STUDY)
    assert html.read(looked.text).one("main").all(id="found")[0].attributes["data-outcome"] == "published"
    assert study.token not in looked.text
    assert f"/studies/{study.study_id}" not in looked.text
    response = await registrator.post("/publish/new", **STUDY)
    assert response.headers["location"] == f"/queue#task-{study.task_id}"
