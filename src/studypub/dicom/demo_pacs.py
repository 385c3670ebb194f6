"""A small PACS: answers C-ECHO, C-FIND, C-MOVE and C-GET over data sets in memory."""

import socket
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from typing import Any

from pydicom.dataset import Dataset, FileDataset
from pydicom.uid import UID, ExplicitVRLittleEndian, ImplicitVRLittleEndian
from pynetdicom import AE, ALL_TRANSFER_SYNTAXES, AllStoragePresentationContexts, evt
from pynetdicom.presentation import PresentationContext, build_context
from pynetdicom.sop_class import (  # type: ignore[attr-defined]  # the classes are made at import
    StudyRootQueryRetrieveInformationModelFind,
    StudyRootQueryRetrieveInformationModelGet,
    StudyRootQueryRetrieveInformationModelMove,
    Verification,
)
from pynetdicom.transport import ThreadedAssociationServer

from studypub.dicom.demo_query import BadIdentifier, find, select
from studypub.dicom.nodelay import send_at_once
from studypub.dicom.waiting import leave_answers

_GOODBYE_SECONDS = 2.0
_PENDING = 0xFF00
_CANCELLED = 0xFE00
_IDENTIFIER_DOES_NOT_MATCH = 0xA900
# pynetdicom takes the first of ours that the peer offers.
_TRANSFER_SYNTAXES = [
    ExplicitVRLittleEndian,
    *(syntax for syntax in map(UID, ALL_TRANSFER_SYNTAXES) if syntax.is_encapsulated),
    ImplicitVRLittleEndian,
]
_MOST_CONTEXTS = 128  # PS3.8 9.3.2.2: odd identifiers up to 255

Answers = Iterator[tuple[int, Dataset | None]]


def shut_down(entity: AE) -> None:
    """Stop listening and end what is open.

    The library aborts associations that nobody has asked for yet as well, and its state machine does not know that.
    """
    for association in entity.active_associations:
        connection = association.dul.socket
        if association.requestor.primitive is None and connection is not None and connection.socket is not None:
            with suppress(OSError):  # the peer has gone
                connection.socket.shutdown(socket.SHUT_RDWR)
            queue: Any = association.dul.to_user_queue
            queue.put(None)  # what it takes for the end of its patience
            if association.is_alive():  # it may have been accepted this instant, and not begun
                association.join(_GOODBYE_SECONDS)
    entity.shutdown()


class DemoPacs:
    """A Query/Retrieve SCP of the Study Root model (PS3.4 C.6.2) on loopback.

    It serves `instances`; a C-MOVE goes to the host and port that `destinations` has for the AE title asked for.
    `destinations` is read at every request, so it may be filled after the start. Port 0 takes a free one.
    """

    def __init__(
        self,
        ae_title: str,
        port: int = 0,
        *,
        destinations: Mapping[str, tuple[str, int]],
        instances: Iterable[FileDataset],
        host: str = "127.0.0.1",
    ) -> None:
        self.ae_title = ae_title
        self.host = host
        self._port = port
        self._destinations = destinations
        self._instances = tuple(instances)
        self._server: ThreadedAssociationServer | None = None

    @property
    def port(self) -> int:
        """The port it listens on; before the start, the one asked for."""
        return self._port

    def start(self) -> None:
        """Listen, in threads of its own. Raises OSError when the port is taken."""
        handlers: list[Any] = [
            (evt.EVT_CONN_OPEN, send_at_once),
            (evt.EVT_C_FIND, self._find),
            (evt.EVT_C_MOVE, self._move),
            (evt.EVT_C_GET, self._get),
        ]
        entity = _entity(self.ae_title)
        self._server = entity.start_server((self.host, self._port), block=False, evt_handlers=handlers)
        self._port = self._listening().server_address[1]

    def stop(self) -> None:
        """Stop listening and abort what is still open."""
        server = self._listening()
        self._server = None
        shut_down(server.ae)

    def add(self, instances: Iterable[FileDataset]) -> None:
        """Serve these too, from the next request on: a study may grow while somebody asks for it."""
        self._instances = (*self._instances, *instances)

    def _listening(self) -> ThreadedAssociationServer:
        if self._server is None:
            raise RuntimeError("the PACS was not started")
        return self._server

    def _find(self, event: evt.Event) -> Answers:
        try:
            answers = find(self._instances, event.identifier, self.ae_title)
        except BadIdentifier:
            yield _IDENTIFIER_DOES_NOT_MATCH, None
            return
        for answer in answers:
            if event.is_cancelled:
                yield _CANCELLED, None
                return
            yield _PENDING, answer

    def _move(self, event: evt.Event) -> Iterator[Any]:
        destination = self._destinations.get(event.move_destination or "")
        if destination is None:
            # pynetdicom answers 0xA801, Move Destination unknown.
            yield None, None
            return
        try:
            selected = select(self._instances, event.identifier)
        except BadIdentifier:
            # pynetdicom calls the destination before it lets a handler refuse.
            yield *destination, _call([build_context(Verification)])
            yield from _refusal()
            return
        yield *destination, _call(_contexts(selected))
        yield from _sub_operations(event, selected)

    def _get(self, event: evt.Event) -> Iterator[Any]:
        try:
            selected = select(self._instances, event.identifier)
        except BadIdentifier:
            yield from _refusal()
            return
        yield from _sub_operations(event, selected)


def _call(contexts: list[PresentationContext]) -> dict[str, Any]:
    opened = [(evt.EVT_CONN_OPEN, send_at_once), (evt.EVT_CONN_OPEN, leave_answers)]
    return {"contexts": contexts, "evt_handlers": opened}


def _refusal() -> Iterator[Any]:
    yield 1
    yield _IDENTIFIER_DOES_NOT_MATCH, None


def _sub_operations(event: evt.Event, selected: list[FileDataset]) -> Iterator[Any]:
    yield len(selected)
    for instance in selected:
        if event.is_cancelled:
            yield _CANCELLED, None
            return
        yield _PENDING, instance


def _entity(ae_title: str) -> AE:
    entity = AE(ae_title)
    entity.require_called_aet = True
    for sop_class in (
        Verification,
        StudyRootQueryRetrieveInformationModelFind,
        StudyRootQueryRetrieveInformationModelMove,
        StudyRootQueryRetrieveInformationModelGet,
    ):
        entity.add_supported_context(sop_class)
    # For a C-GET the peer offers to be the SCP of storage (PS3.7 D.3.3.4).
    for context in AllStoragePresentationContexts:
        entity.add_supported_context(str(context.abstract_syntax), _TRANSFER_SYNTAXES, scu_role=False, scp_role=True)
    return entity


def _contexts(selected: Iterable[FileDataset]) -> list[PresentationContext]:
    """Offer each SOP class in the transfer syntax its instances are kept in, or in the default one if that will do."""
    pairs = {(instance.SOPClassUID, instance.file_meta.TransferSyntaxUID) for instance in selected}
    contexts = []
    for sop_class, syntax in sorted(pairs):
        syntaxes = [syntax] if syntax.is_compressed else [syntax, ImplicitVRLittleEndian]
        contexts.append(build_context(sop_class, list(dict.fromkeys(syntaxes))))
    return contexts[:_MOST_CONTEXTS]
