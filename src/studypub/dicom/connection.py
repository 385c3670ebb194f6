"""The socket of an association: every wait on it ends, and no PDU is larger than we said."""

import socket
import struct
import time
from collections.abc import Callable
from contextlib import suppress

from pynetdicom.association import Association

from studypub.dicom.limits import Limits
from studypub.dicom.no_tls import of_peer
from studypub.dicom.secure import SecureSocket
from studypub.dicom.waiting import CLOSING, Waiting

# PS3.8 9.3.1: what a PDU is, and the length of what follows
_HEAD = struct.Struct(">BxL")
# Some count the header of a PDU to its length.
_SLACK = 64
# PS3.8 9.2: idle, and awaiting an A-ASSOCIATE-RQ
_NOT_ASSOCIATED = ("Sta1", "Sta2")
_MOST_DRAINED = 16
# RFC 8446 5.1: what a connection begins with that is meant for a port with TLS
_HANDSHAKE = 0x16


class Connection(Waiting):
    """A connection that a peer opened."""

    def __init__(
        self, assoc: Association, client_socket: socket.socket, limits: Limits, refuse: Callable[[str], None]
    ) -> None:
        """`refuse` is told in words why a connection is given up."""
        super().__init__(assoc, client_socket=client_socket)
        self._limits = limits
        self._refuse = refuse
        self.watch(client_socket)
        self.has_read = self.hears_tls = False
        self._head = bytearray()
        self._buffer = bytearray()
        self._request_due = self._due = time.monotonic() + limits.request_seconds
        self._largest = limits.largest_request

    @property
    def ready(self) -> bool:
        """Whether there is something to read; waits for it, a little, unless something else is to be done."""
        if self.socket is None or not self._is_connected:
            return False
        if self.state() == CLOSING:
            self._drain(self.socket)
            return False
        return self.comes(at_once=not self.event_queue.empty())

    def agree(self) -> bool:
        """Agree on TLS where it is spoken here, in the time for the first request; say whether one may come."""
        if not isinstance(self._peer, SecureSocket):
            return True
        try:
            self._peer.settimeout(max(0.001, self._request_due - time.monotonic()))
            self._peer.do_handshake()
        except (OSError, ValueError) as error:  # ValueError: the socket was closed meanwhile
            if reason := of_peer(self._peer, error):
                self._refuse(reason)
            return False
        return True

    def goes_on(self) -> bool:
        """Whether there is more to read, and nothing else to be done; waits for it, a little."""
        return self.event_queue.empty() and self.provider_queue.empty() and self.comes(at_once=False)

    @property
    def is_closed(self) -> bool:
        """Whether our side has closed it."""
        return self._peer.fileno() < 0

    def begin_pdu(self) -> None:
        """Start the time of a PDU, of which something is here."""
        if self.state() in _NOT_ASSOCIATED:
            self._due, self._largest = self._request_due, self._limits.largest_request
        else:
            self._due = time.monotonic() + self._limits.pdu_seconds
            self._largest = self._limits.largest_pdu + _SLACK

    def begins_with(self, kind: int) -> bool:
        """Read the head of a PDU, unless the peer has gone, and say whether it is of this kind (PS3.8 9.3.1)."""
        with suppress(OSError):
            self._head = self._receive(_HEAD.size)
        return len(self._head) == _HEAD.size and self._head[0] == kind

    def rest(self) -> memoryview | None:
        """Return what comes behind the head that was read, until more is read; None where the peer has gone."""
        _, length = _HEAD.unpack(self._head)
        self._head = bytearray()
        try:
            self._require_short(length)
            if length > len(self._buffer):  # memory taken anew for each PDU costs more than reading
                self._buffer = bytearray(length)
            view = memoryview(self._buffer)[:length]
            return view if self._fill(view) == length else None
        except OSError:
            return None

    def recv(self, nr_bytes: int) -> bytearray:
        """Return so many bytes of the PDU, fewer where the peer has closed. Raises OSError."""
        if self._head:  # which is what is asked for first
            head, self._head = self._head, bytearray()
            return head
        return self._receive(nr_bytes)

    def _receive(self, nr_bytes: int) -> bytearray:
        self._require_short(nr_bytes)
        content = bytearray(nr_bytes)
        with memoryview(content) as view:
            filled = self._fill(view)
        del content[filled:]
        return content

    def _require_short(self, nr_bytes: int) -> None:
        if nr_bytes > self._largest:
            self._refuse("слишком длинный PDU")
            raise ConnectionAbortedError

    def _fill(self, view: memoryview) -> int:
        """Read until it is full, or the peer has closed; return how much was read."""
        filled = 0
        while filled < len(view) and (received := self._receive_into(view[filled:])):
            if not self.has_read:
                self.has_read, self.hears_tls = True, view[0] == _HANDSHAKE
            filled += received
        return filled

    def send(self, bytestream: bytes) -> None:
        """Send a PDU; a peer that does not take it loses the connection."""
        if self.socket is not None:
            self.socket.settimeout(self._limits.pdu_seconds)
            super().send(bytestream)

    def hang_up(self) -> None:
        """Let nothing more come or go; safe from any thread."""
        with suppress(OSError):
            self._peer.shutdown(socket.SHUT_RDWR)
        self.wake()

    def end(self) -> None:
        """Give everything back to the system. Nobody may be reading any more."""
        self.hang_up()
        self.give_back()

    def _drain(self, peer: socket.socket) -> None:
        """Pass over what is here: closing with something unread resets the connection, and our last word with it."""
        peer.setblocking(False)
        with suppress(OSError):
            for _ in range(_MOST_DRAINED):
                if not peer.recv(65536):
                    break

    def _receive_into(self, view: memoryview) -> int:
        left = self._due - time.monotonic()
        if self.socket is None or left <= 0:
            self._refuse("PDU приходит слишком медленно")
            raise TimeoutError
        self.socket.settimeout(left)
        try:
            return self.socket.recv_into(view)
        except TimeoutError:
            self._refuse("PDU приходит слишком медленно")
            raise

    def _shutdown_socket(self) -> None:
        # The library's own leaves a socket open whose peer has gone: there `shutdown` fails.
        with suppress(OSError):
            self._peer.shutdown(socket.SHUT_RDWR)
        self._peer.close()
