"""Listens for messages over MLLP; each is answered when what it asks for is in the queue."""

import asyncio
import ipaddress
import logging
import socket
from datetime import datetime, timedelta

from studypub.config import Config, Current, Hl7
from studypub.core.request import InvalidRequest, PublishRequest, read_request
from studypub.core.task import Origin
from studypub.db.database import Database
from studypub.errors import ComeLater, Sentence, StudypubError
from studypub.flows.request import Asker, request_publication
from studypub.hl7.answers import Outcome, acknowledged
from studypub.hl7.message import Header, NoMessage, Unreadable, header, segments
from studypub.hl7.orders import documents, segments_wanted
from studypub.metrics import Metrics

log = logging.getLogger(__name__)

_LONGEST_MESSAGE = 8 << 20  # a report may hold its PDF
_CONNECTIONS_AT_ONCE = 16
_MESSAGE_SECONDS = 60.0
_IDLE_SECONDS = 3600.0  # senders keep a connection for the whole day

_COUNTED = {"A": "accepted", "E": "wrong", "R": "later"}
_ACCEPTED = Sentence("Исследований в очереди: {count}", "Studies in the queue: {count}")
_NOTHING = Sentence("Публиковать нечего", "Nothing to publish")
_NOT_TAKEN = Sentence("Сообщения {kind} не принимаются", "Messages {kind} are not taken")


class Listener:
    """Takes messages from those who may send them, any number over one connection."""

    def __init__(self, current: Current, settings: Hl7, database: Database, metrics: Metrics) -> None:
        self._current, self._settings, self._database, self._metrics = current, settings, database, metrics
        self._senders = [ipaddress.ip_network(sender, strict=False) for sender in settings.senders]
        self._wanted = segments_wanted(settings)
        self._connected = 0

    async def run(self, door: socket.socket) -> None:
        """Listen at this socket for as long as the daemon runs."""
        async with await asyncio.start_server(self._serve, sock=door, limit=_LONGEST_MESSAGE) as server:
            await server.serve_forever()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        address = str(writer.get_extra_info("peername")[0])
        self._connected += 1
        try:
            if self._connected > _CONNECTIONS_AT_ONCE or not self._may_send(address):
                return self._complain("refused", "Соединение HL7 отклонено", address)
            while await self._exchange(reader, writer, address):
                pass
        except (OSError, EOFError, TimeoutError):
            pass  # whoever sends has gone, or says nothing: what was not answered comes again
        except (asyncio.LimitOverrunError, NoMessage):
            self._complain("unreadable", "По HL7 пришло не сообщение в блоке MLLP", address)
        finally:
            self._connected -= 1
            writer.close()

    def _complain(self, outcome: str, message: str, address: str) -> None:
        self._metrics.hl7_messages.labels(outcome).inc()
        log.warning("%s", message, extra={"details": {"address": address}})

    def _may_send(self, address: str) -> bool:
        known = ipaddress.ip_address(address.partition("%")[0])
        plain = getattr(known, "ipv4_mapped", None) or known
        return any(plain in sender for sender in self._senders)

    async def _exchange(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, address: str) -> bool:
        """Answer one message; False where the sender has closed. Raises NoMessage, and what a connection raises."""
        raw = await _block(reader)
        if raw is None:
            return False
        head = header(raw, self._settings.encoding)
        outcome = await self._outcome(head, raw, address)
        self._metrics.hl7_messages.labels(_COUNTED[outcome.code]).inc()
        answer = acknowledged(head, outcome, datetime.now().astimezone())
        writer.write(b"\x0b" + answer + b"\x1c\r")
        async with asyncio.timeout(_MESSAGE_SECONDS):
            await writer.drain()
        return True

    async def _outcome(self, head: Header, raw: bytes, address: str) -> Outcome:
        """Queue what the message names; say what became of it."""
        if head.kind not in self._settings.messages:
            return Outcome("R", _NOT_TAKEN.filled(kind=head.kind[:16]), "200")
        try:
            wanted = documents(head, segments(raw, head.codec, self._wanted), self._settings)
            asked = await self._asked(wanted, address)
        except Unreadable as error:
            return Outcome("E", error.sentence, error.condition)
        except InvalidRequest as invalid:
            return Outcome("E", _faults(invalid), "101")
        except StudypubError as error:
            log.warning("Сообщение HL7 не выполнено: %s", error.code, extra={"details": {"address": address}})
            later = error.retry or isinstance(error, ComeLater)
            return Outcome("R" if later else "E", error.sentence, "207")
        return Outcome("A", _ACCEPTED.filled(count=asked) if asked else _NOTHING)

    async def _asked(self, wanted: list[dict[str, object]], address: str) -> int:
        """Queue each study, once all of them can be. Sent again, none is queued twice."""
        async with self._database.transaction() as tx:
            now = await tx.now()
        config = self._current.now
        requests = [_read(config, document, now) for document in wanted]
        workers = config.workers
        for request in requests:
            await request_publication(
                self._database,
                request,
                Asker(f"hl7:{address}", Origin.MIS),
                search_time=timedelta(minutes=workers.search_minutes),
                most_in_progress=workers.max_in_progress,
            )
        return len(requests)


def _read(config: Config, document: dict[str, object], now: datetime) -> PublishRequest:
    return read_request(
        document,
        zones={clinic.code: clinic.zone for clinic in config.clinics},
        default_clinic=config.clinics[0].code,
        now=now,
        longest=timedelta(days=config.retention.max_days),
    )


async def _block(reader: asyncio.StreamReader) -> bytes | None:
    """Return what stands in the next block of MLLP (HL7 Transport Specification: MLLP); None at the end of all."""
    async with asyncio.timeout(_IDLE_SECONDS):
        begin = await reader.read(1)
    if not begin:
        return None
    if begin != b"\x0b":
        raise NoMessage
    async with asyncio.timeout(_MESSAGE_SECONDS):
        return (await reader.readuntil(b"\x1c\r"))[:-2]


def _faults(invalid: InvalidRequest) -> Sentence:
    named = [(error.field, error.sentence) for error in invalid.errors]
    return Sentence(*("; ".join(f"{field}: {sentence[n]}" for field, sentence in named) for n in (0, 1)))
