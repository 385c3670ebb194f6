"""An association that a peer asks for: the library's, with every wait bounded and nothing left at its end."""

import queue
import socket
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, cast

from pynetdicom import AE, evt
from pynetdicom._globals import MODE_ACCEPTOR
from pynetdicom.association import Association, ServiceUser
from pynetdicom.dul import DULServiceProvider
from pynetdicom.transport import AddressInformation

from studypub.dicom.connection import Connection
from studypub.dicom.limits import Limits
from studypub.dicom.messages import Messages
from studypub.dicom.peers import KnownPeers, plain
from studypub.dicom.receive import Incoming
from studypub.dicom.spool import Spool
from studypub.dicom.timer import SteadyTimer
from studypub.dicom.visitors import (
    FOREIGN_TITLE,
    NO_DICOM,
    NOT_BY_THE_STANDARD,
    OTHER_TITLE_CALLED,
    TLS_UNASKED,
    TOO_MANY,
    Visit,
)
from studypub.dicom.waiting import read_pdus
from studypub.log import describe

if TYPE_CHECKING:
    from pynetdicom.pdu_primitives import A_ASSOCIATE

# Of an A-ASSOCIATE-RJ (PS3.8 9.3.4): source and reason
_REJECTED = {(1, 3): FOREIGN_TITLE, (1, 7): OTHER_TITLE_CALLED}
_CLASS_REFUSED, _SYNTAXES_REFUSED = 3, 4  # PS3.8 9.3.3.2


class PeerAssociation(Association):
    """The thread that serves one connection; `start` it."""

    def __init__(
        self,
        ae: AE,
        spool: Spool,
        peers: KnownPeers,
        limits: Limits,
        peer: socket.socket,
        address: tuple[Any, ...],
        *,
        store: Callable[[ServiceUser, Incoming], int],
        refuse: Callable[..., None],
        admit: Callable[[Visit], None],
    ) -> None:
        """`store` takes an instance from this peer, `refuse` is told in words why the peer is sent away.

        `admit` is told of a peer that is let in.
        """
        super().__init__(ae, MODE_ACCEPTOR)
        self.name = "dicom-association"
        self._refuse, self._admit = refuse, admit
        self._hung_up = False
        self.dimse = self._messages = Messages(self, spool, peers, limits, partial(store, self.requestor))
        self.dul = Provider(self, self._messages, refuse)
        self._connection = Connection(self, peer, limits, refuse)
        self.set_socket(self._connection)
        # These are kept in the timers of the provider.
        self.acse_timeout, self.network_timeout = limits.request_seconds, limits.silence_seconds
        self._introduce(ae, limits, address)
        self.bind(evt.EVT_REJECTED, self._note_rejection)
        self.bind(evt.EVT_ACCEPTED, self._note_admission)

    @property
    def is_asked_for(self) -> bool:
        """Whether the peer has said that it wants an association."""
        return self.requestor.primitive is not None

    @property
    def is_over(self) -> bool:
        """Whether the peer needs no place any more, though the threads may have to find their end yet."""
        return self._hung_up or self.is_released or self.is_rejected or self.is_aborted or self._connection.is_closed

    def run_reactor(self) -> None:
        """Serve the peer until it goes; however that ends, threads, sockets and files of it are gone then."""
        try:
            if self._connection.agree():
                super().run_reactor()
        except Exception as error:  # noqa: BLE001 - a request that the library cannot digest
            self._refuse(NOT_BY_THE_STANDARD, cause=describe(error))
        finally:
            self._connection.hang_up()
            if self._started_dul:
                self.dul.join()
            self._connection.end()
            self._messages.discard()
            if self._connection.has_read and not self.is_asked_for:
                self._refuse(TLS_UNASKED if self._connection.hears_tls else NO_DICOM)

    def hang_up(self) -> None:
        """End it at once, without a word to the peer; safe from any thread."""
        self._hung_up = True
        self._connection.hang_up()

    def _introduce(self, ae: AE, limits: Limits, address: tuple[Any, ...]) -> None:
        self.requestor.address_info = AddressInformation.from_tuple(address)
        self.acceptor.maximum_length = limits.largest_pdu
        self.acceptor.ae_title = ae.ae_title
        self.acceptor.implementation_class_uid = ae.implementation_class_uid
        self.acceptor.implementation_version_name = ae.implementation_version_name
        # The library's own server copies them deeply for each connection, 20 ms long; nobody changes them.
        self.acceptor.supported_contexts = ae.supported_contexts

    def _note_rejection(self, _: evt.Event) -> None:
        answer = cast("A_ASSOCIATE", self.acceptor.primitive)
        reason = _REJECTED.get((answer.result_source or 0, answer.diagnostic or 0), TOO_MANY)
        called = self.requestor.primitive.called_ae_title if self.requestor.primitive else None
        self._refuse(reason, ae_title=self.requestor.ae_title, called=(called or "").strip())

    def _note_admission(self, _: evt.Event) -> None:
        refused = {one.context_id: one.result for one in self.rejected_contexts}
        asked = [one for one in self.requestor.requested_contexts if one.context_id in refused]
        classes = {str(one.abstract_syntax) for one in asked if refused[one.context_id] == _CLASS_REFUSED}
        syntaxes = {
            str(each) for one in asked if refused[one.context_id] == _SYNTAXES_REFUSED for each in one.transfer_syntax
        }
        self._admit(
            Visit(
                plain(self.requestor.address or ""),
                calling=self.requestor.ae_title,
                classes=tuple(sorted(classes)),
                syntaxes=tuple(sorted(syntaxes)),
            )
        )


class Provider(DULServiceProvider):
    """The thread that reads and writes: it waits where the library's own naps, and always ends."""

    def __init__(self, assoc: Association, messages: Messages, refuse: Callable[..., None]) -> None:
        super().__init__(assoc)
        self._refuse = refuse
        self.name, self.daemon = "dicom-provider", True
        self._run_loop_delay = 0.0
        self._idle_timer, self.artim_timer = SteadyTimer(None), SteadyTimer(None)  # they are given their seconds later
        self.to_user_queue = _Indications(messages)

    def send_pdu(self, primitive: Any) -> None:
        """Send a primitive, at once."""
        super().send_pdu(primitive)
        cast("Connection", self.socket).wake()

    def kill_dul(self) -> None:
        """End the thread, and the wait of whoever waits for it."""
        super().kill_dul()
        cast("Any", self.to_user_queue).put(None)

    def run_reactor(self) -> None:
        """Read and write until the connection is closed."""
        try:
            super().run_reactor()
        except Exception as error:  # noqa: BLE001 - a move that the library's state machine does not know
            self._refuse(NOT_BY_THE_STANDARD, cause=describe(error))
        finally:
            cast("Connection", self.socket).hang_up()
            self.kill_dul()

    def _read_pdu_data(self) -> None:
        """Read what is here: a PDU, or the many of an instance."""
        read_pdus(self, super()._read_pdu_data)


class _Indications(queue.Queue[Any]):
    """What has happened in the network; whoever waits for a message is woken for it too."""

    def __init__(self, messages: Messages) -> None:
        super().__init__()
        self._messages = messages.msg_queue

    def put(self, item: object, block: bool = True, timeout: float | None = None) -> None:
        super().put(item, block, timeout)
        self._messages.put((None, None))
