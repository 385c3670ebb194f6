"""A PACS that does as it is told: it lies, stops, repeats itself, mixes studies up, and notes what it was asked.

What it does is a Behaviour; tests.peers.pacs_behaviours has a table of them.
"""

import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from io import BytesIO
from typing import Any

from pydicom.dataset import Dataset, FileDataset
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian
from pynetdicom import AE, evt
from pynetdicom.association import Association
from pynetdicom.dimse_primitives import C_MOVE
from pynetdicom.dsutils import decode
from pynetdicom.presentation import build_context
from pynetdicom.sop_class import (  # type: ignore[attr-defined]
    CTImageStorage,
    MRImageStorage,
    StudyRootQueryRetrieveInformationModelFind,
    StudyRootQueryRetrieveInformationModelGet,
    StudyRootQueryRetrieveInformationModelMove,
    Verification,
)

from studypub.dicom.demo_pacs import shut_down
from studypub.dicom.demo_query import find, select
from studypub.dicom.nodelay import send_at_once
from studypub.dicom.waiting import leave_answers

Answers = Iterator[tuple[int, Dataset | None]]
_PENDING, _SUCCESS = 0xFF00, 0x0000
_HELD_SECONDS = 30.0


@dataclass(frozen=True)
class Behaviour:
    """How a PACS differs from an honest one."""

    move: Callable[["Transfer"], None] | None = None
    find: Callable[["Search"], Answers] | None = None
    rejects: tuple[int, int, int] | None = None  # result, source and reason of A-ASSOCIATE-RJ (PS3.8 9.3.4)
    calling: str = "SCRIPT"  # what it calls itself when it sends
    source: str = "127.0.0.1"  # the address that it sends from
    tells_originator: bool = True
    one_association: bool = False  # for all that it ever sends


@dataclass
class Search:
    """One C-FIND."""

    pacs: "ScriptedPacs"
    identifier: Dataset

    @property
    def level(self) -> str:
        return str(self.identifier.QueryRetrieveLevel)

    def rows(self) -> list[Dataset]:
        """Return what an honest PACS answers."""
        return find(self.pacs.instances, self.identifier, self.pacs.ae_title)


class Transfer:
    """One C-MOVE."""

    def __init__(self, pacs: "ScriptedPacs", association: Association, request: C_MOVE, context_id: int) -> None:
        self.pacs = pacs
        self._association, self._request, self._context_id = association, request, context_id
        syntax = association._accepted_cx[context_id].transfer_syntax[0]
        assert isinstance(request.Identifier, BytesIO)
        self.identifier = decode(request.Identifier, syntax.is_implicit_VR, syntax.is_little_endian)
        self.selected = select(pacs.instances, self.identifier)
        self.number = pacs.note(self.identifier)

    @property
    def level(self) -> str:
        return str(self.identifier.QueryRetrieveLevel)

    @property
    def is_wanted(self) -> bool:
        """Whether the peer still waits for an answer."""
        return self._association.dul.is_alive() and not self._association.acse.is_aborted()

    def send(self, *instances: FileDataset) -> None:
        """Store instances with our peer, one after another."""
        with self.pacs.sender() as sender:
            for instance in instances:
                self.pacs.store(sender, instance, self._request.MessageID or 0)

    def pending(self, remaining: int = 1, completed: int = 0) -> None:
        self._respond(_PENDING, remaining=remaining, completed=completed)

    def done(self, status: int = _SUCCESS, *, completed: int | None = None, failed: int = 0) -> None:
        self._respond(status, completed=len(self.selected) if completed is None else completed, failed=failed)

    def abort(self) -> None:
        self._association.abort()

    def hold(self, seconds: float = _HELD_SECONDS) -> None:
        """Say again and again that more is to come, until the peer has had enough."""
        self.pacs.holding.set()
        rounds = int(seconds / 0.05)
        for _ in range(rounds):
            if not self.is_wanted or self.pacs.over.wait(0.05):
                return
            self.pending()

    def _respond(self, status: int, *, remaining: int = 0, completed: int = 0, failed: int = 0) -> None:
        response = C_MOVE()
        response.MessageIDBeingRespondedTo = self._request.MessageID
        response.AffectedSOPClassUID = self._request.AffectedSOPClassUID
        response.Status = status
        response.NumberOfRemainingSuboperations = remaining if status == _PENDING else None
        response.NumberOfCompletedSuboperations = completed
        response.NumberOfFailedSuboperations = failed
        response.NumberOfWarningSuboperations = 0
        self._association.dimse.send_msg(response, self._context_id)


class ScriptedPacs:
    """A Query/Retrieve SCP on loopback that serves `instances` in its own way, to one destination."""

    ae_title = "SCRIPT"
    host = "127.0.0.1"

    def __init__(self, destination: tuple[str, int]) -> None:
        self.destination = destination
        self._entity = AE(self.ae_title)
        self._kept: Association | None = None
        self._threads: list[threading.Thread] = []
        self.port = 0
        self.over = threading.Event()
        self.go_on = threading.Event()
        self.become(Behaviour(), ())

    def become(
        self, behaviour: Behaviour, instances: Iterable[FileDataset], others: Iterable[FileDataset] = ()
    ) -> None:
        """Begin anew with these instances, and `others` of another study; what was under way ends."""
        self._let_go()
        self.over, self.go_on, self.holding = threading.Event(), threading.Event(), threading.Event()
        self.behaviour, self.instances, self.others = behaviour, list(instances), list(others)
        self.asked: list[str] = []  # the level of each retrieval; with the number of instances where they were named
        self.stored: list[int] = []  # the status that each of our C-STOREs was answered with

    def start(self) -> None:
        for model in (
            Verification,
            StudyRootQueryRetrieveInformationModelFind,
            StudyRootQueryRetrieveInformationModelMove,
            StudyRootQueryRetrieveInformationModelGet,
        ):
            self._entity.add_supported_context(model)
        for sop_class in (CTImageStorage, MRImageStorage):
            self._entity.add_supported_context(sop_class, scu_role=False, scp_role=True)
        handlers: list[Any] = [
            (evt.EVT_CONN_OPEN, send_at_once),
            (evt.EVT_REQUESTED, self._requested),
            (evt.EVT_ACCEPTED, self._accepted),
            (evt.EVT_C_FIND, self._find),
            (evt.EVT_C_GET, self._get),
        ]
        server = self._entity.start_server((self.host, 0), block=False, evt_handlers=handlers)
        assert server is not None
        self.port = server.server_address[1]

    def stop(self) -> None:
        self._let_go()
        shut_down(self._entity)

    def _let_go(self) -> None:
        self.over.set()
        self.go_on.set()
        self.join()
        if self._kept is not None:
            self._kept.release()
            self._kept = None

    def join(self) -> None:
        """Wait until what was to be done later is done."""
        for thread in self._threads:
            thread.join(10)

    def note(self, identifier: Dataset) -> int:
        """Write down what was asked for; return the how-manieth request it is."""
        uids = identifier.get("SOPInstanceUID")
        number = f" {1 if isinstance(uids, str) else len(uids)}" if uids else ""
        self.asked.append(f"{identifier.QueryRetrieveLevel}{number}")
        return len(self.asked)

    def later(self, work: Callable[[], None]) -> None:
        """Do it in a thread of its own, which ends before the PACS does."""
        thread = threading.Thread(target=work)
        self._threads.append(thread)
        thread.start()

    def sender(self) -> "_Sender":
        return _Sender(self)

    def push(self) -> None:
        """Store everything with our peer, who did not ask for it."""
        with self.sender() as sender:
            for instance in self.instances:
                self.store(sender, instance, 1)

    def store(self, sender: Association, instance: FileDataset, message_id: int) -> None:
        if sender.is_established:
            originator: dict[str, Any] = {"originator_aet": self.ae_title, "originator_id": message_id}
            answer = sender.send_c_store(instance, **(originator if self.behaviour.tells_originator else {}))
            self.stored.append(int(answer.get("Status", -1)))

    def call(self) -> Association:
        """Call our peer."""
        if self._kept is not None and self._kept.is_established:
            return self._kept
        classes = {instance.SOPClassUID for instance in (*self.instances, *self.others)}
        contexts = [build_context(uid, [ExplicitVRLittleEndian, ImplicitVRLittleEndian]) for uid in sorted(classes)]
        association = AE(self.behaviour.calling).associate(
            *self.destination,
            contexts,
            "STUDYPUB",
            evt_handlers=[(evt.EVT_CONN_OPEN, send_at_once), (evt.EVT_CONN_OPEN, leave_answers)],
            bind_address=(self.behaviour.source, 0),
        )
        self._kept = association if self.behaviour.one_association else None
        return association

    def _requested(self, event: evt.Event) -> None:
        if self.behaviour.rejects is not None:
            event.assoc.acse.send_reject(*self.behaviour.rejects)
            event.assoc.kill()

    def _accepted(self, event: evt.Event) -> None:
        association: Any = event.assoc
        serve = association._serve_request

        def serve_request(message: Any, context_id: int) -> None:
            if isinstance(message, C_MOVE) and message.is_valid_request:
                association._is_paused = True
                (self.behaviour.move or honest)(Transfer(self, association, message, context_id))
                association._is_paused = False
            else:
                serve(message, context_id)

        association._serve_request = serve_request  # the library's own way would tell the truth

    def _find(self, event: evt.Event) -> Answers:
        search = Search(self, event.identifier)
        if self.behaviour.find is not None:
            yield from self.behaviour.find(search)
        else:
            yield from pending(search.rows())

    def _get(self, event: evt.Event) -> Iterator[Any]:
        self.note(event.identifier)
        selected = select(self.instances, event.identifier)
        sent = selected[:-2] if len(self.asked) == 1 else selected
        yield len(sent)
        for instance in sent:
            yield _PENDING, instance


class _Sender:
    """An association to our peer for a while."""

    def __init__(self, pacs: ScriptedPacs) -> None:
        self._pacs = pacs

    def __enter__(self) -> Association:
        self._association = self._pacs.call()
        return self._association

    def __exit__(self, *_: object) -> None:
        if not self._pacs.behaviour.one_association and self._association.is_established:
            self._association.release()


def honest(transfer: Transfer) -> None:
    """Send what was asked for and say so."""
    transfer.send(*transfer.selected)
    transfer.done()


def pending(rows: Iterable[Dataset]) -> Answers:
    for row in rows:
        yield _PENDING, row
