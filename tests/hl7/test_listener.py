"""A sender of HL7 over MLLP: what it is answered, and what is in the queue by then."""

import asyncio
import contextlib
import logging
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import pytest

import hl7
from studypub.config import Clinic, Config, Current, Hl7, Pacs, Workers
from studypub.core.clinics import EVERY_CLINIC
from studypub.core.task import Task
from studypub.db import audit, tasks
from studypub.db.database import Database
from studypub.hl7.listener import Listener
from studypub.metrics import Metrics

CLINIC = Clinic(code="f_Khimki", name="Химки", pacs=Pacs(ae_title="PACS", host="127.0.0.1", port=4242))
SECONDS = 20


def result(
    accession: str = "KP1", patient: str = "1000001158664", *, control: str = "1", kind: str = "ORU^R01"
) -> bytes:
    lines = [
        rf"MSH|^~\&|MIS|F|STUDYPUB|X|20250201||{kind}|{control}|P|2.5",
        f"PID|1||{patient}^^^MIS||Иванов^Иван",
        f"OBR|1|||A01^МРТ суставов||||||||||||||{accession}|||||||F",
    ]
    return "\r".join(lines).encode("windows-1251")


@dataclass
class Desk:
    """A listener, and whoever sends to it."""

    port: int
    database: Database
    metrics: Metrics

    @asynccontextmanager
    async def sender(self) -> AsyncIterator["Sender"]:
        async with asyncio.timeout(SECONDS):
            reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
            try:
                yield Sender(reader, writer)
            finally:
                writer.close()
                with contextlib.suppress(ConnectionError):
                    await writer.wait_closed()

    async def task(self, accession: str) -> Task | None:
        async with self.database.transaction() as tx:
            return await tasks.newest_of_accession(tx, accession, clinic_code=CLINIC.code)

    async def queued(self) -> int:
        async with self.database.transaction() as tx:
            return sum(one.action == "task.queued" for one in await audit.newest(tx, limit=100, offset=0))


@dataclass
class Sender:
    """One connection."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def answer(self, message: bytes) -> hl7.Message:
        self.writer.write(b"\x0b" + message + b"\x1c\r")
        block = await self.reader.readuntil(b"\x1c\r")
        assert block.startswith(b"\x0b")
        return hl7.parse(block[1:-2].decode("windows-1251"))

    async def code(self, message: bytes) -> str:
        return str((await self.answer(message)).segment("MSA")(1))

    async def is_closed_after(self, sent: bytes) -> bool:
        self.writer.write(sent)
        return await self.reader.read() == b""


@asynccontextmanager
async def listening(database: Database, **settings: object) -> AsyncIterator[Desk]:
    config = Config(clinics=(CLINIC,), workers=Workers(max_in_progress=3))
    metrics = Metrics()
    with socket.create_server(("127.0.0.1", 0)) as door:
        listener = Listener(Current(config), Hl7(**settings), database, metrics)  # type: ignore[arg-type]
        running = asyncio.create_task(listener.run(door))
        try:
            yield Desk(door.getsockname()[1], database, metrics)
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)


async def test_an_answer_means_that_the_study_is_in_the_queue(database: Database) -> None:
    async with listening(database) as desk, desk.sender() as sender:
        answer = await sender.answer(result(control="MSG-17"))
        assert [str(field) for field in answer.segment("MSA")] == ["MSA", "AA", "MSG-17", "Исследований в очереди: 1"]
        task = await desk.task("KP1")
        assert task is not None
        assert (task.patient_id, task.requested_by, task.service_title) == (
            "1000001158664",
            "hl7:127.0.0.1",
            "МРТ суставов",
        )


async def test_the_same_message_again_and_again_makes_one_task(database: Database) -> None:
    async with listening(database) as desk:

        async def send() -> list[str]:
            async with desk.sender() as sender:
                return [await sender.code(result()) for _ in range(3)]

        assert await asyncio.gather(*(send() for _ in range(5))) == [["AA"] * 3] * 5
        assert await desk.queued() == 1


async def test_what_cannot_be_published_is_told_and_the_connection_stays(
    database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    async with listening(database) as desk, desk.sender() as sender:
        wrong = await sender.answer(result("KP*", patient="Ф\\XZZ\\"))
        assert str(wrong.segment("MSA")(1)) == "AE"
        assert "accession_number: Символы *, ? и \\E\\ недопустимы." in str(wrong)
        assert await sender.code(result(kind="ADT^A01")) == "AR"
        assert await sender.code(result("KP2")) == "AA"
        assert [await sender.code(result(f"KP{number}")) for number in (3, 4, 5)] == ["AA", "AA", "AR"]
        assert desk.metrics.value("hl7_messages_total", outcome="later") == 2
        assert "Иванов" not in caplog.text
        assert "XZZ" not in caplog.text


async def test_a_message_without_a_database_is_to_be_sent_again() -> None:
    away = Database("postgresql://nobody@127.0.0.1:1/none", size=1, name="away", sees=EVERY_CLINIC)
    async with away, listening(away) as desk, desk.sender() as sender:
        assert await sender.code(result()) == "AR"


@pytest.mark.parametrize(
    "sent",
    [b"GET / HTTP/1.1\r\n\r\n", b"\x0bPID|1\x1c\r", b"\x0b" + b"x" * (9 << 20)],
    ids=["http", "no MSH", "endless"],
)
async def test_what_is_no_message_ends_the_connection(database: Database, sent: bytes) -> None:
    async with listening(database) as desk:
        async with desk.sender() as sender:
            with contextlib.suppress(ConnectionError):  # it was still sending
                assert await sender.is_closed_after(sent)
        async with desk.sender() as sender:
            assert await sender.code(result()) == "AA"


async def test_a_stranger_is_not_heard(database: Database, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    async with listening(database, senders=("10.0.0.0/8",)) as desk, desk.sender() as sender:
        assert await sender.is_closed_after(b"")
        assert "Соединение HL7 отклонено" in caplog.text
        assert await desk.queued() == 0
