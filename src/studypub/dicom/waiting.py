"""Connections that wait: where the library's own look again every millisecond, these are woken.

And they read what is here by one call, be it a part of a PDU or several of them.
"""

import queue
import select
import socket
import struct
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any, cast

from pynetdicom import evt
from pynetdicom.dul import DULServiceProvider
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
# PS3.8 9.2, 9.3.5: the state in which messages come, the PDU that they are in, and the event of the connection's end
_DATA_TRANSFER, _P_DATA_TF, _CLOSED = "Sta6", 4, "Evt17"
# PS3.8 9.3.1: what a PDU is, and the length of what follows
_HEAD = struct.Struct(">BxL")
# What is read at once: twice the largest PDU that we announce. Whoever says little takes little.
_MOST_AHEAD, _LITTLE_AHEAD = 2**18, 2**12


class Waiting(AssociationSocket):
    """A connection that waits for its peer, and is woken when there is something to send."""

    _peer: socket.socket
    _largest = _MOST_AHEAD  # of a PDU, without its head

    def watch(self, peer: socket.socket) -> None:
        """Begin to wait for this peer; what is sent to it goes at once."""
        peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._peer = peer
        self._waker, self._woken = socket.socketpair()
        self._waker.setblocking(False)
        self._poll, self._poll_peer = select.poll(), select.poll()
        for watched in (peer, self._woken):
            self._poll.register(watched, select.POLLIN)
        self._poll_peer.register(peer, select.POLLIN)
        self._secure = peer if isinstance(peer, SecureSocket) else None
        if self._secure is None:
            peer.settimeout(None)  # see _receive_into
        # What has been read and not been taken yet lies in the buffer between these two.
        self._buffer = memoryview(bytearray(_LITTLE_AHEAD))
        self._taken = self._read = 0

    def comes(self, *, at_once: bool) -> bool:
        """Whether there is something to read; waits for it, a little, unless it is to be said at once."""
        if self._taken < self._read or (self._secure and self._secure.holds_some()):
            return True
        came = [descriptor for descriptor, _ in self._poll.poll(0 if at_once else _PATIENCE_MILLISECONDS)]
        if self._woken.fileno() in came:
            self._woken.recv(4096)
        if self._peer.fileno() not in came:
            return False
        return self._secure is None or self._secure.has_more()

    def goes_on(self) -> bool:
        """Whether there is more to read, and nothing else to be done; waits for it, a little."""
        return self.event_queue.empty() and self.provider_queue.empty() and self.comes(at_once=False)

    def message_pdu(self) -> memoryview | None:
        """Return what is in the P-DATA-TF PDU that comes, until more is read (PS3.8 9.3.5).

        None where another one comes, a longer one than we ask for, or none: that is for `recv`. Raises OSError.
        """
        if not self._gather(_HEAD.size):
            return None
        kind, length = _HEAD.unpack_from(self._buffer, self._taken)
        size = _HEAD.size + length
        if kind != _P_DATA_TF or length > self._largest or size > _MOST_AHEAD or not self._gather(size):
            return None
        begin, self._taken = self._taken + _HEAD.size, self._taken + size
        return self._buffer[begin : self._taken]

    def recv(self, nr_bytes: int) -> bytearray:
        """Return so many bytes, fewer where the peer has closed. Raises OSError."""
        ahead = self._buffer[self._taken : min(self._read, self._taken + nr_bytes)]
        self._taken += len(ahead)
        content = bytearray(nr_bytes)
        with memoryview(content) as view:
            filled = len(ahead)
            view[:filled] = ahead
            while filled < nr_bytes and (received := self._receive_into(view[filled:])):
                filled += received
        del content[filled:]
        return content

    def begin_pdu(self) -> None:
        """Something of a PDU is here."""

    def patience(self) -> float | None:
        """Return for how many seconds the rest of a PDU may be waited for. Raises TimeoutError."""
        return None

    def _gather(self, size: int) -> bool:
        """Read until so many bytes are here, and what has come behind them; False where the peer has closed."""
        if self._taken == self._read:
            self._taken = self._read = 0
        if self._taken + size > len(self._buffer):
            ahead = self._buffer[self._taken : self._read]
            if size > len(self._buffer):
                self._buffer = memoryview(bytearray(_MOST_AHEAD))
            self._buffer[: len(ahead)] = ahead
            self._taken, self._read = 0, len(ahead)
        while self._read - self._taken < size:
            received = self._receive_into(self._buffer[self._read :])
            if not received:
                return False
            self._read += received
        return True

    def _receive_into(self, view: memoryview) -> int:
        """Read what is here, or wait for it; 0 where the peer has closed. Raises OSError."""
        if self._secure is not None:
            self._secure.settimeout(self.patience())
            return self._secure.recv_into(view)
        while True:
            patience = self.patience()
            # Reading first, and waiting where there is nothing: with a time-out Python would wait before each read.
            try:
                return self._peer.recv_into(view, 0, socket.MSG_DONTWAIT)
            except BlockingIOError:
                # Not for long: who closes the connection meanwhile gives its number to others.
                milliseconds = _PATIENCE_MILLISECONDS if patience is None else patience * 1000
                self._poll_peer.poll(min(milliseconds, _PATIENCE_MILLISECONDS))

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
    dimse: Any = event.assoc.dimse
    dimse.msg_queue = queue.SimpleQueue()  # which does all that is asked of it, and costs a tenth
    provider.send_pdu = _waking(provider.send_pdu, called)  # type: ignore[method-assign, assignment]
    provider._read_pdu_data = partial(read_pdus, provider, provider._read_pdu_data)  # type: ignore[method-assign]  # noqa: SLF001


def read_pdus(provider: DULServiceProvider, read_another: Callable[[], None]) -> None:
    """Read PDUs as long as they come; those of messages go as they are to who takes them so, others are the library's.

    Of each the library would make three objects and two events, and look at its timers.
    """
    connection = cast("Waiting", provider.socket)
    while True:
        connection.begin_pdu()
        take: Callable[[memoryview], None] | None = getattr(provider.assoc.dimse, "receive_pdu", None)
        content = None
        if take is not None and connection.state() == _DATA_TRANSFER:
            try:
                content = connection.message_pdu()
            except OSError:
                provider.event_queue.put(_CLOSED)
                return
        if take is None or content is None:
            read_another()
            return
        take(content)
        provider._idle_timer.restart()  # noqa: SLF001
        if provider._kill_thread or not connection.goes_on():  # noqa: SLF001
            return


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
