"""Our Storage SCP: takes instances of studies that we asked for, from PACS that we know."""

import errno
import ipaddress
import logging
import socket
import struct
import threading
import time
from collections.abc import Iterable
from io import BytesIO
from socketserver import BaseServer
from typing import TYPE_CHECKING, Any, cast

from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.errors import InvalidDicomError
from pydicom.filebase import DicomBytesIO
from pydicom.filereader import read_dataset
from pydicom.filewriter import write_file_meta_info
from pydicom.tag import BaseTag, Tag
from pydicom.uid import UID, AllTransferSyntaxes, ExplicitVRLittleEndian, ImplicitVRLittleEndian
from pynetdicom import AE, AllStoragePresentationContexts, evt
from pynetdicom.sop_class import Verification  # type: ignore[attr-defined]
from pynetdicom.transport import ThreadedAssociationServer

from studypub.dicom.spool import Spool
from studypub.dicom.uid import is_valid

if TYPE_CHECKING:
    from pynetdicom.dimse_primitives import C_STORE

log = logging.getLogger(__name__)

# PS3.4 B.2.3, PS3.7 C.4
_SUCCESS = 0x0000
_NOT_AUTHORIZED = 0x0124
_OUT_OF_RESOURCES = 0xA700
_DATA_SET_DOES_NOT_MATCH = 0xA900
_CANNOT_UNDERSTAND = 0xC000

_STUDY_INSTANCE_UID = Tag(0x0020, 0x000D)
_HEADER = (Tag(0x0008, 0x0016), Tag(0x0008, 0x0018), _STUDY_INSTANCE_UID)
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
_UNREADABLE = (
    InvalidDicomError, OSError, EOFError, ValueError, LookupError, TypeError, AttributeError, ArithmeticError,
    RecursionError, NotImplementedError, struct.error,
)  # fmt: skip
_MOST_ASSOCIATIONS = 32
_RESOLVE_SECONDS = 60.0


class KnownPeers:
    """The addresses that may connect: of the PACS in the configuration, names looked up anew now and then."""

    def __init__(self, hosts: Iterable[str]) -> None:
        self._addresses: dict[str, frozenset[str]] = dict.fromkeys(hosts, frozenset())
        self._resolved = float("-inf")

    def include(self, address: str) -> bool:
        """Whether this address is one of theirs."""
        plain = _plain(address)
        if not self._know(plain) and time.monotonic() - self._resolved > _RESOLVE_SECONDS:
            # A name that cannot be looked up now keeps the addresses that it had.
            self._addresses = {host: _addresses(host) or known for host, known in self._addresses.items()}
            self._resolved = time.monotonic()
        return self._know(plain)

    def _know(self, address: str) -> bool:
        return any(address in known for known in self._addresses.values())


def _addresses(host: str) -> frozenset[str]:
    try:
        return frozenset({_plain(host)})
    except ValueError:
        pass
    try:
        return frozenset(_plain(str(info[4][0])) for info in socket.getaddrinfo(host, None, type=socket.SOCK_STREAM))
    except OSError:
        return frozenset()


def _plain(address: str) -> str:
    """Return the one spelling of an address; a socket for both families has its own for those of IPv4."""
    parsed = ipaddress.ip_address(address)
    mapped = parsed.ipv4_mapped if isinstance(parsed, ipaddress.IPv6Address) else None
    return str(mapped or parsed)


class StorageScp:
    """The listener and its thread."""

    def __init__(
        self, ae_title: str, host: str, port: int, *, peers: KnownPeers, peer_ae_titles: Iterable[str], spool: Spool
    ) -> None:
        self._spool = spool
        self._peers = peers
        self._address = (host, port)
        self._ae = AE(ae_title)
        self._ae.supported_contexts = AllStoragePresentationContexts
        for context in self._ae.supported_contexts:
            context.transfer_syntax = list(STORAGE_SYNTAXES)
        self._ae.add_supported_context(Verification)
        self._ae.require_called_aet = True
        self._ae.require_calling_aet = sorted(set(peer_ae_titles))
        self._ae.maximum_associations = _MOST_ASSOCIATIONS
        self._ae.maximum_pdu_size = 2**17
        self._ae.acse_timeout = 15
        self._ae.network_timeout = 300
        self._ae.dimse_timeout = 300
        self._server: ThreadedAssociationServer | None = None
        self._thread: threading.Thread | None = None

    @property
    def port(self) -> int:
        """The port that we listen on; the one that the system chose where the configuration says 0."""
        return int(self._server.server_address[1]) if self._server else self._address[1]

    def start(self) -> None:
        """Listen. Raises OSError where the port is taken."""
        handlers: list[Any] = [(evt.EVT_C_STORE, self._store), (evt.EVT_REJECTED, _log_rejected)]
        peers = self._peers

        class Server(ThreadedAssociationServer):
            """Turns strangers away before a byte of theirs is read."""

            def verify_request(self, request: Any, client_address: Any) -> bool:
                if peers.include(client_address[0]):
                    return bool(super().verify_request(request, client_address))
                log.warning("Соединение с чужого адреса отклонено", extra={"details": {"address": client_address[0]}})
                return False

        server = self._ae.make_server(self._address, evt_handlers=handlers, server_class=Server)
        self._server = server
        self._thread = threading.Thread(target=server.serve_forever, name="storage-scp", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Stop listening and end the associations that are open."""
        if self._server is not None:
            # Its own `shutdown` expects to have been started by the AE.
            BaseServer.shutdown(self._server)
            self._server.server_close()
            self._ae.shutdown()
        if self._thread is not None:
            self._thread.join()

    def is_listening(self) -> bool:
        """Whether the thread lives."""
        return self._thread is not None and self._thread.is_alive()

    def _store(self, event: evt.Event) -> int:
        peer = {"ae_title": event.assoc.requestor.ae_title, "address": event.assoc.requestor.address}
        try:
            receive(self._spool, event)
        except Rejection as rejection:
            log.warning("Изображение отклонено: %s", rejection, extra={"details": peer})
            return rejection.status
        except Exception:  # the PACS must get an answer, whatever happened
            log.exception("Ошибка при приёме изображения", extra={"details": peer})
            return _CANNOT_UNDERSTAND
        return _SUCCESS


class Rejection(Exception):
    """An instance that we do not take: the status to answer, and the reason in words without identifiers."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status


def receive(spool: Spool, event: evt.Event) -> None:
    """Take one instance (PS3.4 B.2); when this returns, its bytes are in a file of the spool. Raises Rejection."""
    request, syntax = cast("C_STORE", event.request), event.context.transfer_syntax
    dataset = request.DataSet.getvalue() if request.DataSet else b""
    sop_class_uid, sop_instance_uid, study_instance_uid = _read_uids(dataset, implicit=syntax.is_implicit_VR)
    if (sop_class_uid, sop_instance_uid) != (str(request.AffectedSOPClassUID), str(request.AffectedSOPInstanceUID)):
        raise Rejection(_DATA_SET_DOES_NOT_MATCH, "идентификатор в запросе и в наборе данных различаются")
    if not (is_valid(sop_instance_uid) and is_valid(sop_class_uid)):
        raise Rejection(_DATA_SET_DOES_NOT_MATCH, "недопустимый идентификатор")
    reception = spool.expecting(study_instance_uid)
    if reception is None:
        raise Rejection(_NOT_AUTHORIZED, "это исследование не запрашивали")
    try:
        if not spool.has_room(len(dataset)):
            raise Rejection(_OUT_OF_RESOURCES, "мало места на диске")
        reception.add(sop_instance_uid, sop_class_uid, _file_meta(sop_class_uid, sop_instance_uid, syntax), dataset)
    except OSError as error:
        code = errno.errorcode.get(error.errno or 0, "?")
        raise Rejection(_OUT_OF_RESOURCES, f"не удалось записать файл ({code})") from error


def _read_uids(dataset: bytes, *, implicit: bool) -> list[str]:
    """Return the SOP class, the instance and the study that a data set says it is of; "" for what it does not say.

    They are taken raw: pydicom warns of identifiers that are none, and quotes them.
    """

    def beyond(tag: BaseTag, _vr: str | None, _length: int) -> bool:
        return bool(tag > _STUDY_INSTANCE_UID)

    try:
        header = read_dataset(BytesIO(dataset), implicit, True, stop_when=beyond, specific_tags=list(_HEADER))
        return [_raw(header, tag).decode("latin-1").rstrip("\0 ") for tag in _HEADER]
    except _UNREADABLE:
        raise Rejection(_CANNOT_UNDERSTAND, "набор данных не читается") from None


def _raw(header: Dataset, tag: BaseTag) -> bytes:
    value: object = header.get_item(tag).value if tag in header else b""
    return value if isinstance(value, bytes) else b""


def _file_meta(sop_class_uid: str, sop_instance_uid: str, transfer_syntax: str) -> bytes:
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = UID(sop_class_uid)
    meta.MediaStorageSOPInstanceUID = UID(sop_instance_uid)
    meta.TransferSyntaxUID = UID(transfer_syntax)
    buffer = DicomBytesIO(bytes(128) + b"DICM")
    buffer.seek(0, 2)
    write_file_meta_info(buffer, meta, enforce_standard=True)
    return buffer.getvalue()


def _log_rejected(event: evt.Event) -> None:
    log.warning(
        "Соединение PACS отклонено: незнакомый AE title",
        extra={"details": {"ae_title": event.assoc.requestor.ae_title, "address": event.assoc.requestor.address}},
    )
