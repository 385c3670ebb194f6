"""Takes what a PACS delivers over an association of ours (C-GET, PS3.4 C.4.3), into files as it comes."""

import logging
import queue
import time
from typing import TYPE_CHECKING

from pynetdicom import evt
from pynetdicom.association import Association
from pynetdicom.dimse import DIMSEServiceProvider
from pynetdicom.pdu_primitives import P_DATA

from studypub.dicom.limits import Limits
from studypub.dicom.messages import STORE, Messages, command_field
from studypub.dicom.peers import KnownPeers, Senders
from studypub.dicom.receive import Incoming, Rejection
from studypub.dicom.spool import Spool

if TYPE_CHECKING:
    from pynetdicom.dimse import _QueueItem

log = logging.getLogger(__name__)

_SUCCESS = 0x0000  # PS3.4 B.2.3


class Deliveries(Messages):
    """The messages of the association: instances are taken and answered here, all others are the library's."""

    def __init__(self, assoc: Association, spool: Spool, senders: Senders) -> None:
        super().__init__(assoc, spool, KnownPeers([]), Limits(), _status)
        self._senders = senders
        self._heard = time.monotonic()

    def receive_pdu(self, view: memoryview) -> None:
        """Take the fragments of a PDU."""
        self._heard = time.monotonic()
        super().receive_pdu(view)

    def receive_primitive(self, primitive: P_DATA) -> None:
        """Take the same as the library gives it."""
        self._heard = time.monotonic()
        super().receive_primitive(primitive)

    def get_msg(self, block: bool = False) -> "_QueueItem":
        """Return the next message that is no instance; (None, None) where nothing at all has come for the time-out.

        One that takes longer, but goes on, is waited for.
        """
        while True:
            left = self._heard + (self.dimse_timeout or 0.0) - time.monotonic()
            try:
                return self.msg_queue.get(block=block, timeout=max(left, 0.0))
            except queue.Empty:
                if not block or left <= 0:
                    return None, None

    def _sent_by(self, senders: Senders) -> bool:
        """Whether these send for the PACS that we called."""
        return senders == self._senders

    def _begin(self, command: bytes) -> None:
        if command_field(command) == STORE:
            super()._begin(command)
        else:
            self._pass_on(b"\3", command)

    def _take_data(self, context_id: int, value: memoryview, *, is_last: bool) -> None:
        if self.message is None:
            super()._take_data(context_id, value, is_last=is_last)
        else:
            self._pass_on(b"\2" if is_last else b"\0", bytes(value))

    def _pass_on(self, control: bytes, value: bytes) -> None:
        """Let the library have a fragment (PS3.8 E.2) of a message of its own."""
        primitive = P_DATA()
        primitive.presentation_data_value_list = [[self._context_id, control + value]]  # type: ignore[list-item]  # it wants lists
        DIMSEServiceProvider.receive_primitive(self, primitive)


def _status(incoming: Incoming) -> int:
    try:
        incoming.finish()
    except Rejection as rejection:
        log.warning("Изображение отклонено: %s", rejection)
        return rejection.status
    return _SUCCESS


def deliver(event: evt.Event, spool: Spool, senders: Senders, begun: list[Deliveries]) -> None:
    """Take what comes over an association that opens (EVT_CONN_OPEN); it is added to those that have begun.

    `senders` are those of the PACS that was called.
    """
    event.assoc.dimse = deliveries = Deliveries(event.assoc, spool, senders)
    begun.append(deliveries)
