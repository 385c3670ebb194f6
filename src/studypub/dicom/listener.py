"""The socket that peers connect to, and who of them is let in."""

import errno
import logging
import socket
import socketserver
import ssl
import sys
import time
from collections.abc import Callable
from typing import Any

from studypub.dicom.association import PeerAssociation
from studypub.dicom.peers import KnownPeers, plain
from studypub.dicom.places import Places
from studypub.dicom.refusals import Refusals
from studypub.dicom.secure import incoming
from studypub.dicom.visitors import FOREIGN_ADDRESS, TOO_MANY_FROM_THERE

log = logging.getLogger(__name__)

# No descriptors, no memory: the one that waits stays in the queue, and would be tried again at once.
_EXHAUSTED = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)
_PAUSE_SECONDS = 0.1
_STALLED_SECONDS = 30.0

Accept = Callable[[socket.socket, tuple[Any, ...]], PeerAssociation]


class ListenerLost(Exception):
    """The listening socket cannot be used any more."""


class Listener(socketserver.TCPServer):
    """Turns strangers away before a byte of theirs is read, and starts an association for everyone else."""

    allow_reuse_address = True
    request_queue_size = 128

    def __init__(
        self,
        address: tuple[str, int],
        *,
        peers: KnownPeers,
        places: Places,
        refusals: Refusals,
        accept: Accept,
        context: Callable[[], ssl.SSLContext] | None = None,
    ) -> None:
        """`accept` makes an association of a connection, `context` is there where TLS is spoken.

        Raises OSError where the port is taken.
        """
        self._context = context
        self._peers, self._places, self._refusals, self._accept = peers, places, refusals, accept
        self.address_family, *_, where = socket.getaddrinfo(*address, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[
            0
        ]
        self._served = time.monotonic()
        super().__init__(where, socketserver.BaseRequestHandler)  # type: ignore[arg-type]

    def get_request(self) -> tuple[socket.socket, Any]:
        """Take the next connection. Raises ListenerLost, which ends the serving."""
        try:
            peer, address = self.socket.accept()
        except OSError as error:
            if error.errno in _EXHAUSTED:
                time.sleep(_PAUSE_SECONDS)
            if not self.is_open():
                raise ListenerLost from error
            raise
        # Nothing is said or read here: whoever is let in agrees on TLS with a thread of its own.
        return (peer if self._context is None else incoming(peer, self._context())), address

    def verify_request(self, request: Any, client_address: Any) -> bool:
        """Whether to let this one in."""
        del request
        address = plain(client_address[0])
        if not self._peers.include(address):
            self._refusals.note(address, "association", FOREIGN_ADDRESS)
        elif not self._places.find(address):
            self._refusals.note(address, "association", TOO_MANY_FROM_THERE)
        else:
            return True
        return False

    def process_request(self, request: Any, client_address: Any) -> None:
        """Start the association."""
        association = self._accept(request, client_address)
        association.start()
        self._places.take(plain(client_address[0]), association)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say that a connection could not be served; the server closes it."""
        del request
        details = {"address": plain(client_address[0])}
        log.error("Соединение DICOM не открыто", exc_info=sys.exception(), extra={"details": details})

    def service_actions(self) -> None:
        """Do what is to be done now and then, which also shows that the thread does not hang."""
        self._served = time.monotonic()
        self._refusals.tell()

    def is_moving(self) -> bool:
        """Whether the thread has come round lately."""
        return time.monotonic() - self._served < _STALLED_SECONDS

    def is_open(self) -> bool:
        """Whether connections can be made to the socket."""
        try:
            return bool(self.socket.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN))
        except OSError:
            return False
