"""Our Storage SCP: takes instances of studies that we asked for, from PACS that we know."""

import logging
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterable
from typing import Any

from pydicom.uid import AllTransferSyntaxes, ExplicitVRLittleEndian, ImplicitVRLittleEndian
from pynetdicom import AE, AllStoragePresentationContexts
from pynetdicom.association import ServiceUser
from pynetdicom.sop_class import Verification  # type: ignore[attr-defined]

from studypub.dicom.association import PeerAssociation
from studypub.dicom.limits import Limits
from studypub.dicom.listener import Listener
from studypub.dicom.peers import KnownPeers, Senders, plain
from studypub.dicom.places import Places
from studypub.dicom.receive import CANNOT_UNDERSTAND, Incoming, Rejection
from studypub.dicom.refusals import Refusals
from studypub.dicom.secure import SecurePort
from studypub.dicom.spool import Spool
from studypub.dicom.visitors import Visitors
from studypub.metrics import Metrics

__all__ = ["STORAGE_SYNTAXES", "KnownPeers", "Limits", "Rejection", "Senders", "StorageScp"]

log = logging.getLogger(__name__)

_SUCCESS = 0x0000  # PS3.4 B.2.3
# A deflated data set of 16 KB can become 16 MB; the big-endian syntax is retired and nobody's only one; the pixels of
# the referenced ones are elsewhere.
_NOT_OFFERED = ("Deflate", "JPIP", "SMPTE")
# pynetdicom takes the first of ours that the peer offers: the uncompressed one that says its types first, the one that
# does not last.
STORAGE_SYNTAXES = [
    ExplicitVRLittleEndian,
    *(
        syntax
        for syntax in AllTransferSyntaxes
        if syntax.is_encapsulated and not any(word in syntax.name for word in _NOT_OFFERED)
    ),
    ImplicitVRLittleEndian,
]
# Each peer has its own bound; this one is against mistakes in ours.
_MOST_ASSOCIATIONS = 256
_GOODBYE_SECONDS = 2.0
_POLL_SECONDS = 0.1  # so long the end of serving takes


class StorageScp:
    """The listener and its threads."""

    def __init__(
        self,
        ae_title: str,
        host: str,
        port: int | None,
        *,
        peers: KnownPeers,
        peer_ae_titles: Iterable[str],
        spool: Spool,
        limits: Limits = Limits(),  # noqa: B008 - it is frozen
        secure: SecurePort | None = None,
        metrics: Metrics | None = None,
    ) -> None:
        """`port` is the one without TLS, None where there is none; `secure` the one with it."""
        self._host = host
        self._port = port
        self._secure = secure
        self._peers = peers
        self._spool = spool
        self._limits = limits
        self._ae = _application_entity(ae_title, peer_ae_titles)
        self._places = Places(limits.connections_per_peer)
        self._metrics = metrics or Metrics()
        self._refusals = Refusals(self._metrics)
        self._listeners: list[Listener] = []
        self._threads: list[threading.Thread] = []

    @property
    def ports(self) -> list[int]:
        """The ports that we listen on, the one with TLS last."""
        return [int(listener.server_address[1]) for listener in self._listeners]

    @property
    def port(self) -> int:
        """The first of them; the one that the system chose where the configuration says 0."""
        return self.ports[0]

    @property
    def visitors(self) -> Visitors:
        """Who has lately come."""
        return self._refusals.visitors

    def know(self, senders: Iterable[Senders]) -> None:
        """Let these, too, connect from now on; a study is still taken from its own PACS alone."""
        for one in senders:
            self._peers.know(one.hosts)
            self._ae.require_calling_aet = sorted({*self._ae.require_calling_aet, *one.ae_titles})

    def start(self) -> None:
        """Listen. Raises OSError where a port is taken."""
        try:
            if self._port is not None:
                self._listeners.append(self._listening(self._port))
            if self._secure is not None:
                self._listeners.append(self._listening(self._secure.port, self._secure.context))
        except OSError:
            for listener in self._listeners:
                listener.server_close()
            raise
        for listener in self._listeners:
            thread = threading.Thread(target=self._serve, args=(listener,), name="storage-scp", daemon=True)
            self._threads.append(thread)
            thread.start()

    def stop(self) -> None:
        """Stop listening and end the associations that are open."""
        for listener in self._listeners:
            listener.shutdown()
            listener.server_close()
        for thread in self._threads:
            thread.join()
        end = time.monotonic() + _GOODBYE_SECONDS
        for goodbye in (_abort, PeerAssociation.hang_up):
            for association in self._places.everyone():
                goodbye(association)
            for association in self._places.everyone():
                association.join(max(0.0, end - time.monotonic()))
            end += _GOODBYE_SECONDS

    def is_listening(self) -> bool:
        """Whether a peer that connects now is served: the threads live and do not hang, their sockets are there."""
        alive = bool(self._threads) and all(thread.is_alive() for thread in self._threads)
        return alive and all(listener.is_open() and listener.is_moving() for listener in self._listeners)

    def _listening(self, port: int, context: Callable[[], ssl.SSLContext] | None = None) -> Listener:
        return Listener(
            (self._host, port),
            peers=self._peers,
            places=self._places,
            refusals=self._refusals,
            accept=self._accept,
            context=context,
        )

    def _serve(self, listener: Listener) -> None:
        try:
            listener.serve_forever(_POLL_SECONDS)
        except Exception:  # whoever asks `is_listening` is told; the rest of the service goes on
            log.exception("Приём DICOM остановлен")

    def _accept(self, peer: socket.socket, address: tuple[Any, ...]) -> PeerAssociation:
        def refuse(reason: str, **details: str) -> None:
            self._refusals.note(plain(address[0]), "association", reason, **details)

        return PeerAssociation(
            self._ae,
            self._spool,
            self._peers,
            self._limits,
            peer,
            address,
            store=self._store,
            refuse=refuse,
            admit=self.visitors.note,
        )

    def _store(self, requestor: ServiceUser, incoming: Incoming) -> int:
        status = self._stored(requestor, incoming)
        self._metrics.c_stores.labels(f"{status:04X}").inc()
        return status

    def _stored(self, requestor: ServiceUser, incoming: Incoming) -> int:
        try:
            incoming.finish()
        except Rejection as rejection:
            self._refusals.note(plain(requestor.address), "instance", str(rejection), ae_title=requestor.ae_title)
            return rejection.status
        except Exception:  # the PACS must get an answer, whatever happened
            log.exception("Ошибка при приёме изображения", extra={"details": {"address": requestor.address}})
            incoming.discard()
            return CANNOT_UNDERSTAND
        return _SUCCESS


def _application_entity(ae_title: str, peer_ae_titles: Iterable[str]) -> AE:
    ae = AE(ae_title)
    ae.supported_contexts = AllStoragePresentationContexts
    for context in ae.supported_contexts:
        context.transfer_syntax = list(STORAGE_SYNTAXES)
    ae.add_supported_context(Verification)
    ae.require_called_aet = True
    ae.require_calling_aet = sorted(set(peer_ae_titles))
    ae.maximum_associations = _MOST_ASSOCIATIONS
    return ae


def _abort(association: PeerAssociation) -> None:
    if association.is_established:
        association.abort(block=False)
    else:
        association.hang_up()
