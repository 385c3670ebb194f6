"""A patient is sent the link: where the clinic lets us, once, when it says, and never after the link has closed."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import msgspec
import psycopg
import pytest
from psycopg import sql
from tests.peers.mail import MailServer, serving
from tests.peers.panel import KHIMKI, Panel
from tests.peers.previews import views_of
from tests.peers.receiver import CLOSE, HANG, Receiver, answer, receiving

from studypub.calls import http
from studypub.config import Clinic, Config, Delivery, Pacs, Server, Sms
from studypub.core.outbox import Message, State
from studypub.core.publication import Publication
from studypub.core.request import PublishRequest
from studypub.core.task import Task
from studypub.db import outbox, recipients
from studypub.db.database import Database
from studypub.flows import deliver
from studypub.flows.deliver import Delivery as Delivering
from studypub.flows.expire import expire
from studypub.flows.keep_recipient import keep_recipient
from studypub.flows.request import Answer
from studypub.flows.withdraw import withdraw
from studypub.metrics import Metrics
from studypub.store.local import LocalStore
from studypub.web.parts import Parts

EMAIL, PHONE = "i.ivanova@mail.example", "+79161234567"
SMSC_TAKEN = answer(200, b'{"id": 1, "cnt": 1}')


@dataclass
class Clinics:
    """A service that writes to patients, as a test wants it."""

    database: Database
    connection: psycopg.Connection
    mail: MailServer
    gateway: Receiver
    folder: Path
    delivery: Delivery = field(default_factory=lambda: Delivery(consent="when_given"))
    sms: Sms = field(default_factory=Sms)

    @property
    def config(self) -> Config:
        pacs = Pacs(ae_title="ORTHANC", host="127.0.0.1", port=4242)
        return Config(
            server=Server(public_url="https://studies.clinic.example"),
            mail=self.mail.mail,
            sms=self.sms,
            clinics=(Clinic(code=KHIMKI, name="Клиника в Химках", pacs=pacs, delivery=self.delivery),),
        )

    @property
    def bench(self) -> Panel:
        async def readiness() -> dict[str, str | None]:
            return {}

        return Panel("", Parts(self.config, self.database, LocalStore(self.folder), readiness))

    async def asked(self, task: Task, email: str | None = EMAIL, phone: str | None = None) -> None:
        request = PublishRequest(
            patient_id=task.patient_id,
            accession_number=task.accession_number,
            clinic_code=KHIMKI,
            patient_email=email,
            patient_phone=phone,
        )
        await keep_recipient(self.config, self.database, request, Answer(task, None), actor="test")

    async def published(
        self, accession_number: str = "A1", email: str | None = EMAIL, phone: str | None = None
    ) -> tuple[Task, Publication]:
        task = await self.bench.queued(accession_number)
        await self.asked(task, email, phone)
        return task, await self.bench.published(task)

    async def pass_on(self) -> Message | None:
        """Hand over the next message that is due; return what became of it."""
        delivering = Delivering(self.config, self.database, Metrics(), views_of(self.bench.parts.store))
        message = await delivering.claim([])
        if message is None:
            return None
        await delivering.deliver(message)
        async with self.database.transaction() as tx:
            line = await outbox.line(tx, message.message_id, clinic_code=None)
        return line.message if line else None

    async def of(self, task: Task) -> list[Message]:
        async with self.database.transaction() as tx:
            return [line.message for line in await outbox.to_patient(tx, task.task_id)]

    def by(self, kind: str, **more: str) -> None:
        """Let text messages go to the gateway of the test."""
        url = f"http://127.0.0.1:{self.gateway.port}/send"
        given = {"kind": kind, "url": url, "user": "login", "password": "SECRET", "sender": "CLINIC", **more}
        self.sms = msgspec.convert(given, Sms)


@pytest.fixture
def clinics(database: Database, connection: psycopg.Connection, tmp_path: Path) -> Iterator[Clinics]:
    with serving(tmp_path) as mail, receiving() as gateway:
        yield Clinics(database, connection, mail, gateway, tmp_path)


async def test_a_mail_has_the_link_and_the_date_and_names_nobody(clinics: Clinics) -> None:
    _, publication = await clinics.published()
    message = await clinics.pass_on()
    assert message
    assert message.state is State.SENT
    (letter,) = clinics.mail.letters
    assert (letter["To"], letter["Subject"]) == (EMAIL, "Ваши снимки готовы")
    text = letter.get_content()
    assert f"https://studies.clinic.example/s/{publication.token}" in text
    assert f"{publication.save_till:%m.%Y}" in text
    for identifier in ("1000001158664", "A1", "123456"):
        assert identifier not in text.replace(publication.token, "")
    assert await clinics.pass_on() is None


@pytest.mark.parametrize("consent", ["never", "when_given"])
async def test_without_consent_no_address_is_kept(clinics: Clinics, consent: Any) -> None:
    clinics.delivery = Delivery(consent=consent)
    task, _ = await clinics.published()
    async with clinics.database.transaction() as tx:
        kept = (await recipients.of_task(tx, task.task_id)).email
    assert kept == (EMAIL if consent == "when_given" else None)
    assert len(await clinics.of(task)) == (consent == "when_given")
    clinics.delivery = Delivery()  # the clinic has thought better of it
    message = await clinics.pass_on()
    assert (message.state if message else State.FAILED) is State.FAILED
    assert clinics.mail.letters == []


async def test_an_address_that_comes_later_is_written_to_and_none_twice(clinics: Clinics) -> None:
    task, _ = await clinics.published(email=None)
    assert await clinics.pass_on() is None
    for email in (EMAIL, EMAIL, "other@mail.example"):
        await clinics.asked(task, email)
        await clinics.pass_on()
    assert [letter["To"] for letter in clinics.mail.letters] == [EMAIL, "other@mail.example"]


async def test_it_waits_for_so_long_or_for_a_person_as_the_clinic_says(clinics: Clinics) -> None:
    clinics.delivery = Delivery(consent="when_given", release="after_hours", hours=3)
    task, _ = await clinics.published("A1")
    (message,) = await clinics.of(task)
    assert message.due_at
    assert timedelta(hours=2.9) < message.due_at - datetime.now(UTC) < timedelta(hours=3.1)
    assert message.tried_since == message.due_at
    clinics.delivery = Delivery(consent="when_given", release="by_hand")
    task, _ = await clinics.published("A2")
    (message,) = await clinics.of(task)
    assert (message.state, await clinics.pass_on()) == (State.HELD, None)
    await deliver.send_again(clinics.database, message.message_id, actor="test", clinic_code=KHIMKI)
    sent = await clinics.pass_on()
    assert sent
    assert (sent.state, len(clinics.mail.letters)) == (State.SENT, 1)


@pytest.mark.parametrize("ending", ["withdrawn", "expired"])
async def test_with_the_link_the_addresses_go_and_what_was_not_sent(clinics: Clinics, ending: str) -> None:
    clinics.delivery = Delivery(consent="when_given", release="by_hand")
    task, publication = await clinics.published(phone=PHONE)
    assert len(await clinics.of(task)) == 2
    if ending == "withdrawn":
        await withdraw(clinics.database, publication.study_id, actor="test", clinic_code=None)
    else:
        clinics.connection.execute("UPDATE published_studies SET save_till = now() - interval '1 second'")
        await expire(clinics.database)
    assert await clinics.of(task) == []
    for (name,) in clinics.connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall():
        rows = clinics.connection.execute(sql.SQL("SELECT t::text FROM {} t").format(sql.Identifier(name))).fetchall()
        assert [row for row in rows if EMAIL in row[0] or PHONE[1:] in row[0]] == [], name
    await clinics.asked(task)  # and none is kept of a link that has closed
    assert clinics.connection.execute("SELECT count(*) FROM recipients").fetchone() == (0,)


async def test_an_address_has_a_limit_a_day(clinics: Clinics) -> None:
    clinics.delivery = Delivery(consent="when_given", per_day=2)
    messages = []
    for number in range(3):
        await clinics.published(f"A{number}")
        messages.append(await clinics.pass_on())
    last = messages[-1]
    assert last
    assert [message and message.state for message in messages] == [State.SENT, State.SENT, State.FAILED]
    clinics.connection.execute("UPDATE outbox SET sent_at = sent_at - interval '1 day'")
    await deliver.send_again(clinics.database, last.message_id, actor="test", clinic_code=None)
    again = await clinics.pass_on()
    assert again
    assert again.state is State.SENT


async def test_a_server_that_is_full_is_asked_again_and_an_address_that_it_does_not_know_is_not(
    clinics: Clinics, caplog: pytest.LogCaptureFixture
) -> None:
    clinics.mail.data = "452 full"
    await clinics.published("A1")
    message = await clinics.pass_on()
    assert message
    assert (message.state, message.error_code) == (State.PENDING, "MAIL_UNAVAILABLE")
    clinics.mail.data, clinics.mail.refused = "250 OK", (EMAIL,)
    await clinics.published("A2")
    message = await clinics.pass_on()
    assert message
    assert (message.state, message.error_code) == (State.FAILED, "MAIL_REFUSED")
    assert message.error_text
    assert EMAIL not in str(message.error_text) + caplog.text
    clinics.mail.refused, clinics.mail.data = (), "554 not from this sender"
    await clinics.published("A3")
    message = await clinics.pass_on()
    assert message
    assert message.state is State.PENDING


async def test_smsc_is_spoken_as_its_manual_has_it(clinics: Clinics) -> None:
    clinics.by("smsc")
    clinics.gateway.answers.append(SMSC_TAKEN)
    _, publication = await clinics.published(email=None, phone=PHONE)
    message = await clinics.pass_on()
    assert message
    assert message.state is State.SENT
    call = clinics.gateway.call()
    given = {name: values[0] for name, values in parse_qs(call.body.decode()).items()}
    assert publication.token in given.pop("mes")
    wanted = {"login": "login", "psw": "SECRET", "phones": PHONE, "fmt": "3", "charset": "utf-8", "sender": "CLINIC"}
    assert given == wanted
    assert "SECRET" not in call.line


async def test_sms_aero_is_spoken_as_its_manual_has_it(clinics: Clinics) -> None:
    clinics.by("smsaero")
    clinics.gateway.answers.append(answer(200, b'{"success": true, "data": {"id": 1}, "message": null}'))
    await clinics.published(email=None, phone=PHONE)
    message = await clinics.pass_on()
    assert message
    assert message.state is State.SENT
    call = clinics.gateway.call()
    given = parse_qs(call.body.decode())
    assert (given["number"], given["sign"]) == ([PHONE[1:]], ["CLINIC"])
    assert call.headers["authorization"] == "Basic bG9naW46U0VDUkVU"


@pytest.mark.parametrize("content_type", ["application/json", "application/x-www-form-urlencoded"])
async def test_any_gateway_is_given_what_its_template_says(clinics: Clinics, content_type: str) -> None:
    is_json = content_type == "application/json"
    body = '{"to": ["{phone}"], "text": "{text}"}' if is_json else "to={phone}&text={text}"
    clinics.by("generic", content_type=content_type, body=body, authorization="Bearer X", taken='"ok": *true')
    clinics.delivery = Delivery(consent="when_given", sms_ru='{link}\n& "{till}" {clinic}')
    clinics.gateway.answers += [answer(200, b'{"ok":true}'), answer(200, b'{"ok":false}')]
    _, publication = await clinics.published("A1", email=None, phone=PHONE)
    await clinics.published("A2", email=None, phone=PHONE)
    outcomes = [await clinics.pass_on(), await clinics.pass_on()]
    assert [one and one.state for one in outcomes] == [State.SENT, State.PENDING]
    call = clinics.gateway.call()
    given: Any = json.loads(call.body) if is_json else parse_qs(call.body.decode(), strict_parsing=True)
    assert given["to"] == [PHONE]
    text = given["text"] if is_json else given["text"][0]
    assert text.startswith(f'https://studies.clinic.example/s/{publication.token}\n& "')
    assert call.headers["authorization"] == "Bearer X"


@pytest.mark.parametrize(
    ("kind", "given", "state"),
    [
        ("smsc", answer(200, b'{"error": "invalid number +79161234567", "error_code": 7}'), State.FAILED),
        ("smsc", answer(200, b'{"error": "no money", "error_code": 3}'), State.PENDING),
        ("smsc", answer(200, b"{}"), State.PENDING),
        ("smsc", answer(200, b"<html>maintenance</html>"), State.PENDING),
        ("smsc", answer(200, b"[" * 70_000), State.PENDING),
        ("smsc", answer(500), State.PENDING),
        ("smsc", CLOSE, State.PENDING),
        ("smsc", HANG, State.PENDING),
        ("smsaero", answer(400, b'{"success": false, "message": "Validation error."}'), State.FAILED),
        ("smsaero", answer(401), State.PENDING),
        ("smsaero", answer(200, b'{"success": false, "message": "Not enough money"}'), State.PENDING),
    ],
    ids=lambda value: value.decode(errors="replace")[-24:] if isinstance(value, bytes) else str(value),
)
async def test_gateways_fail_in_their_ways(
    clinics: Clinics,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    kind: str,
    given: bytes,
    state: State,
) -> None:
    if given == HANG:
        monkeypatch.setattr(http, "_WHOLE_SECONDS", 0.3)
    clinics.by(kind)
    clinics.gateway.answers.append(given)
    await clinics.published(email=None, phone=PHONE)
    message = await clinics.pass_on()
    assert message
    assert message.state is state
    assert message.error_text
    assert PHONE[1:] not in str(message.error_text) + caplog.text


async def test_where_nothing_takes_it_that_is_said(clinics: Clinics) -> None:
    clinics.mail.mail = msgspec.structs.replace(clinics.mail.mail, host="")
    task, _ = await clinics.published(phone=PHONE)
    await clinics.pass_on()
    await clinics.pass_on()
    told = [message.error_text.en if message.error_text else "" for message in await clinics.of(task)]
    assert ["[mail]" in told[0], "[sms]" in told[1]] == [True, True]
