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

_TIMEVAL = struct.Struct("@ll")
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
        # The kernel's time-out: with one of Python's, each read would wait first (see Waiting).
        client_socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, _timeval(limits.pdu_seconds))
        self.has_read = self.hears_tls = False
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

    def recv(self, nr_bytes: int) -> bytearray:
        """Return so many bytes of the PDU, fewer where the peer has closed. Raises OSError."""
        if nr_bytes > self._largest:
            self._refuse("слишком длинный PDU")
            raise ConnectionAbortedError
        return super().recv(nr_bytes)

    def patience(self) -> float:
        """Return for how many seconds the rest of a PDU may be waited for. Raises TimeoutError."""
        left = self._due - time.monotonic()
        if left <= 0:
            raise TimeoutError
        return left

    def send(self, bytestream: bytes) -> None:
        """Send a PDU; a peer that does not take it loses the connection."""
        if self.socket is not None:
            if self._secure is not None:
                self._secure.settimeout(self._limits.pdu_seconds)
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
        try:
            received = super()._receive_into(view)
        except TimeoutError:
            self._refuse("PDU приходит слишком медленно")
            raise
        if received and not self.has_read:
            self.has_read, self.hears_tls = True, view[0] == _HANDSHAKE
        return received

    def _shutdown_socket(self) -> None:
        # The library's own leaves a socket open whose peer has gone: there `shutdown` fails.
        with suppress(OSError):
            self._peer.shutdown(socket.SHUT_RDWR)
        self._peer.close()


def _timeval(seconds: float) -> bytes:
    return _TIMEVAL.pack(int(seconds), int(seconds % 1 * 1e6))
