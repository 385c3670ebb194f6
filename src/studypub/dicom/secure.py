"""DICOM over TLS (PS3.15 B.9): the sockets of both sides, which wait as those without it do."""

import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any, cast

from studypub.config import Dicom, PacsTls
from studypub.tls import certificate, contexts

_RECORD = 2**14  # RFC 8446 5.1: the most that one carries


@dataclass(frozen=True, slots=True)
class SecurePort:
    """Where we listen for TLS, and with what each new connection is met."""

    port: int
    context: Callable[[], ssl.SSLContext]


def secure_port(dicom: Dicom, context: Callable[[], ssl.SSLContext] | None = None) -> SecurePort | None:
    """Return the port of [dicom.tls], where there is one. Raises ConfigError where the files cannot be used."""
    if dicom.tls is None:
        return None
    if context is None:
        fixed = contexts.listener(dicom.tls)
        return SecurePort(dicom.tls.port, lambda: fixed)
    return SecurePort(dicom.tls.port, context)


class SecureSocket(ssl.SSLSocket):
    """A connection whose peer speaks TLS.

    That something has come over the network does not mean that there is something to read: of a record a part may be
    here, or it may be TLS's own. Whoever waits with poll asks `has_more` before reading.
    """

    _ahead = b""
    _broken: OSError | None = None

    def holds_some(self) -> bool:
        """Whether there is something to read that has come over the network before."""
        return bool(self._ahead) or self._broken is not None or self.pending() > 0

    def has_more(self) -> bool:
        """Whether a read returns at once, with content, an end or an error, now that something has come."""
        if self.holds_some():
            return True
        patience = self.gettimeout()
        try:
            self.setblocking(False)
            self._ahead = super().recv(_RECORD)
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
            return False
        except OSError as error:
            self._broken = error
        finally:
            with suppress(OSError):
                self.settimeout(patience)
        return True

    def recv_into(self, buffer: Any, nbytes: int | None = None, flags: int = 0) -> int:
        """Read what is here into the buffer, or wait for it. Raises OSError."""
        if self._broken is not None:
            raise self._broken
        if not self._ahead:
            return super().recv_into(buffer, nbytes, flags)
        with memoryview(buffer) as view:
            taken = self._ahead[: nbytes or len(view)]
            view[: len(taken)] = taken
        self._ahead = self._ahead[len(taken) :]
        return len(taken)

    def shutdown(self, how: int) -> None:
        """Shut the connection below TLS: from another thread, and the one that reads goes on believing in TLS.

        The library's own would have it take the encrypted bytes for what they are not.
        """
        super(ssl.SSLSocket, self).shutdown(how)


def incoming(peer: Any, context: ssl.SSLContext) -> SecureSocket:
    """Return an accepted connection as one of TLS; nothing has been said yet. Raises OSError."""
    context.sslsocket_class = SecureSocket
    secured = context.wrap_socket(peer, server_side=True, do_handshake_on_connect=False)
    assert isinstance(secured, SecureSocket)  # noqa: S101 - by the line above
    return secured


class PacsContext(ssl.SSLContext):
    """TLS for one association with a PACS. The library keeps failures to itself: `failure` is the first one."""

    failure: OSError | None = None
    digest = b""


def outgoing(tls: PacsTls) -> PacsContext:
    """Return what to call a PACS with, by the files as they are now. Raises ConfigError."""
    context = contexts.pacs(tls, PacsContext)
    context.digest = tls.digest
    context.sslsocket_class = CallingSocket
    return context


class OtherCertificate(OSError):
    """The PACS has another certificate than the one whose fingerprint the configuration names."""


class CallingSocket(SecureSocket):
    """A connection that we open."""

    _has_heard = False

    def connect(self, addr: Any) -> None:
        """Connect and agree on TLS. Raises OSError; the library would let go of the socket without closing it."""
        try:
            super().connect(addr)
        except OSError:
            self.close()
            raise

    def do_handshake(self, block: bool = False) -> None:
        """Agree on TLS, before anything of DICOM is said. Raises OSError."""
        with self._noting():
            super().do_handshake(block)
            digest = cast("PacsContext", self.context).digest
            if digest and certificate.fingerprint(self.getpeercert(binary_form=True) or b"") != digest:
                raise OtherCertificate

    def send(self, data: Any, flags: int = 0) -> int:
        """Send. Raises OSError."""
        with self._noting():
            return super().send(data, flags)

    def recv_into(self, buffer: Any, nbytes: int | None = None, flags: int = 0) -> int:
        """Read. Raises OSError."""
        with self._noting():
            received = super().recv_into(buffer, nbytes, flags)
            if not received and not self._has_heard:
                raise ConnectionResetError
        self._has_heard = True
        return received

    @contextmanager
    def _noting(self) -> Iterator[None]:
        """Note what is a failure of TLS.

        With TLS 1.3 a PACS looks at our certificate when we have done our part already: one that has said nothing yet
        may have gone because of that.
        """
        try:
            yield
        except OSError as error:
            context = cast("PacsContext", self.context)
            if isinstance(error, ssl.SSLError) or not self._has_heard:
                context.failure = context.failure or error
            raise
