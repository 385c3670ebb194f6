"""A clinic's logo: who sets it, what is refused, and where its patients, and nobody else's, see it."""

from io import BytesIO
from random import Random
from typing import Any

import httpx
from PIL import Image
from tests.peers import html, panel, person
from tests.peers.panel import Panel
from tests.peers.person import Person
from tests.unit.pixels.test_logo import JPEG, PNG, REFUSED, SVG, telling
from tests.web.conftest import BASE_URL, KHIMKI, TVER, Site
from tests.web.test_pages_admin import local_administrator
from tests.web.test_pages_clinics import NEW, SMALL, form_of

from studypub.core.clinics import EVERY_CLINIC
from studypub.core.logo import LARGEST
from studypub.db import audit
from studypub.flows import pin, withdraw

EDIT, SET, REMOVE = (f"/admin/clinics/{KHIMKI}/{what}" for what in ("edit", "logo", "logo/remove"))


async def send(someone: Person, content: bytes, path: str = SET, name: str = "logo.png") -> httpx.Response:
    token = (await someone.page("/publish/new")).all("input", name="csrf_token")[0].attributes["value"]
    return await someone.client.post(path, data={"csrf_token": token}, files={"logo": (name, content)})


def logos(text: str) -> list[html.Element]:
    return [one for one in html.read(text).all("img") if one.attributes["src"].startswith("/logo/")]


async def told(site: Site) -> list[tuple[str, str, str]]:
    async with site.database.seeing(EVERY_CLINIC).transaction() as tx:
        entries = await audit.newest(tx, limit=20, offset=0)
    return [(one.action, one.actor, one.subject) for one in entries if ".logo_" in one.action]


async def test_its_patients_see_it_and_no_other_clinic_s(site: Site, bench: Panel, administrator: Person) -> None:
    ours = await bench.published(await bench.queued("A1"))
    theirs = await bench.published(await bench.queued("A2", clinic_code=TVER))
    locked = await bench.published(await bench.queued("A3"))
    closed = await bench.published(await bench.queued("A4"))
    await pin.set_pin(site.database, locked.study_id, "271828", actor="test", clinic_code=None)
    await withdraw.withdraw(site.database, closed.study_id, actor="test", clinic_code=None)
    assert logos((await administrator.get(EDIT)).text) == []
    answer = await send(administrator, telling("PNG"))
    assert (answer.status_code, answer.headers["location"]) == (303, f"{EDIT}#logo")
    somebody, found = person.stranger(site.app, BASE_URL), set()
    for token in (ours.token, locked.token, closed.token):
        (shown,) = logos((await somebody.get(f"/s/{token}")).text)
        assert shown.attributes["alt"] == "Клиника в Химках"
        assert (shown.attributes["width"], shown.attributes["height"]) == ("60", "200")
        found.add(shown.attributes["src"])
    for page in (EDIT, f"/studies/{ours.study_id}/slip"):
        found |= {one.attributes["src"] for one in logos((await administrator.get(page)).text)}
    for page in (f"/s/{theirs.token}", "/s/0000000000000000000000"):
        assert logos((await somebody.get(page)).text) == []
    assert logos((await administrator.get(f"/studies/{theirs.study_id}/slip")).text) == []
    (address,) = found
    picture = await somebody.get(address)
    assert picture.status_code == 200
    assert (picture.headers["content-type"], picture.headers["x-content-type-options"]) == ("image/webp", "nosniff")
    assert picture.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert b"Ivanov" not in picture.content
    assert Image.open(BytesIO(picture.content)).getexif() == {}
    assert KHIMKI not in address
    for other in ("/logo/x.webp", f"/logo/{'0' * 64}.webp", address[:-1], f"/logo/{KHIMKI}"):
        assert (await somebody.get(other)).status_code == 404


async def test_it_is_replaced_and_removed_and_written_down(site: Site, bench: Panel, administrator: Person) -> None:
    study = await bench.published(await bench.queued("A1"))
    addresses = []
    for content in (PNG, telling("JPEG")):
        await send(administrator, content)
        addresses += [one.attributes["src"] for one in logos((await site.client.get(f"/s/{study.token}")).text)]
    assert [(await site.client.get(one)).status_code for one in addresses] == [404, 200]
    for _ in range(2):
        assert (await administrator.post(REMOVE)).status_code == 303
    assert logos((await site.client.get(f"/s/{study.token}")).text) == []
    assert (await site.client.get(addresses[1])).status_code == 404
    actor = f"user:{panel.ADMINISTRATOR}"
    assert await told(site) == [
        ("clinic.logo_removed", actor, KHIMKI),
        ("clinic.logo_set", actor, KHIMKI),
        ("clinic.logo_set", actor, KHIMKI),
    ]
    assert "задан логотип клиники" in (await administrator.get("/admin/audit")).text


async def test_only_who_administers_every_clinic_sets_it(site: Site, administrator: Person) -> None:
    local, registrator = await local_administrator(site), await person.signed_in(site.app, BASE_URL, panel.REGISTRATOR)
    for other in (local, registrator):
        assert (await send(other, PNG)).status_code == 403
        assert (await other.post(REMOVE)).status_code == 403
    foreign = await administrator.client.post(SET, data={"csrf_token": "x"}, files={"logo": ("a.png", PNG)})
    assert foreign.status_code == 403
    assert (await send(administrator, PNG, "/admin/clinics/nowhere/logo")).status_code == 404
    assert await told(site) == []


WRONG = (
    (SVG, "нужен PNG, JPEG или WebP"),
    (REFUSED["a bomb"][0], "слишком много точек"),
    (REFUSED["says that it is huge"][0], "слишком много точек"),
    (JPEG[:-400], "файл повреждён или не полон"),
    (PNG + Random(1).randbytes(LARGEST), "файл больше 1 МБ"),
    (b"", "файл пуст"),
)


async def test_what_is_no_logo_is_told_beside_the_field(administrator: Person) -> None:
    for content, words in WRONG:
        answer = await send(administrator, content)
        assert answer.status_code == 422, words
        page = html.read(answer.text)
        assert words in page.one(id="fault-logo").text
        assert [one.attributes["href"] for one in page.one(class_="summary").all("a")] == ["#field-logo"]
    assert logos((await administrator.get(EDIT)).text) == []


async def test_it_goes_with_a_clinic_that_is_removed(administrator: Person) -> None:
    edit, back = "/admin/clinics/small/edit", "/admin/clinics/small/back"
    fields: dict[str, Any] = await form_of(administrator, NEW) | SMALL
    await administrator.post(NEW, **fields)
    await send(administrator, PNG, "/admin/clinics/small/logo")
    assert len(logos((await administrator.get(edit)).text)) == 1
    edition = (await administrator.page(back)).one("input", name="edition").attributes["value"]
    assert (await administrator.post(back, edition=edition)).status_code == 303
    await administrator.post(NEW, **fields)
    assert logos((await administrator.get(edit)).text) == []
