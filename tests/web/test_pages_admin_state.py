"""What registrators may do, the audit log searched and taken away, and the state of everything on one page."""

import csv
import io
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest
from tests.peers import html, panel, person
from tests.peers.panel import Panel
from tests.peers.person import Person
from tests.web.conftest import BASE_URL, KHIMKI, Site

from studypub.config import Current, Pixels, Server, Storage
from studypub.config import Database as DatabaseSection
from studypub.core.people import Role
from studypub.core.rights import UNLESS_SET, Right, rights_of
from studypub.core.task import Event
from studypub.db import audit, people, settings
from studypub.dicom.demo_pacs import DemoPacs
from studypub.errors import PacsUnreachable
from studypub.flows.check_now import check_now
from studypub.flows.examine.probes import Probes
from studypub.web import places
from studypub.web.app import create_app

PAGES = ("/admin/rights", "/admin/audit", "/admin/state")
PLAIN = Pixels(ultrasound="leave_out", fluoroscopy="leave_out", unclear="leave_out")
CHANGES = ("/admin/rights", "/admin/audit/export", "/admin/state")


async def test_only_an_administrator_of_every_clinic(site: Site, bench: Panel) -> None:
    async with bench.database.transaction() as tx:
        password = (await people.user_and_hash(tx, panel.ADMINISTRATOR) or (None, ""))[1]
        await people.add_user(tx, "bound", Role.ADMINISTRATOR, clinic_code=KHIMKI, password_hash=password or "")
    for name in (panel.REGISTRATOR, "bound"):
        someone = await person.signed_in(site.app, BASE_URL, name)
        for path in PAGES:
            assert (await someone.get(path)).status_code == 403
        for path in CHANGES:
            assert (await someone.post(path)).status_code == 403


async def test_nothing_changes_without_the_token(administrator: Person) -> None:
    for path in CHANGES:
        assert (await administrator.client.post(path)).status_code == 403


async def test_rights_are_granted_and_taken_and_the_log_says_so(bench: Panel, administrator: Person) -> None:
    page = await administrator.page("/admin/rights")
    marked = {box.attributes["name"] for box in page.all("input", type="checkbox") if "checked" in box.attributes}
    assert marked == set(UNLESS_SET)
    assert {box.attributes["name"] for box in page.all("input", type="checkbox")} == set(Right)
    response = await administrator.post("/admin/rights", export="1", cancel="1", king="1", link="2")
    assert response.headers["location"] == "/admin/rights?saved=1"
    async with bench.database.transaction() as tx:
        assert await settings.rights_of_registrators(tx) == {Right.EXPORT, Right.CANCEL}
        entry = (await audit.newest(tx, limit=1, offset=0))[0]
    assert (entry.action, entry.subject, entry.actor) == ("setting.changed", "rights.registrator", "user:admin")
    assert entry.details == {"granted": "export", "taken": "keep, link, retry, withdraw"}
    await administrator.post("/admin/rights", export="1", cancel="1")
    async with bench.database.transaction() as tx:
        assert (await audit.newest(tx, limit=1, offset=0))[0].entry == entry.entry  # nothing has changed


async def test_a_registrator_reviews_where_it_is_granted(site: Site, bench: Panel) -> None:
    task = await bench.queued("HELD")
    someone = await person.signed_in(site.app, BASE_URL, panel.REGISTRATOR)
    assert (await someone.get(f"/review/{task.task_id}")).status_code == 403
    async with bench.database.transaction() as tx:
        await settings.set_rights_of_registrators(tx, frozenset({Right.REVIEW}))
    assert (await someone.get(f"/review/{task.task_id}")).status_code == 200


def test_an_administrator_may_do_everything() -> None:
    assert rights_of(Role.ADMINISTRATOR, ()) == set(Right)
    assert rights_of(Role.REGISTRATOR, [Right.LINK]) == {Right.LINK}


async def fill_log(bench: Panel, number: int) -> None:
    async with bench.database.transaction() as tx:
        for one in range(number):
            await audit.append(tx, f"user:u{one % 3}", "task.queued", f"subject-{one:03}", accession_number=f"=A{one}")


@pytest.mark.parametrize(
    ("query", "number"),
    [
        ("q=SUBJECT-007", 1),
        ("q=user:u1", 3),
        ("q=%3Da4", 1),
        ("action=task.queued", 9),
        ("action=task.queued&at_from=2020-01-01", 9),
        ("action=task.queued&at_to=2020-01-01", 0),
        ("action=no.such", 0),
        ("q=%25%00", 0),
    ],
)
async def test_the_log_is_searched(bench: Panel, administrator: Person, query: str, number: int) -> None:
    await fill_log(bench, 9)
    page = await administrator.page(f"/admin/audit?{query}")
    assert len(page.all(data_field="subject")) == number
    if not number:
        assert page.one("h2").text == "Ничего не найдено"


async def test_the_log_has_pages(bench: Panel, administrator: Person) -> None:
    await fill_log(bench, places.LENGTH + 5)
    first = await administrator.page("/admin/audit?action=task.queued")
    second = await administrator.page(first.one("a", rel="next").attributes["href"])
    assert [cell.text for cell in second.all(data_field="subject")] == [f"subject-{n:03}" for n in range(4, -1, -1)]
    back = await administrator.page(second.one("a", rel="prev").attributes["href"])
    assert back.one(id="audit").text == first.one(id="audit").text
    for nonsense in ("after=x~x", "after=-1~" + "0" * 32, "before=" + "9" * 30 + "~" + "0" * 32):
        assert (await administrator.get(f"/admin/audit?{nonsense}")).status_code == 200


async def test_the_log_is_taken_away_as_a_table(bench: Panel, administrator: Person) -> None:
    await fill_log(bench, 3)
    page = await administrator.page("/admin/audit?action=task.queued")
    response = await administrator.post(page.one("form", class_="export").attributes["action"])
    rows = list(csv.DictReader(io.StringIO(response.content.decode("utf-8-sig")), delimiter=";"))
    assert [row["subject"] for row in rows] == ["subject-002", "subject-001", "subject-000"]
    assert rows[0]["details"] == '{"accession_number":"=A2"}'
    async with bench.database.transaction() as tx:
        entry = (await audit.newest(tx, limit=1, offset=0))[0]
    assert (entry.action, entry.details) == ("audit.exported", {"action": "task.queued"})


async def test_the_state_tells_of_queue_pacs_storage_and_disk(
    site: Site, bench: Panel, administrator: Person, tmp_path: Path
) -> None:
    await bench.published(await bench.queued("DONE"))
    await bench.advanced(await bench.queued("MOVING"), Event.FOUND)
    await bench.postponed(await bench.queued("LATER"), PacsUnreachable(pacs="ORTHANC", address="h:1"))
    site.faults["scp"] = "the DICOM listener has stopped"
    page = await _page(site, tmp_path, administrator)
    assert page.one(data_status="QUEUED").text == "1"
    assert page.one(data_status="RETRIEVING").text == "1"
    assert page.one(data_field="studies").text == "1"
    assert page.one(data_field="size").text == "51 МБ"
    assert page.one(data_field="scp").text.startswith("не работает")
    assert page.one(data_field="storage").text.startswith("работает")
    answered = [fact.text for fact in page.all(data_field="answered")]
    assert answered[0].startswith("сегодня")
    assert answered[1] == "за неделю заданий не было"
    assert page.one(data_field="failed").one(class_="state state-failed").text.startswith("сегодня")
    assert "the DICOM listener" not in page.text


async def _page(site: Site, folder: Path, someone: Person) -> html.Element:
    """Look at the page of an installation whose data lies in this folder."""
    config = msgspec.structs.replace(site.parts.config, database=DatabaseSection(data_dir=folder))
    app = create_app(replace(site.parts, config=config))
    other = person.stranger(app, BASE_URL)
    other.client.cookies = someone.client.cookies
    return await other.page("/admin/state")


async def test_the_state_tells_until_when_certificates_are_valid(site: Site, administrator: Person) -> None:
    now = datetime.now(UTC)
    ends = {"web": now + timedelta(days=60), "dicom": now + timedelta(days=9)}
    other = person.stranger(create_app(replace(site.parts, certificates=lambda: ends)), BASE_URL)
    other.client.cookies = administrator.client.cookies
    page = await other.page("/admin/state")
    zone = site.parts.config.clinics[0].zone
    assert page.one(data_field="certificate-web").text.endswith(f"{ends['web'].astimezone(zone):%Y}")
    assert not page.one(data_field="certificate-web").all(class_="state state-failed")
    assert page.one(data_field="certificate-dicom").all(class_="state state-failed")
    assert not (await administrator.page("/admin/state")).all(data_field="certificate-web")


async def test_everything_is_tried_at_once_and_each_finding_told(site: Site, tmp_path: Path) -> None:
    pacs = DemoPacs("ORTHANC", destinations={}, instances=())
    pacs.start()
    khimki, tver = site.parts.config.clinics
    config = msgspec.structs.replace(
        site.parts.config,
        server=Server(public_url="http://127.0.0.1:9"),
        database=DatabaseSection(data_dir=tmp_path),
        storage=Storage(kind="local"),
        clinics=(
            msgspec.structs.replace(khimki, pixels=PLAIN, pacs=msgspec.structs.replace(khimki.pacs, port=pacs.port)),
            msgspec.structs.replace(tver, pixels=PLAIN, pacs=msgspec.structs.replace(tver.pacs, port=9)),
        ),
    )
    try:
        findings = await check_now(Current(config), site.database, Probes())
    finally:
        pacs.stop()
    told = {finding.sentence.ru: finding.passed for finding in findings}
    assert told["База данных отвечает."]
    assert told["Хранилище: запись, чтение и удаление прошли."]
    assert told["PACS ORTHANC: C-ECHO прошёл."]
    failed = {(finding.code, finding.clinic) for finding in findings if not finding.passed}
    assert failed == {("ADDRESS_PORT_CLOSED", ""), ("PACS_PORT_CLOSED", tver.code)}


async def test_what_hangs_is_a_finding_too(site: Site, tmp_path: Path) -> None:
    clinics = tuple(msgspec.structs.replace(clinic, pixels=PLAIN) for clinic in site.parts.config.clinics)
    config = msgspec.structs.replace(site.parts.config, database=DatabaseSection(data_dir=tmp_path), clinics=clinics)
    findings = await check_now(Current(config), site.database, Probes(), seconds=0)
    late = [finding for finding in findings if "не закончилась" in finding.sentence.ru]
    assert late
    assert not any(finding.passed for finding in late)


async def test_checking_shows_the_findings(site: Site, bench: Panel, tmp_path: Path) -> None:
    del bench
    config = msgspec.structs.replace(
        site.parts.config,
        database=DatabaseSection(data_dir=tmp_path),
        server=Server(public_url="http://127.0.0.1:9"),
        clinics=tuple(msgspec.structs.replace(clinic, pixels=PLAIN) for clinic in site.parts.config.clinics),
    )
    other = person.stranger(create_app(replace(site.parts, config=config)), "http://127.0.0.1:9")
    response = await other.client.post("/login", data={"name": panel.ADMINISTRATOR, "password": panel.PASSWORD})
    assert response.status_code == 303
    page = html.read((await other.post("/admin/state")).text)
    told = [item.attributes["data-passed"] for item in page.all("li") if "data-passed" in item.attributes]
    assert {"yes", "no"} <= set(told)
