"""What becomes of a task is told to programs: once for each change, signed, in order, for as long as it takes."""

import asyncio
import base64
import hashlib
import hmac
import json
import re
import socket
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from tests.peers.certificates import Authority
from tests.peers.panel import KHIMKI, TVER, Panel
from tests.peers.previews import views_of
from tests.peers.receiver import CLOSE, HANG, Receiver, answer, receiving

from studypub.calls import http
from studypub.config import Callbacks, Clinic, Config, Pacs, Server
from studypub.core import callback
from studypub.core.outbox import Message, State
from studypub.core.task import Task
from studypub.db import outbox, tasks
from studypub.db.database import Database
from studypub.errors import ReceiverRefused, Refused, StudyNotFound
from studypub.flows import deliver, sign_in
from studypub.flows.cancel import cancel, try_again
from studypub.flows.deliver import Delivery
from studypub.flows.set_callback import clear_callback, set_callback
from studypub.flows.withdraw import withdraw
from studypub.metrics import Metrics
from studypub.store.local import LocalStore
from studypub.web.parts import Parts
from studypub.worker import deliveries
from studypub.worker.deliveries import Deliveries

LEASE = timedelta(minutes=1)
MISSING = StudyNotFound(accession_number="A1")
PATH = "/hook?key=SECRETPATH"


@dataclass
class Told:
    """A clinic's service, and a program of it that is called back."""

    bench: Panel
    database: Database
    connection: psycopg.Connection
    receiver: Receiver
    delivery: Delivery
    key_id: str
    secret: str

    async def add_key(self, url: str, clinic: str = KHIMKI) -> tuple[str, str]:
        key = await sign_in.add_api_key(self.database, clinic_code=clinic, name="MIS", actor="test")
        key_id = key.partition(".")[0]
        return key_id, await set_callback(self.delivery.config, self.database, key_id, url, actor="test")

    async def failed(self, accession_number: str = "A1", **more: str) -> Task:
        task = await self.bench.queued(accession_number, **more)
        await self.bench.failed(task, MISSING)
        return task

    async def pass_on(self) -> Message:
        """Hand over the next message that is due; return what became of it."""
        message = await self.delivery.claim([])
        assert message
        await self.delivery.deliver(message)
        return await self.message(message)

    async def message(self, one: Message) -> Message:
        async with self.database.transaction() as tx:
            line = await outbox.line(tx, one.message_id, clinic_code=None)
        assert line
        return line.message

    def written(self) -> list[tuple[str, str]]:
        return self.connection.execute("SELECT status, target FROM outbox ORDER BY number").fetchall()

    def make_due(self) -> None:
        self.connection.execute("UPDATE outbox SET due_at = now() WHERE due_at IS NOT NULL")


def configured(callbacks: Callbacks) -> Config:
    pacs = Pacs(ae_title="ORTHANC", host="127.0.0.1", port=4242)
    return Config(
        server=Server(public_url="https://studies.clinic.example"),
        callbacks=callbacks,
        clinics=(Clinic(code=KHIMKI, name="Химки", pacs=pacs), Clinic(code=TVER, name="Тверь", pacs=pacs)),
    )


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as opened:
        yield opened


@pytest.fixture
async def told(database: Database, connection: psycopg.Connection, receiver: Receiver, tmp_path: Path) -> Told:
    url = f"http://127.0.0.1:{receiver.port}"
    config = configured(Callbacks(allow=(url,)))

    async def readiness() -> dict[str, str | None]:
        return {}

    bench = Panel("", Parts(config, database, LocalStore(tmp_path), readiness))
    delivery = Delivery(config, database, Metrics(), views_of(bench.parts.store))
    opened = Told(bench, database, connection, receiver, delivery, "", "")
    opened.key_id, opened.secret = await opened.add_key(url + PATH)
    return opened


def said(receiver: Receiver) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(receiver.call().body)
    return told


async def test_each_change_is_told_and_what_is_rolled_back_is_not(told: Told) -> None:
    task = await told.failed()
    await try_again(told.database, task.task_id, actor="test", clinic_code=None, search_time=LEASE)
    await cancel(told.database, task.task_id, actor="test", clinic_code=None)
    publication = await told.bench.published(await told.bench.queued("A2"))
    await withdraw(told.database, publication.study_id, actor="test", clinic_code=None)
    with pytest.raises(ZeroDivisionError):
        await rolled_back(told, await told.bench.queued("A3"))
    statuses = ["FAILED", "CANCELLED", "COMPLETED", "CANCELLED"]
    assert told.written() == [(status, told.key_id) for status in statuses]


async def rolled_back(told: Told, task: Task) -> None:
    async with told.database.transaction() as tx:
        assert await tasks.cancel(tx, task)
        raise ZeroDivisionError


async def test_every_program_of_the_clinic_is_told_and_no_other(told: Told) -> None:
    url = f"http://127.0.0.1:{told.receiver.port}/"
    second, _ = await told.add_key(url)
    await told.add_key(url, TVER)
    revoked, _ = await told.add_key(url)
    await sign_in.revoke_api_key(told.database, revoked, actor="test")
    cleared, _ = await told.add_key(url)
    await clear_callback(told.database, cleared, actor="test")
    await told.failed()
    assert {target for _, target in told.written()} == {told.key_id, second}


async def test_it_says_what_the_program_would_be_answered_and_is_signed(told: Told) -> None:
    publication = await told.bench.published(await told.bench.queued("A1"))
    message = await told.pass_on()
    call = told.receiver.call()
    assert (message.state, message.sent_at is not None) == (State.SENT, True)
    assert call.line == f"POST {PATH} HTTP/1.1"
    assert call.headers["host"] == f"127.0.0.1:{told.receiver.port}"
    body = json.loads(call.body)
    assert (body["type"], body["data"]["status"]) == ("task.completed", "COMPLETED")
    assert body["timestamp"].startswith(f"{message.created_at:%Y-%m-%dT%H:%M:%S}")
    assert body["data"]["arch_link"] == f"https://studies.clinic.example/s/{publication.token}"
    assert body["data"]["patient_id"] == "1000001158664"
    assert call.headers["webhook-id"] == f"msg_{message.message_id.hex}"
    signed = f"{call.headers['webhook-id']}.{call.headers['webhook-timestamp']}.".encode() + call.body
    digest = hmac.new(base64.b64decode(told.secret.removeprefix("whsec_")), signed, hashlib.sha256).digest()
    assert call.headers["webhook-signature"] == f"v1,{base64.b64encode(digest).decode()}"


@pytest.mark.parametrize("manual", ["mis.md", "mis.ru.md"])
async def test_the_manuals_example_knows_what_is_ours(told: Told, manual: str) -> None:
    text = (Path(__file__).parents[2] / "docs" / manual).read_text("utf-8")
    found = re.search(r"```python\n(.*?)```", text, re.DOTALL)
    assert found
    names: dict[str, Any] = {}
    exec(found[1], names)  # noqa: S102 - the project's own text
    await told.failed()
    await told.pass_on()
    call = told.receiver.call()
    known = names["is_from_studypub"]
    assert known(told.secret, call.headers, call.body)
    assert not known(told.secret, call.headers, call.body + b" ")
    assert not known(callback.new_secret(), call.headers, call.body)
    assert not known(told.secret, {**call.headers, "webhook-timestamp": "1738415000"}, call.body)
    example = re.search(r"```json\n(.*?)```", text, re.DOTALL)
    assert example
    assert set(json.loads(example[1])["data"]) <= set(json.loads(call.body)["data"])


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (answer(500, b"x"), "HTTP 500"),
        (answer(302, b"", "Location: http://127.0.0.1:1/"), "HTTP 302"),
        (answer(404), "HTTP 404"),
        (CLOSE, "broke off"),
        (b"220 mail.example ESMTP\r\n", "no HTTP"),
        (HANG, "in time"),
    ],
    ids=["fault", "redirect", "not there", "closes", "junk", "silence"],
)
async def test_what_is_not_taken_is_told_again(
    told: Told, monkeypatch: pytest.MonkeyPatch, given: bytes, words: str
) -> None:
    if given == HANG:
        monkeypatch.setattr(http, "_WHOLE_SECONDS", 0.3)
    told.receiver.answers.append(given)
    await told.failed()
    message = await told.pass_on()
    assert (message.state, message.error_code, message.attempt) == (State.PENDING, "RECEIVER_UNAVAILABLE", 1)
    assert message.error_text
    assert words in message.error_text.en
    assert "SECRETPATH" not in message.error_text.en
    first = told.receiver.call()
    told.make_due()
    message = await told.pass_on()
    assert (message.state, message.error_code, message.attempt) == (State.SENT, None, 2)
    assert told.receiver.call().headers["webhook-id"] == first.headers["webhook-id"]
    assert told.receiver.calls.empty()


async def test_of_a_long_answer_little_is_read(told: Told) -> None:
    told.receiver.answers.append(answer(200, bytes(1 << 26)))
    await told.failed()
    assert (await told.pass_on()).state is State.SENT


async def test_after_a_day_it_is_given_up_and_a_person_may_send_it_again(told: Told) -> None:
    told.receiver.answers += [answer(503)] * 2
    await told.failed()
    told.connection.execute("UPDATE outbox SET tried_since = now() - interval '23 hours 59 minutes', attempt = 17")
    message = await told.pass_on()
    assert message.state is State.PENDING
    assert message.due_at == message.tried_since + timedelta(days=1)
    told.connection.execute("UPDATE outbox SET tried_since = now() - interval '1 day', due_at = now()")
    message = await told.pass_on()
    assert (message.state, message.due_at) == (State.FAILED, None)
    assert told.delivery.metrics.value("messages_total", kind="webhook", outcome="failed") == 1
    with pytest.raises(Refused):
        await deliver.send_again(told.database, message.message_id, actor="test", clinic_code=TVER)
    await deliver.send_again(told.database, message.message_id, actor="test", clinic_code=KHIMKI)
    assert (await told.pass_on()).state is State.SENT


async def test_whoever_says_gone_is_left_alone(told: Told) -> None:
    told.receiver.answers.append(answer(410))
    await told.failed()
    message = await told.pass_on()
    assert (message.state, message.error_code) == (State.FAILED, "RECEIVER_REFUSED")


async def test_the_changes_of_a_task_are_told_in_their_order(told: Told) -> None:
    task = await told.failed()
    await try_again(told.database, task.task_id, actor="test", clinic_code=None, search_time=LEASE)
    await cancel(told.database, task.task_id, actor="test", clinic_code=None)
    await told.failed("A2")
    told.receiver.answers.append(answer(500))
    await told.pass_on()
    assert said(told.receiver)["type"] == "task.failed"
    await told.pass_on()
    assert said(told.receiver)["data"]["accession_number"] == "A2"
    assert await told.delivery.claim([]) is None  # the second of A1 waits for the first
    told.make_due()
    await told.pass_on()
    await told.pass_on()
    # The task is told as it stands now, the change as it was.
    assert [(one["type"], one["data"]["status"]) for one in (said(told.receiver), said(told.receiver))] == [
        ("task.failed", "CANCELLED"),
        ("task.cancelled", "CANCELLED"),
    ]


async def test_several_daemons_share_the_messages_and_a_dead_ones_are_taken_over(told: Told) -> None:
    for number in range(4):
        await told.failed(f"A{number}")
    taken = await asyncio.gather(*(told.delivery.claim([]) for _ in range(6)))
    messages = [message for message in taken if message]
    assert len({message.message_id for message in messages}) == 4
    dead = messages[0]
    with pytest.raises(Refused):
        await deliver.send_again(told.database, dead.message_id, actor="test", clinic_code=None)
    told.make_due()
    again = await told.delivery.claim([])
    assert again
    async with told.database.transaction() as tx:
        await outbox.sent(tx, replace(again, lease_token=dead.lease_token))  # it was only slow, and comes too late
    assert (await told.message(again)).state is State.PENDING
    assert (await told.message(again)).attempt == 2


async def test_whoever_is_slow_holds_up_nobody_else(told: Told, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deliveries, "_LAST_SECONDS", 0.1)
    with receiving() as quick:
        allowed = (*told.delivery.config.callbacks.allow, f"http://127.0.0.1:{quick.port}")
        told.delivery = Delivery(configured(Callbacks(allow=allowed)), told.database, Metrics(), told.delivery.views)
        told.receiver.answers += [HANG] * 50
        for number in range(20):
            await told.failed(f"A{number}")
        await told.add_key(f"http://127.0.0.1:{quick.port}/")
        await told.failed("B1")
        running = asyncio.create_task(Deliveries(told.delivery.claim, told.delivery.deliver).run())
        try:
            call = await asyncio.to_thread(quick.call)
            assert json.loads(call.body)["data"]["accession_number"] == "B1"
            leased = "SELECT count(*) FROM outbox WHERE target = %s AND lease_token IS NOT NULL"
            assert told.connection.execute(leased, (told.key_id,)).fetchone() == (2,)
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)


@pytest.mark.parametrize("allowed", [(), ("https://mis.clinic.example",)])
async def test_only_what_the_configuration_allows_is_called(told: Told, allowed: tuple[str, ...]) -> None:
    config = configured(Callbacks(allow=allowed))
    url = f"http://127.0.0.1:{told.receiver.port}/"
    with pytest.raises(ReceiverRefused):
        await set_callback(config, told.database, told.key_id, url, actor="test")
    await told.failed()  # a program that was allowed before
    told.delivery = Delivery(config, told.database, Metrics(), told.delivery.views)
    message = await told.pass_on()
    assert (message.state, message.error_code) == (State.FAILED, "RECEIVER_REFUSED")
    assert told.receiver.calls.empty()


async def test_a_name_is_looked_up_once_and_must_not_lead_inside(told: Told, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever owns a name that is allowed answers with another address each time it is asked."""
    port = told.receiver.port
    asked: list[str] = []
    lookup = socket.getaddrinfo

    def lying(host: Any, *arguments: Any, **more: Any) -> Any:
        if host != "mis.clinic.example":
            return lookup(host, *arguments, **more)
        asked.append(host)
        leads = "127.0.0.1" if allowed or len(asked) > 1 else "10.9.8.7"
        return lookup(leads, *arguments, **more)

    monkeypatch.setattr(socket, "getaddrinfo", lying)
    for allowed, networks in ((False, ()), (True, ("127.0.0.0/8",))):
        asked.clear()
        callbacks = Callbacks(allow=(f"http://mis.clinic.example:{port}",), networks=networks)
        told.delivery = Delivery(configured(callbacks), told.database, Metrics(), told.delivery.views)
        url = f"http://mis.clinic.example:{port}/"
        await set_callback(told.delivery.config, told.database, told.key_id, url, actor="test")
        await told.failed(f"A{allowed}")
        assert (await told.pass_on()).state is (State.SENT if allowed else State.FAILED)
        assert asked == ["mis.clinic.example"]
    assert told.receiver.calls.qsize() == 1


async def test_over_tls_the_certificate_has_to_be_for_the_name(told: Told, authority: Authority) -> None:
    def both_of(name: str) -> Path:
        pair = authority.issue(name)
        both = pair.certificate.with_suffix(".pem")
        both.write_bytes(pair.certificate.read_bytes() + pair.key.read_bytes())
        return both

    words = []
    for name, state in (("127.0.0.1", State.SENT), ("other.example", State.PENDING)):
        with receiving(both_of(name)) as receiver:
            url = f"https://127.0.0.1:{receiver.port}"
            callbacks = Callbacks(allow=(url,), ca_certificate=authority.certificate)
            told.delivery = Delivery(configured(callbacks), told.database, Metrics(), told.delivery.views)
            await set_callback(told.delivery.config, told.database, told.key_id, url, actor="test")
            await told.failed(f"A-{name}")
            message = await told.pass_on()
            assert message.state is state
            words.append(message.error_text.en if message.error_text else "")
    assert ["certificate" in text for text in words] == [False, True]
