"""The socket of an association: every wait on it ends, and no PDU is larger than we said."""

import select
import socket
import time
from collections.abc import Callable
from contextlib import suppress

from pynetdicom.association import Association
from pynetdicom.transport import AssociationSocket

from studypub.dicom.limits import Limits

# So often the timers of an association are looked at while nothing happens.
_PATIENCE_MILLISECONDS = 100
# Some count the header of a PDU to its length.
_SLACK = 64
# PS3.8 9.2: idle, and awaiting an A-ASSOCIATE-RQ; awaiting that the connection is closed
_NOT_ASSOCIATED = ("Sta1", "Sta2")
_CLOSING = "Sta13"
_MOST_DRAINED = 16


class Connection(AssociationSocket):
    """A connection that a peer opened.

    Where the library's own polls, this one waits, and is woken when there is something to send.
    """

    def __init__(
        self, assoc: Association, client_socket: socket.socket, limits: Limits, refuse: Callable[[str], None]
    ) -> None:
        """`refuse` is told in words why a connection is given up."""
        super().__init__(assoc, client_socket=client_socket)
        client_socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._limits = limits
        self._refuse = refuse
        self._peer = client_socket
        self.has_read = False
        self._request_due = self._due = time.monotonic() + limits.request_seconds
        self._largest = limits.largest_request
        self._waker, self._woken = socket.socketpair()
        self._waker.setblocking(False)
        self._poll = select.poll()
        for watched in (client_socket, self._woken):
            self._poll.register(watched, select.POLLIN)

    @property
    def ready(self) -> bool:
        """Whether there is something to read; waits for it, a little, unless something else is to be done."""
        if self.socket is None or not self._is_connected:
            return False
        if self._state() == _CLOSING:
            self._drain(self.socket)
            return False
        patience = _PATIENCE_MILLISECONDS if self.event_queue.empty() else 0
        came = {descriptor for descriptor, _ in self._poll.poll(patience)}
        if self._woken.fileno() in came:
            self._woken.recv(4096)
        return self.socket.fileno() in came

    @property
    def is_closed(self) -> bool:
        """Whether our side has closed it."""
        return self._peer.fileno() < 0

    def wake(self) -> None:
        """End the wait: there is something to send."""
        with suppress(OSError):  # it is to be woken already, or it has ended
            self._waker.send(b"\0")

    def begin_pdu(self) -> None:
        """Start the time of a PDU, of which something is here."""
        if self._state() in _NOT_ASSOCIATED:
            self._due, self._largest = self._request_due, self._limits.largest_request
        else:
            self._due = time.monotonic() + self._limits.pdu_seconds
            self._largest = self._limits.largest_pdu + _SLACK

    def recv(self, nr_bytes: int) -> bytearray:
        """Return so many bytes of the PDU, fewer where the peer has closed. Raises OSError."""
        if nr_bytes > self._largest:
            self._refuse("слишком длинный PDU")
            raise ConnectionAbortedError
        content = bytearray(nr_bytes)
        view, filled = memoryview(content), 0
        while filled < nr_bytes:
            received = self._receive_into(view[filled:])
            if not received:
                break
            filled += received
            self.has_read = True
        view.release()
        del content[filled:]
        return content

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
        for one in (self._peer, self._waker, self._woken):
            one.close()

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

    def _state(self) -> str:
        return self.assoc.dul.state_machine.current_state

    def _shutdown_socket(self) -> None:
        # The library's own leaves a socket open whose peer has gone: there `shutdown` fails.
        with suppress(OSError):
            self._peer.shutdown(socket.SHUT_RDWR)
        self._peer.close()
