"""A FHIR server has what is published, as it stands, and nothing that is closed."""

import logging
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import msgspec
import psycopg
import pytest
from tests.peers import fhir_server
from tests.peers.fhir_server import TOKEN, FhirServer
from tests.peers.house import ACCESSION, PATIENT, House, open_house
from tests.peers.previews import views_of
from tests.peers.queue import QueueWatch
from tests.peers.studies import make_study

from studypub.config import Fhir
from studypub.core.outbox import Message, State
from studypub.core.publication import Publication
from studypub.db import outbox
from studypub.flows import pin
from studypub.flows.deliver import Delivery
from studypub.flows.expire import expire
from studypub.flows.push_imaging_study import declare_servers
from studypub.flows.withdraw import withdraw
from studypub.metrics import Metrics


@dataclass
class Clinic:
    """A clinic with a FHIR server."""

    house: House
    server: FhirServer
    connection: psycopg.Connection

    async def named(self, url: str, token: str = TOKEN) -> None:
        """Let the configuration name a server."""
        self.house.set_clinic(fhir=Fhir(url=url, token=token))
        await declare_servers(self.house.means.config, self.house.database)

    async def pass_on(self) -> Message | None:
        """Hand over the next message, due or not; return what became of it."""
        self.connection.execute("UPDATE outbox SET due_at = now() WHERE due_at IS NOT NULL")
        config = self.house.means.config
        delivery = Delivery(config, self.house.database, Metrics(), views_of(self.house.store))
        message = await delivery.claim([])
        if message is None:
            return None
        await delivery.deliver(message)
        async with self.house.database.transaction() as tx:
            line = await outbox.line(tx, message.message_id, clinic_code=None)
        assert line
        return line.message

    async def published(self) -> Publication:
        _, publication = await self.house.published()
        return publication


@pytest.fixture
async def clinic(
    database: object, queue_watch: QueueWatch, tmp_path: Path, connection: psycopg.Connection
) -> AsyncIterator[Clinic]:
    images = make_study(patient_id=PATIENT, accession_number=ACCESSION, seed=4600, instances=2)
    with fhir_server.serving() as server:
        async with open_house(database, queue_watch, tmp_path, images) as house:  # type: ignore[arg-type]
            clinic = Clinic(house, server, connection)
            await clinic.named(server.url)
            yield clinic


async def test_the_server_has_what_is_published_as_it_stands_and_nothing_that_is_closed(clinic: Clinic) -> None:
    study = await clinic.published()
    assert (sent := await clinic.pass_on()) is not None
    assert sent.state is State.SENT
    (kept,) = clinic.server.kept.values()
    assert (kept["id"], kept["numberOfInstances"]) == (str(study.study_id), 2)
    assert study.token in kept["contained"][0]["address"]
    await pin.set_pin(clinic.house.database, study.study_id, "1234", actor="user:a", clinic_code=None)
    await clinic.pass_on()
    assert "contained" not in clinic.server.kept[str(study.study_id)]
    await withdraw(clinic.house.database, study.study_id, actor="user:a", clinic_code=None)
    await clinic.pass_on()
    assert clinic.server.kept == {}
    assert clinic.server.asked == ["PUT", "PUT", "DELETE"]
    assert await clinic.pass_on() is None


async def test_what_was_waiting_when_the_link_closed_brings_nothing_back(clinic: Clinic) -> None:
    await clinic.published()
    clinic.server.failures = [503]
    assert (waiting := await clinic.pass_on()) is not None
    assert waiting.state is State.PENDING
    clinic.connection.execute("UPDATE published_studies SET save_till = now() - interval '1 s'")
    await expire(clinic.house.database)
    states = [(await clinic.pass_on()) for _ in range(2)]
    assert [one and one.state for one in states] == [State.SENT, State.SENT]
    assert clinic.server.kept == {}
    assert clinic.server.asked == ["PUT", "DELETE", "DELETE"]


@pytest.mark.parametrize(
    ("status", "state"),
    [(429, State.PENDING), (500, State.PENDING), (401, State.PENDING), (302, State.PENDING), (422, State.FAILED)],
)
async def test_a_failure_is_tried_again_or_told(
    clinic: Clinic, status: int, state: State, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    await clinic.published()
    clinic.server.failures = [status]
    assert (message := await clinic.pass_on()) is not None
    assert (message.state, clinic.server.asked) == (state, ["PUT"])
    assert message.error_text
    assert str(status) in message.error_text.en
    assert TOKEN not in caplog.text + str(message)


async def test_a_server_that_is_not_named_any_more_is_told_nothing(clinic: Clinic) -> None:
    await clinic.published()
    await clinic.named("")
    assert (message := await clinic.pass_on()) is not None
    assert (message.state, message.error_code) == (State.FAILED, "RECEIVER_REFUSED")
    await clinic.published()
    assert await clinic.pass_on() is None
    assert clinic.server.asked == []


@pytest.mark.parametrize(
    ("url", "token"),
    [("http://fhir.example/r4", "x"), ("ftp://x", ""), ("https://x.example/?q=1", ""), ("https://x", "a b")],
)
def test_an_address_that_would_tell_the_token_is_refused(url: str, token: str) -> None:
    with pytest.raises(msgspec.ValidationError, match=r"url|token"):
        msgspec.convert({"url": url, "token": token}, Fhir)
