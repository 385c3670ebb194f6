"""Connections that wait: where the library's own look again every millisecond, these are woken."""

import select
import socket
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any, cast

from pynetdicom import evt
from pynetdicom.transport import AssociationSocket

from studypub.dicom.secure import SecureSocket

if TYPE_CHECKING:
    from pynetdicom.dimse import _QueueItem

# So often the timers of an association are looked at while nothing happens.
_PATIENCE_MILLISECONDS = 100
# The library's own.
_NAP_SECONDS = 0.001
# PS3.8 9.2: awaiting that the connection is closed
CLOSING = "Sta13"


class Waiting(AssociationSocket):
    """A connection that waits for its peer, and is woken when there is something to send."""

    _peer: socket.socket

    def watch(self, peer: socket.socket) -> None:
        """Begin to wait for this peer; what is sent to it goes at once."""
        peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._peer = peer
        self._waker, self._woken = socket.socketpair()
        self._waker.setblocking(False)
        self._poll = select.poll()
        for watched in (peer, self._woken):
            self._poll.register(watched, select.POLLIN)

    def comes(self, *, at_once: bool) -> bool:
        """Whether there is something to read; waits for it, a little, unless it is to be said at once."""
        if isinstance(self._peer, SecureSocket) and self._peer.holds_some():
            return True
        came = {descriptor for descriptor, _ in self._poll.poll(0 if at_once else _PATIENCE_MILLISECONDS)}
        if self._woken.fileno() in came:
            self._woken.recv(4096)
        if self._peer.fileno() not in came:
            return False
        return not isinstance(self._peer, SecureSocket) or self._peer.has_more()

    def wake(self) -> None:
        """End the wait: there is something to send."""
        with suppress(OSError):  # it is to be woken already, or it has ended
            self._waker.send(b"\0")

    def state(self) -> str:
        """Return where the association is (PS3.8 9.2)."""
        return self.assoc.dul.state_machine.current_state

    def give_back(self) -> None:
        """Give everything back to the system."""
        for one in (self._peer, self._waker, self._woken):
            one.close()


class Called(Waiting):
    """A connection that we have opened."""

    def __init__(self, opened: AssociationSocket) -> None:
        """Take over what the library has opened."""
        self.__dict__.update(vars(opened))
        self.watch(cast("socket.socket", self.socket))

    @property
    def ready(self) -> bool:
        """Whether there is something to read; waits for it, a little, unless something else is to be done."""
        if self.socket is None or not self._is_connected:
            return False
        busy = not (self.event_queue.empty() and self.provider_queue.empty())
        return self.comes(at_once=busy or self.state() == CLOSING)

    def recv(self, nr_bytes: int) -> bytearray:
        """Return so many bytes of the PDU, fewer where the peer has closed. Raises OSError."""
        content = bytearray(nr_bytes)
        with memoryview(content) as view:
            filled = 0
            while filled < nr_bytes and (received := self._peer.recv_into(view[filled:])):
                filled += received
        del content[filled:]
        return content

    def close(self) -> None:
        """Close the connection; the library looks again by itself from now on, for as long as it goes on."""
        self.assoc.dul._run_loop_delay = _NAP_SECONDS  # noqa: SLF001
        super().close()
        self.wake()
        self.give_back()


def wait_for_the_peer(event: evt.Event) -> None:
    """Let a connection that we open wait (EVT_CONN_OPEN)."""
    provider = event.assoc.dul
    opened = provider.socket
    if opened is None or opened.socket is None:
        return
    provider.socket = called = Called(opened)
    provider._run_loop_delay = 0.0  # noqa: SLF001
    provider.send_pdu = _waking(provider.send_pdu, called)  # type: ignore[method-assign, assignment]


def _waking(send: Callable[[Any], None], connection: Called) -> Callable[[Any], None]:
    def send_and_wake(primitive: Any) -> None:
        send(primitive)
        connection.wake()

    return send_and_wake


def leave_answers(event: evt.Event) -> None:
    """Let nobody but who waits for an answer take it, on a connection that we open (EVT_CONN_OPEN, the last handler).

    The library's own thread looks for requests of the peer. It is told to pause while somebody waits, and may be taken
    for pausing when it is about to go on: then it takes the answer, and drops it. A peer of ours has no requests.
    """
    dimse = event.assoc.dimse
    take = dimse.get_msg

    def get_msg(block: bool = False) -> "_QueueItem":
        return take(block) if block else (None, None)

    dimse.get_msg = get_msg  # type: ignore[method-assign]
