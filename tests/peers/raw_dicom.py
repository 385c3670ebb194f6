"""Speaks to a DICOM listener byte by byte, so that any byte may be wrong (PS3.8 9.3)."""

import socket
import struct
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Self

from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian

SECONDS = 20.0
ASSOCIATE_RQ, ASSOCIATE_AC, ASSOCIATE_RJ, P_DATA, RELEASE_RQ, RELEASE_RP, ABORT = range(1, 8)
STORE_RQ, ECHO_RQ = 0x0001, 0x0030
VERIFICATION = "1.2.840.10008.1.1"

Elements = dict[int, bytes]


class RawPeer:
    """One connection."""

    def __init__(self, port: int, source: str = "127.0.0.1") -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), SECONDS, source_address=(source, 0))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.socket.close()

    def send(self, *pdus: bytes) -> None:
        self.socket.sendall(b"".join(pdus))

    def receive(self) -> tuple[int, bytes]:
        """Return the kind and the content of the next PDU; (0, b"") once the other side has closed."""
        head = self._read(6)
        if len(head) < 6:
            return 0, b""
        kind, length = struct.unpack(">BxL", head)
        return kind, self._read(length)

    def associate(self, *contexts: tuple[int, str, str], **fields: bytes) -> Self:
        """Ask for an association, which is to be accepted."""
        self.send(associate_rq(*contexts, **fields))
        kind, _ = self.receive()
        assert kind == ASSOCIATE_AC
        return self

    def status(self) -> int:
        """Return the status of the next response."""
        kind, content = self.receive()
        assert kind == P_DATA, kind
        at = content.index(struct.pack("<HHL", 0, 0x0900, 2))
        status: int = struct.unpack_from("<H", content, at + 8)[0]
        return status

    def is_closed(self) -> bool:
        """Wait until the other side has closed, for a bounded time; whatever it still says is passed over."""
        end = time.monotonic() + SECONDS
        try:
            while time.monotonic() < end:
                if not self.socket.recv(65536):
                    return True
        except ConnectionError:
            return True
        except TimeoutError:
            return False
        return False

    def trickle(self, content: bytes, *, every: float) -> float:
        """Send byte by byte until the other side closes; return after how many seconds it did."""
        begun = time.monotonic()
        self.socket.settimeout(every)
        for number in range(len(content)):
            try:
                self.socket.sendall(content[number : number + 1])
                if not self.socket.recv(65536):
                    break
            except TimeoutError:
                continue
            except ConnectionError:
                break
        return time.monotonic() - begun

    def reset(self) -> None:
        """Close so that the other side gets a reset."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()

    def _read(self, length: int) -> bytes:
        content = b""
        while len(content) < length:
            try:
                got = self.socket.recv(length - len(content))
            except ConnectionError:
                got = b""
            if not got:
                break
            content += got
        return content


@contextmanager
def many(number: int, port: int, source: str = "127.0.0.1") -> Iterator[list[RawPeer]]:
    """Keep so many connections open."""
    peers = [RawPeer(port, source) for _ in range(number)]
    try:
        yield peers
    finally:
        for peer in peers:
            peer.socket.close()


def pdu(kind: int, content: bytes, length: int | None = None) -> bytes:
    return struct.pack(">BxL", kind, len(content) if length is None else length) + content


def associate_rq(
    *contexts: tuple[int, str, str],
    called: bytes = b"STUDYPUB",
    calling: bytes = b"PACS",
    more: bytes = b"",
    largest: bytes = b"\0\0\x40\0",
) -> bytes:
    """Return a request; without contexts one of CT Image Storage, and one of Verification."""
    default = ((1, CTImageStorage, ExplicitVRLittleEndian), (3, VERIFICATION, "1.2.840.10008.1.2"))
    user = _item(0x51, largest) + _item(0x52, b"1.2.3.4") + more
    offered = b"".join(
        _item(0x20, bytes([number, 0, 0, 0]) + _item(0x30, sop_class.encode()) + _item(0x40, syntax.encode()))
        for number, sop_class, syntax in contexts or default
    )
    titles = called.ljust(16) + calling.ljust(16)
    fixed = b"\0\1\0\0" + titles + bytes(68 - 4 - len(titles))
    return pdu(ASSOCIATE_RQ, fixed + _item(0x10, b"1.2.840.10008.3.1.1.1") + offered + _item(0x50, user))


def p_data(fragment: bytes, *, context: int = 1, command: bool = False, last: bool = True) -> bytes:
    control = bytes([context, command | last << 1])
    return pdu(P_DATA, struct.pack(">L", len(fragment) + 2) + control + fragment)


def command(field: int, *, data_set: bool, **changed: bytes) -> bytes:
    """Return a command set; `e1000=b"…"` changes an element of group 0000, or adds it."""
    elements: Elements = {
        0x0002: CTImageStorage.encode() + b"\0",
        0x0100: struct.pack("<H", field),
        0x0110: b"\1\0",
        0x0700: b"\0\0",
        0x0800: b"\0\0" if data_set else b"\1\1",
        0x1000: b"1.2.3\0",
    } | {int(name[1:], 16): value for name, value in changed.items()}
    return b"".join(struct.pack("<HHL", 0, number, len(value)) + value for number, value in sorted(elements.items()))


def store_rq(sop_instance_uid: str | bytes, sop_class_uid: str | bytes = CTImageStorage) -> bytes:
    """Return the P-DATA that announces an instance."""
    uids = [uid.encode() if isinstance(uid, str) else uid for uid in (sop_class_uid, sop_instance_uid)]
    padded = [uid + b"\0" * (len(uid) % 2) for uid in uids]
    return p_data(command(STORE_RQ, data_set=True, e0002=padded[0], e1000=padded[1]), command=True)


def echo_rq() -> bytes:
    return p_data(command(ECHO_RQ, data_set=False, e0002=VERIFICATION.encode() + b"\0"), context=3, command=True)


def items(content: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield the kind and the content of each item of a PDU."""
    at = 0
    while at < len(content):
        kind, length = struct.unpack_from(">BxH", content, at)
        yield kind, content[at + 4 : at + 4 + length]
        at += 4 + length


def _item(kind: int, content: bytes) -> bytes:
    return struct.pack(">BxH", kind, len(content)) + content
