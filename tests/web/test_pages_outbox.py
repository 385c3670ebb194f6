"""Messages in the panel: which there are, why one was not delivered, and sending it again."""

from datetime import timedelta

from tests.peers import html, panel, person
from tests.peers.panel import Panel
from tests.peers.person import Person
from tests.web.conftest import BASE_URL, KHIMKI, TVER, Site

from studypub.core.people import Role
from studypub.db import audit, outbox
from studypub.db.outbox import Callback
from studypub.errors import ReceiverRefused, ReceiverUnavailable, StudyNotFound
from studypub.flows import sign_in

URL = "https://mis.clinic.example/hook?key=SECRETPATH"
FAULT = ReceiverUnavailable(server="https://mis.clinic.example", reason_ru="ответ HTTP 500", reason_en="HTTP 500")
LEASE = timedelta(minutes=1)


async def call_back(site: Site) -> None:
    async with site.database.transaction() as tx:
        await outbox.set_callback(tx, site.keys[KHIMKI].partition(".")[0], Callback(URL, "whsec_x"))


async def failed(site: Site, accession_number: str) -> None:
    await site.failed(await site.queued(accession_number), StudyNotFound(accession_number=accession_number))


async def test_they_are_listed_with_what_became_of_them_and_sent_again(site: Site, administrator: Person) -> None:
    assert "Сообщений пока нет" in (await administrator.page("/admin/outbox")).one(id="outbox").text
    await call_back(site)
    for number in range(3):
        await failed(site, f"A{number}")
    async with site.database.transaction() as tx:
        for what in (outbox.sent, outbox.failed, outbox.postponed):
            message = await outbox.claim(tx, busy=[], lease=LEASE)
            assert message
            if what is outbox.sent:
                await outbox.sent(tx, message)
            elif what is outbox.failed:
                await outbox.failed(tx, message, ReceiverRefused(server="x", reason_ru="<b>нет</b>", reason_en="no"))
            else:
                await outbox.postponed(tx, message, await tx.now() + LEASE, FAULT)
    page = await administrator.get("/admin/outbox")
    assert "SECRETPATH" not in page.text
    assert "whsec" not in page.text
    rows = await administrator.rows("/admin/outbox", "acsn")
    assert [rows[f"A{number}"].attributes["data-state"] for number in range(3)] == ["sent", "failed", "pending"]
    assert rows["A1"].one(data_field="error").text == "x: сообщение не отправлено: <b>нет</b>."
    assert "Попытка 1, следующая" in rows["A2"].text
    assert "https://mis.clinic.example" in rows["A2"].one(data_field="receiver").text
    assert "Отправить снова" in rows["A0"].text
    assert set(await administrator.rows("/admin/outbox?state=failed&kind=webhook", "acsn")) == {"A1"}
    again = html.read(page.text).one("tbody").all("tr")[1].one("form").attributes["action"]
    response = await administrator.post(again)
    assert (response.status_code, response.headers["location"]) == (303, "/admin/outbox")
    assert (await administrator.rows("/admin/outbox", "acsn"))["A1"].attributes["data-state"] == "pending"
    async with site.database.transaction() as tx:
        entry = (await audit.newest(tx, limit=1, offset=0))[0]
        assert (entry.actor, entry.action) == (f"user:{panel.ADMINISTRATOR}", "message.sent_again")
        assert entry.details["accession_number"] == "A1"
        taken = await outbox.claim(tx, busy=[], lease=LEASE)
    assert taken
    assert str(taken.message_id) in again
    assert (await administrator.post(again)).status_code == 409  # it is on its way


async def test_an_administrator_of_a_clinic_sees_its_messages(site: Site, bench: Panel) -> None:
    del bench
    await call_back(site)
    await failed(site, "A1")
    for clinic, seen in ((KHIMKI, {"A1"}), (TVER, set())):
        name = f"local.{clinic}"
        await sign_in.add_user(
            site.database, name, Role.ADMINISTRATOR, panel.PASSWORD, clinic_code=clinic, actor="test"
        )
        local = await person.signed_in(site.app, BASE_URL, name)
        page = await local.page("/admin/outbox")
        assert {cell.text for cell in page.all(data_field="acsn")} == seen


async def test_the_list_of_keys_says_who_is_called_back(site: Site, administrator: Person) -> None:
    await call_back(site)
    row = (await administrator.rows("/admin/keys", "key_id"))[site.keys[KHIMKI].partition(".")[0]]
    assert row.one(data_field="callback").text == "сообщаем на https://mis.clinic.example"
