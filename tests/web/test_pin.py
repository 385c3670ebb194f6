"""A link asks for its PIN, on its page and for its archive, and guessing is limited."""

import logging
from datetime import timedelta
from uuid import UUID

import pytest
from tests.peers import html, panel, person
from tests.peers.panel import Panel
from tests.peers.person import Person
from tests.web.conftest import BASE_URL, KHIMKI, TVER, Site

from studypub.core import access
from studypub.core.publication import Publication
from studypub.core.throttle import PIN_OF_LINK
from studypub.db import audit, studies
from studypub.errors import Refused
from studypub.flows import pin, withdraw

SHORT = {"patient_id": "1000001158664", "accession_number": "KP125706548L"}
PIN = "271828"


@pytest.fixture
async def study(site: Site) -> Publication:
    queued = await site.post({**SHORT, "pin": PIN})
    assert queued.status_code == 202
    assert PIN not in queued.text
    return await site.completed(UUID(queued.json()["task_id"]))


async def entered(somebody: Person, study: Publication, text: str, address: str = "10.1.1.1") -> int:
    response = await somebody.client.post(f"/s/{study.token}", data={"pin": text}, headers={"X-Forwarded-For": address})
    return response.status_code


async def test_the_page_and_the_archive_ask_for_it_and_tell_nothing_before(site: Site, study: Publication) -> None:
    somebody = person.stranger(site.app, BASE_URL)
    for response in (await somebody.get(f"/s/{study.token}"), await somebody.get(f"/s/{study.token}")):
        assert response.status_code == 200
        page = html.read(response.text)
        assert page.one("h1").text == "Введите ПИН-код"
        assert page.all("dl") == page.all("img") == []
        assert "download" not in response.text
    for method in ("GET", "HEAD"):
        assert (await somebody.client.request(method, f"/s/{study.token}/download")).status_code == 403
    assert await entered(somebody, study, "000000") == 422
    assert (await somebody.get(f"/s/{study.token}/download")).status_code == 403
    assert await entered(somebody, study, f" {PIN} ") == 303
    assert (await somebody.page(f"/s/{study.token}")).one("h1").text == "Магнитно-резонансная томография"
    assert (await somebody.get(f"/s/{study.token}/download")).content == b"PK-archive"
    other = person.stranger(site.app, BASE_URL)
    assert (await other.get(f"/s/{study.token}/download")).status_code == 403


async def test_the_page_says_that_a_pin_belongs_to_it(site: Site, study: Publication) -> None:
    somebody = person.stranger(site.app, BASE_URL)
    await entered(somebody, study, PIN)
    assert "ПИН-код сообщите отдельно" in (await somebody.page(f"/s/{study.token}")).one("main").text
    shown = (await site.get(f"/publish/{study.task_id}")).json()
    assert shown["pin"] is True


async def test_the_cookie_opens_this_link_alone_and_ends_with_the_pin(site: Site, study: Publication) -> None:
    somebody = person.stranger(site.app, BASE_URL)
    response = await somebody.client.post(f"/s/{study.token}", data={"pin": PIN})
    cookie = response.headers["set-cookie"]
    assert cookie.startswith("__Host-studypub_pin_")
    assert {"HttpOnly", "Secure", "SameSite=lax", "Path=/"} <= {part.strip() for part in cookie.split(";")}
    assert study.token not in cookie
    await pin.set_pin(site.database, study.study_id, "314159", actor="test", clinic_code=None)
    assert (await somebody.page(f"/s/{study.token}")).one("h1").text == "Введите ПИН-код"
    await pin.set_pin(site.database, study.study_id, None, actor="test", clinic_code=None)
    assert (await person.stranger(site.app, BASE_URL).get(f"/s/{study.token}/download")).status_code == 200


@pytest.mark.parametrize("forged", ["", "x", "9999999999", "9999999999.", "99999999999999.x", "²9.x", "-1.x"])
async def test_a_proof_is_not_made_up(study: Publication, forged: str) -> None:
    assert not access.is_unlocked(study, forged, study.upload_date)


async def test_a_proof_ends(study: Publication) -> None:
    now = study.upload_date
    proof = access.proof(study, now + timedelta(hours=12))
    assert access.is_unlocked(study, proof, now)
    assert access.is_unlocked(study, proof, now + timedelta(hours=11, minutes=59))
    assert not access.is_unlocked(study, proof, now + timedelta(hours=12, seconds=1))
    later, _, signature = proof.partition(".")
    assert not access.is_unlocked(study, f"{int(later) + 1}.{signature}", now)


async def test_guessing_is_limited_for_the_link_from_wherever_it_comes(site: Site, study: Publication) -> None:
    somebody = person.stranger(site.app, BASE_URL)
    statuses = [await entered(somebody, study, f"{number:04}", f"10.1.1.{number}") for number in range(12)]
    assert statuses == [422] * PIN_OF_LINK.free + [429] * 2
    response = await somebody.client.post(f"/s/{study.token}", data={"pin": PIN})
    assert response.status_code == 429
    assert 50 <= int(response.headers["retry-after"]) <= 60
    assert "Слишком много попыток" in html.read(response.text).one(id="fault-pin").text


async def test_guessing_is_limited_for_an_address_that_tries_many_links(site: Site, study: Publication) -> None:
    other = await site.completed(await site.queued("OTHER", pin=PIN))
    somebody = person.stranger(site.app, BASE_URL)
    for one in (study, other):
        assert [await entered(somebody, one, "0000") for _ in range(10)] == [422] * 10
    third = await site.completed(await site.queued("THIRD", pin=PIN))
    assert await entered(somebody, third, PIN) == 429
    assert await entered(somebody, third, PIN, "10.9.9.9") == 303


async def test_a_pin_is_given_to_what_is_queued_or_published_already(site: Site) -> None:
    publication = await site.completed(await site.queued())
    assert publication.pin_hash is None
    again = await site.post({**SHORT, "pin": PIN})
    assert (again.status_code, again.json()["pin"]) == (200, True)
    assert (await person.stranger(site.app, BASE_URL).get(f"/s/{publication.token}/download")).status_code == 403
    task_id = await site.queued("LATER")
    assert (await site.post({**SHORT, "accession_number": "LATER", "pin": PIN})).json()["task_id"] == str(task_id)
    assert (await site.completed(task_id)).pin_hash is not None


@pytest.mark.parametrize("wrong", ["1", "123", "1" * 13, "12a4", "٣٤٥٦", 1234, ["1234"], "12 34"])
async def test_what_is_no_pin_is_refused(site: Site, wrong: object) -> None:
    response = await site.post({**SHORT, "pin": wrong})
    assert response.status_code == 422
    assert [error["field"] for error in response.json()["errors"]] == ["pin"]


async def test_x20_the_pin_is_kept_as_a_hash_and_reaches_no_log(
    site: Site, caplog: pytest.LogCaptureFixture, study: Publication
) -> None:
    caplog.set_level(logging.DEBUG)
    somebody = person.stranger(site.app, BASE_URL)
    await entered(somebody, study, PIN)
    await entered(somebody, study, "161803")
    assert study.pin_hash is not None
    assert study.pin_hash.startswith("$argon2id$")
    assert study.pin_hash not in repr(study)
    text = caplog.text + str([record.__dict__ for record in caplog.records if record.name.startswith("studypub")])
    assert PIN not in text
    assert "161803" not in text


async def test_a_registrator_sets_and_removes_it(site: Site) -> None:
    await panel.add_people(site.database)
    study = await Panel(BASE_URL, site.parts).published(await Panel(BASE_URL, site.parts).queued("KP125706548L"))
    registrator = await person.signed_in(site.app, BASE_URL, panel.REGISTRATOR)
    address = f"/studies/{study.study_id}/pin"
    assert "открывается без ПИН-кода" in (await registrator.page(address)).one(id="sheet").text
    refused = await registrator.post(address, pin="12")
    assert (refused.status_code, "от 4 до 12 цифр" in refused.text) == (422, True)
    assert (await registrator.post(address, pin=PIN)).headers["location"] == f"/studies/{study.study_id}"
    assert "спрашивает ПИН-код" in (await registrator.page(address)).one(id="sheet").text
    assert (await registrator.page(f"/s/{study.token}")).one("h1").text == "Введите ПИН-код"
    await registrator.post(address, pin="")
    assert (await registrator.page(f"/s/{study.token}")).one("h1").text != "Введите ПИН-код"
    async with site.database.transaction() as tx:
        actions = [entry.action for entry in await audit.newest(tx, limit=9, offset=0)]
    assert actions[:2] == ["study.pin_removed", "study.pin_set"]


async def test_a_closed_publication_gets_none(site: Site, study: Publication) -> None:
    with pytest.raises(Refused):
        await pin.set_pin(site.database, study.study_id, PIN, actor="test", clinic_code=TVER)
    await withdraw.withdraw(site.database, study.study_id, actor="test", clinic_code=KHIMKI)
    with pytest.raises(Refused):
        await pin.set_pin(site.database, study.study_id, PIN, actor="test", clinic_code=None)
    async with site.database.transaction() as tx:
        assert (await studies.find(tx, study.study_id, clinic_code=None)) is not None
    response = await person.stranger(site.app, BASE_URL).client.post(f"/s/{study.token}", data={"pin": PIN})
    assert response.status_code == 410
