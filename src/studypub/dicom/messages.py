"""Puts DIMSE requests together from the fragments that come (PS3.7 6.3, PS3.8 Annex E)."""

import queue
import struct
import time
from collections.abc import Callable, Iterator
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, NamedTuple

from pydicom.uid import UID
from pynetdicom.association import Association
from pynetdicom.dimse import DIMSEServiceProvider
from pynetdicom.dimse_primitives import C_ECHO
from pynetdicom.pdu_primitives import P_DATA
from pynetdicom.service_class import StorageServiceClass
from pynetdicom.sop_class import Verification, uid_to_service_class  # type: ignore[attr-defined]

from studypub.dicom.limits import Limits
from studypub.dicom.peers import KnownPeers, Senders
from studypub.dicom.receive import DATA_SET_DOES_NOT_MATCH, Incoming, Rejection
from studypub.dicom.spool import Spool

if TYPE_CHECKING:
    from pynetdicom.dimse import _QueueItem

# PS3.7 E.1: elements of group 0000
_AFFECTED_SOP_CLASS_UID, _COMMAND_FIELD, _MESSAGE_ID = 0x0002, 0x0100, 0x0110
_DATA_SET_TYPE, _AFFECTED_SOP_INSTANCE_UID = 0x0800, 0x1000
_GROUP_LENGTH, _MESSAGE_ID_RESPONDED_TO, _STATUS = 0x0000, 0x0120, 0x0900
STORE, _STORE_RESPONSE, _ECHO = 0x0001, 0x8001, 0x0030
_NO_DATA_SET = 0x0101
# PS3.8 9.3.5, E.2: the length of a presentation data value, its context, what it is
_VALUE = struct.Struct(">LBB")
_LENGTH_BYTES = 4
_LAST_OF_COMMAND = 3
_P_DATA_TF = 4
_NOT_UNDERSTOOD = (ValueError, LookupError, TypeError, StopIteration, struct.error)
_INVALID_PDU = "Evt19"  # PS3.8 9.2.1: the association is aborted
_LONGEST_COMMAND = 16 * 1024
_ELEMENT = struct.Struct("<HHL")
_NUMBER = struct.Struct("<H")
# We negotiate one operation at a time; whoever sends on without waiting for answers may fill no memory.
_MOST_WAITING = 8
# So often the timers of an association are looked at while nothing happens.
_PATIENCE_SECONDS = 0.1


class _Context(NamedTuple):
    """An accepted presentation context."""

    abstract_syntax: str | None
    transfer_syntax: UID


class _Store(NamedTuple):
    """A C-STORE request whose data set is on its way; the UIDs as they were said."""

    incoming: Incoming
    message_id: int
    sop_class_uid: bytes
    sop_instance_uid: bytes


class Messages(DIMSEServiceProvider):
    """The messages of one association: C-ECHO and C-STORE, each of bounded size and duration.

    A C-STORE is answered here, by the thread that reads: a peer waits for each answer before it sends the next one.
    """

    def __init__(
        self, assoc: Association, spool: Spool, peers: KnownPeers, limits: Limits, store: Callable[[Incoming], int]
    ) -> None:
        """`store` takes an instance whose last byte is here, and returns the status to answer."""
        super().__init__(assoc)
        self._peers = peers
        self._spool = spool
        self._limits = limits
        self._store = store
        self._command = bytearray()
        self._request: _Store | None = None
        self._context_id = 0
        self._since = time.monotonic()
        self._size = 0

    def receive_pdu(self, view: memoryview) -> None:
        """Take what is in a P-DATA-TF PDU (PS3.8 9.3.5); what is no part of a known message ends the association."""
        try:
            for fragment in fragments(view):
                self._take(*fragment)
        except _NOT_UNDERSTOOD:
            self.dul.event_queue.put(_INVALID_PDU)

    def receive_primitive(self, primitive: P_DATA) -> None:
        """Take the same as the library gives it."""
        try:
            for context_id, fragment in primitive.presentation_data_value_list:
                self._take(context_id, fragment[0], memoryview(fragment)[1:])
        except _NOT_UNDERSTOOD:
            self.dul.event_queue.put(_INVALID_PDU)

    def get_msg(self, block: bool = False) -> "_QueueItem":
        """Return the next request and its context, or (None, None); where the library's own polls, wait a little."""
        try:
            return self.msg_queue.get(timeout=self.dimse_timeout if block else _PATIENCE_SECONDS)
        except queue.Empty:
            return None, None

    def discard(self) -> None:
        """Leave nothing of what came and was not answered."""
        if self._request is not None:
            self._request.incoming.discard()

    def _take(self, context_id: int, control: int, value: memoryview) -> None:
        """Take a fragment (PS3.8 E.2). Raises one of _NOT_UNDERSTOOD."""
        self._keep_pace(len(value))
        take = self._take_command if control & 1 else self._take_data
        take(context_id, value, is_last=bool(control & 2))

    def _keep_pace(self, size: int) -> None:
        """Raise ValueError where a message that has begun trickles, PDU by PDU."""
        now = time.monotonic()
        if not self._command and self._request is None:
            self._since, self._size = now, 0
        self._size += size
        seconds = now - self._since
        if seconds > self._limits.silence_seconds:
            if self._size < seconds * self._limits.slowest_rate:
                raise ValueError
            self._since, self._size = now, 0

    def _take_command(self, context_id: int, value: memoryview, *, is_last: bool) -> None:
        self._command += value
        if self._request is not None or len(self._command) > _LONGEST_COMMAND:
            raise ValueError
        if is_last:
            command, self._command = bytes(self._command), bytearray()
            self._context_id = context_id
            self._begin(command)

    def _take_data(self, context_id: int, value: memoryview, *, is_last: bool) -> None:
        if self._request is None or context_id != self._context_id:
            raise ValueError
        self._request.incoming.write(value)
        if is_last:
            self._answer(self._request)

    def _begin(self, command: bytes) -> None:
        """Take up a message whose command is here; one that we do not know raises ValueError, LookupError."""
        elements = _read_command(command)
        context = self._contexts[self._context_id]
        kind = _number(elements[_COMMAND_FIELD]), _number(elements[_DATA_SET_TYPE]) != _NO_DATA_SET
        if kind == (STORE, True) and _is_storage(context.abstract_syntax):
            self._request = self._store_request(elements, context)
        elif kind == (_ECHO, False):
            self._hand_over(_echo_request(elements))
        else:
            raise ValueError

    @cached_property
    def _contexts(self) -> dict[int, _Context]:
        """What each accepted context is for, by its number."""
        return {
            one.context_id or 0: _Context(one.abstract_syntax, UID(one.transfer_syntax[0]))
            for one in self.assoc.accepted_contexts
        }

    def _store_request(self, elements: dict[int, bytes], context: _Context) -> _Store:
        sop_class_uid = _uid(elements, _AFFECTED_SOP_CLASS_UID)
        sop_instance_uid = _uid(elements, _AFFECTED_SOP_INSTANCE_UID)
        message_id = _number(elements[_MESSAGE_ID])
        incoming = Incoming(self._spool, sop_class_uid, sop_instance_uid, context.transfer_syntax, self._sent_by)
        if not _is_storage(sop_class_uid):
            incoming.refuse(Rejection(DATA_SET_DOES_NOT_MATCH, "недопустимый идентификатор класса"))
        said = (elements.get(tag, b"") for tag in (_AFFECTED_SOP_CLASS_UID, _AFFECTED_SOP_INSTANCE_UID))
        return _Store(incoming, message_id, *said)

    def _sent_by(self, senders: Senders) -> bool:
        """Whether our peer sends for the PACS that these send for."""
        peer = self.assoc.requestor
        return peer.ae_title.strip() in senders.ae_titles and self._peers.include(peer.address or "", senders.hosts)

    def _answer(self, request: _Store) -> None:
        status = self._store(request.incoming)
        self._request = None
        if self.dul.socket is not None:
            self.dul.socket.send(_response(self._context_id, request, status))

    def _hand_over(self, request: C_ECHO) -> None:
        """Give a request to whoever serves."""
        if self.msg_queue.qsize() >= _MOST_WAITING:
            raise ValueError
        self.msg_queue.put((self._context_id, request))


def fragments(view: memoryview) -> Iterator[tuple[int, int, memoryview]]:
    """Yield what is in a P-DATA-TF PDU (PS3.8 9.3.5): context, control header and value of each fragment.

    Raises ValueError, struct.error where it ends in the middle of one.
    """
    place = 0
    while place < len(view):
        length, context_id, control = _VALUE.unpack_from(view, place)
        begin, place = place + _VALUE.size, place + _LENGTH_BYTES + length
        if not begin <= place <= len(view):
            raise ValueError
        yield context_id, control, view[begin:place]


def _response(context_id: int, request: _Store, status: int) -> bytes:
    """Return a C-STORE response (PS3.7 9.3.1.2) as a PDU."""
    elements = b"".join(
        _ELEMENT.pack(0, tag, len(value)) + value
        for tag, value in (
            (_AFFECTED_SOP_CLASS_UID, request.sop_class_uid),
            (_COMMAND_FIELD, _NUMBER.pack(_STORE_RESPONSE)),
            (_MESSAGE_ID_RESPONDED_TO, _NUMBER.pack(request.message_id)),
            (_DATA_SET_TYPE, _NUMBER.pack(_NO_DATA_SET)),
            (_STATUS, _NUMBER.pack(status)),
            (_AFFECTED_SOP_INSTANCE_UID, request.sop_instance_uid),
        )
    )
    command = _ELEMENT.pack(0, _GROUP_LENGTH, 4) + struct.pack("<L", len(elements)) + elements
    value = _VALUE.pack(len(command) + 2, context_id, _LAST_OF_COMMAND) + command
    return struct.pack(">BxL", _P_DATA_TF, len(value)) + value


@lru_cache
def _is_storage(sop_class_uid: str | None) -> bool:
    return uid_to_service_class(sop_class_uid or "") is StorageServiceClass


def _echo_request(elements: dict[int, bytes]) -> C_ECHO:
    request = C_ECHO()
    request.MessageID = _number(elements[_MESSAGE_ID])
    request.AffectedSOPClassUID = Verification
    return request


def command_field(command: bytes) -> int:
    """Return which message it is (PS3.7 E.1). Raises ValueError, LookupError, struct.error."""
    return _number(_read_command(command)[_COMMAND_FIELD])


class Response(NamedTuple):
    """What a response says of itself (PS3.7 E.1)."""

    status: int
    has_data_set: bool


def response(command: bytes) -> Response:
    """Read the command of a response. Raises ValueError, LookupError, struct.error."""
    elements = _read_command(command)
    return Response(_number(elements[_STATUS]), _number(elements[_DATA_SET_TYPE]) != _NO_DATA_SET)


def _read_command(command: bytes) -> dict[int, bytes]:
    """Return the values of a command set, which is flat and in Implicit VR Little Endian (PS3.7 6.3.1)."""
    elements, place = {}, 0
    while place < len(command):
        group, number, length = _ELEMENT.unpack_from(command, place)
        place += _ELEMENT.size + length
        if group or place > len(command):
            raise ValueError
        elements[number] = bytes(command[place - length : place])
    return elements


def _number(value: bytes) -> int:
    number: int = _NUMBER.unpack(value)[0]
    return number


def _uid(elements: dict[int, bytes], number: int) -> str:
    return elements.get(number, b"").decode("latin-1").rstrip("\0 ")
