"""Clinics in the panel: who may, what a form may say, two at once, and that it holds without a restart."""

import re
import tomllib
from html import unescape
from typing import Any

from tests.peers import html, panel, person
from tests.peers.panel import Panel
from tests.peers.person import Person
from tests.peers.program import free_port
from tests.web.conftest import BASE_URL, KHIMKI, TVER, Site
from tests.web.test_pages_admin import local_administrator

from studypub.core.clinics import EVERY_CLINIC
from studypub.db import audit, clinics
from studypub.flows.take_clinics import take_clinics

EDIT, BACK, NEW = f"/admin/clinics/{KHIMKI}/edit", f"/admin/clinics/{KHIMKI}/back", "/admin/clinics/new"
SMALL = {"code": "small", "name": "Малая клиника", "ae_title": "ARCHIVE", "host": "10.1.2.3", "port": "104"}


async def form_of(someone: Person, path: str) -> dict[str, str]:
    """Return what the form of a page holds, as a browser sends it."""
    text = (await someone.get(path)).text
    form = html.read(text).one("form", class_="stack")
    fields = {one.attributes["name"]: one.attributes.get("value", "") for one in form.all("input")}
    # HTML takes the first line break, and sends the others as two characters.
    areas = re.findall(r'<textarea [^>]*name="(\w+)"[^>]*>\n(.*?)</textarea>', text, re.DOTALL)
    fields |= {name: unescape(inner).replace("\n", "\r\n") for name, inner in areas}
    for select in form.all("select"):
        chosen = [one for one in select.all("option") if "selected" in one.attributes]
        fields[select.attributes["name"]] = chosen[0].attributes["value"]
    return fields


async def kept(site: Site) -> dict[str, Any]:
    async with site.database.seeing(EVERY_CLINIC).transaction() as tx:
        return dict(await clinics.documents(tx))


async def logged(site: Site) -> list[tuple[str, str, Any]]:
    async with site.database.seeing(EVERY_CLINIC).transaction() as tx:
        entries = await audit.newest(tx, limit=20, offset=0)
    return [(one.action, one.subject, one.details.get("fields")) for one in entries if one.action.startswith("clinic.")]


async def test_only_who_administers_every_clinic_sees_or_sets_any(site: Site, administrator: Person) -> None:
    await administrator.post(EDIT, **await form_of(administrator, EDIT) | {"name": "x"})
    local, registrator = (
        await local_administrator(site),
        await person.signed_in(site.app, BASE_URL, panel.REGISTRATOR),
    )
    for path in ("/admin/clinics", NEW, EDIT, BACK):
        for other in (local, registrator):
            assert (await other.get(path)).status_code == 403, path
            assert path == "/admin/clinics" or (await other.post(path)).status_code == 403, path
        assert path == "/admin/clinics" or (await administrator.client.post(path, data={})).status_code == 403
    assert (await administrator.get("/admin/clinics/nowhere/edit")).status_code == 404
    assert (await administrator.get(f"/admin/clinics/{TVER}/back")).status_code == 404, "it is the file's already"


async def test_a_name_is_changed_and_patients_read_it_at_once(site: Site, bench: Panel, administrator: Person) -> None:
    published = await bench.published(await bench.queued("A1"))
    form = await form_of(administrator, EDIT)
    assert (form["name"], form["port"], form["retrieve"]) == ("Клиника в Химках", "4242", "move")
    assert (await administrator.post(EDIT, **form)).status_code == 303
    assert await kept(site) == {}, "nothing differs: the file's stays"
    response = await administrator.post(EDIT, **form | {"name": "Клиника «Заря»", "phone": "+7 495 000-00-00"})
    assert response.status_code == 303
    assert "Клиника «Заря»" in (await administrator.page(response.headers["location"])).one(class_="saved").text
    landing = (await person.stranger(site.app, BASE_URL).get(f"/s/{published.token}")).text
    assert "Клиника «Заря»" in landing
    assert "+7 495 000-00-00" in landing
    document = (await kept(site))[KHIMKI]
    assert document == {
        "name": "Клиника «Заря»",
        "phone": "+7 495 000-00-00",
        "pacs": {"ae_title": "ORTHANC", "host": "127.0.0.1", "port": 4242},
        "report": {"allowed": True},
    }
    assert await logged(site) == [
        ("clinic.deidentification", KHIMKI, None),
        ("clinic.changed", KHIMKI, "name, phone"),
    ]
    row = (await administrator.page("/admin/clinics")).one("tr", data_clinic=KHIMKI)
    assert panel.ADMINISTRATOR in row.one(data_field="origin").text
    tver = (await administrator.page("/admin/clinics")).one("tr", data_clinic=TVER)
    assert tver.one(data_field="origin").text == "файл настроек"


async def test_whatever_has_no_field_is_set_as_in_the_file(site: Site, administrator: Person) -> None:
    form = await form_of(administrator, EDIT)
    assert form["more"] == ""
    more = (
        'also_remove = ["PatientAge"]\n\n[delivery]\nper_day = 9\n\n[pixels]\nultrasound = "review"\n'
        '[[more_pacs]]\nae_title = "OLD"\nhost = "10.0.0.6"\nport = 104\n[more_pacs.tls]\nfingerprint = "'
        + 64
        * "a"
        + '"\n'
        '[[more_pacs]]\nae_title = "OLDER"\nhost = "10.0.0.7"\nport = 104\n'
    )
    assert (await administrator.post(EDIT, **form | {"more": more})).status_code == 303
    clinic = site.app.state.current.now.clinic(KHIMKI)
    assert (clinic.also_remove, clinic.delivery.per_day) == (("PatientAge",), 9)
    assert clinic.pixels.ultrasound == "review"
    assert tomllib.loads((await form_of(administrator, EDIT))["more"]) == tomllib.loads(more)
    assert [one[:2] for one in await logged(site)][:2] == [
        ("clinic.deidentification", KHIMKI),
        ("clinic.changed", KHIMKI),
    ]


async def test_a_clinic_is_added_its_programs_come_and_it_goes_only_once_unused(
    site: Site, administrator: Person
) -> None:
    usual = await form_of(administrator, NEW)
    assert (await administrator.post(NEW, **usual | SMALL)).status_code == 303
    assert "Клиника с таким кодом уже есть" in (await administrator.post(NEW, **usual | SMALL)).text
    key = html.read((await administrator.post("/admin/keys", name="МИС", clinic_code="small")).text).one(id="new-key")
    site.keys["small"] = key.text
    asked = {"patient_id": "1", "accession_number": "A9"}
    response = await site.post(asked, "small")
    assert (response.status_code, response.json()["clinic_code"]) == (202, "small")
    back = "/admin/clinics/small/back"
    sheet = (await administrator.page(back)).one(id="sheet")
    assert "small" in sheet.text
    edition = sheet.one("input", name="edition").attributes["value"]
    refused = await administrator.post(back, edition=edition)
    assert refused.status_code == 409
    assert "заданий в работе 1, открытых ссылок 0, учётных записей 0, ключей API 1" in refused.text
    task_id, key_id = response.json()["task_id"], key.text.partition(".")[0]
    assert (await administrator.post(f"/queue/{task_id}/cancel")).status_code == 303
    assert (await administrator.post(f"/admin/keys/{key_id}/revoke")).status_code == 303
    assert (await administrator.post(back, edition=edition)).status_code == 303
    assert await kept(site) == {}
    assert (await administrator.get("/admin/clinics/small/edit")).status_code == 404
    assert (await administrator.get(f"/queue/{task_id}")).status_code == 200, "what was is still told"
    assert (await logged(site))[0][:2] == ("clinic.removed", "small")


async def test_it_is_given_back_to_the_file(site: Site, administrator: Person) -> None:
    form = await form_of(administrator, EDIT)
    await administrator.post(EDIT, **form | {"name": "Другая"})
    sheet = (await administrator.page(BACK)).one(id="sheet")
    edition = sheet.one("input", name="edition").attributes["value"]
    assert (await administrator.post(BACK, edition=edition)).status_code == 303
    assert (await form_of(administrator, EDIT))["name"] == "Клиника в Химках"
    assert (await logged(site))[0] == ("clinic.given_back", KHIMKI, "name")


async def test_of_two_at_once_the_later_is_told(site: Site, administrator: Person) -> None:
    first, second = await form_of(administrator, EDIT), await form_of(administrator, EDIT)
    assert (await administrator.post(EDIT, **first | {"name": "Первая"})).status_code == 303
    told = await administrator.post(EDIT, **second | {"name": "Вторая"})
    assert told.status_code == 422
    assert "изменил кто-то другой" in html.read(told.text).one(class_="summary").text
    assert (await kept(site))[KHIMKI]["name"] == "Первая"
    assert (await administrator.post(BACK, edition=second["edition"])).status_code == 409


WRONG = (
    ("name", "  ", "Назовите клинику"),
    ("time_zone", "Mars/Olympus", "Такого часового пояса нет"),
    ("ae_title", "семнадцать", "От 1 до 16"),
    ("peer_ae_titles", "GOOD, TOO_LONG_TO_BE_ONE_AT_ALL", "От 1 до 16"),
    ("host", "", "Укажите адрес"),
    ("port", "0", "Целое число от 1 до 65535"),
    ("port", "dicom", "Целое число от 1 до 65535"),
    ("profile", "none", "Выберите из списка"),
    ("retention_days", "366", "не больше предела"),
    ("retention_days", "-1", "не больше предела"),
    ("storage_prefix", "../khimki/", "Латинские буквы, цифры"),
    ("hours", "1000", "не больше 720"),
    ("mail_ru", "Здравствуйте, {patient}! {link}", "других скобок быть не может"),
    ("sms_en", "no link", "должно быть {link}"),
    ("more", "pixels = [", "Это не TOML"),
    ("more", 'pacs = "x"', "Для pacs есть отдельное поле"),
    ("more", 'code = "x"', "Для code есть отдельное поле"),
    ("more", "[pacs]\nport = 1", "Для pacs.port есть отдельное поле"),
    ("more", '[fhir]\nurl = "https://x.example"\ntoken = "x"', "fhir.token может стоять только в файле"),
    ("more", "[pixels]\nultrasound = 'hide'", "pixels.ultrasound: "),
    ("more", "hologram = true", "hologram"),
    ("more", '[[more_pacs]]\nae_title = "OLD"\nhost = "h"\nport = 0', "more_pacs[0].port: "),
    ("more", '[[more_pacs]]\nae_title = "ORTHANC"\nhost = "h"\nport = 1', "more_pacs"),
    ("more", '[[more_pacs]]\n[more_pacs.tls]\nkey = "/k"', "more_pacs[0].tls.key может стоять только в файле"),
    ("more", 'also_remove = ["\\u0000"]', "недопустимый знак"),
    ("phone", "1\0", "недопустимый знак"),
    ("more", "also_remove = ['NoSuchKeyword']", "NoSuchKeyword"),
)


async def test_what_is_wrong_is_told_beside_the_field(site: Site, administrator: Person) -> None:
    form = await form_of(administrator, EDIT)
    for field, value, words in WRONG:
        response = await administrator.client.post(EDIT, data=form | {"phone": "1", field: value})
        assert response.status_code == 422, field
        page = html.read(response.text)
        assert [one.attributes["href"] for one in page.one(class_="summary").all("a")] == [f"#field-{field}"]
        assert words in page.one(class_="summary").text
        assert page.one("input", name="phone").attributes["value"].startswith("1")
    assert await kept(site) == {}


async def test_every_fault_is_told_at_once(administrator: Person) -> None:
    form = await form_of(administrator, NEW)
    page = html.read((await administrator.post(NEW, **form | {"code": ".."})).text)
    faults = [link.attributes["href"] for link in page.one(class_="summary").all("a")]
    assert faults == [f"#field-{name}" for name in ("code", "name", "ae_title", "host", "port")]


async def test_its_pacs_is_tried_before_anything_is_saved(site: Site, administrator: Person) -> None:
    form = await form_of(administrator, NEW)
    pacs = {"host": "127.0.0.1", "port": str(free_port())}
    response = await administrator.post(NEW, **form | SMALL | pacs | {"do": "try"})
    assert response.status_code == 200
    page = html.read(response.text)
    assert page.all("li", data_code="PACS_PORT_CLOSED")
    assert page.one("input", name="name").attributes["value"] == "Малая клиника"
    assert await kept(site) == {}


async def test_what_a_newer_version_wrote_is_told_and_can_be_removed(site: Site, administrator: Person) -> None:
    async with site.database.seeing(EVERY_CLINIC).transaction() as tx:
        for code in (KHIMKI, "new"):
            await clinics.keep(tx, code, {"name": "x", "hologram": True}, actor="user:x")
    current = site.app.state.current
    await take_clinics(current, site.database.seeing(EVERY_CLINIC))
    page = await administrator.page("/admin/clinics")
    assert "действуют прежние" in page.one("tr", data_clinic=KHIMKI).one(data_field="origin").text
    assert page.one(data_unread="new").one("a").attributes["href"] == "/admin/clinics/new/back"
    assert "hologram" in (await administrator.page(EDIT)).one(data_field="unusable").text
    assert (await administrator.post("/admin/clinics/new/back", edition="")).status_code == 303
    assert (await administrator.post(EDIT, **await form_of(administrator, EDIT))).status_code == 303
    assert current.unusable == {}
