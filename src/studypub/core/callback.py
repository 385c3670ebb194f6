"""Callbacks: where they may go, what they say, and how they are signed (Standard Webhooks 1.0)."""

import base64
import hashlib
import hmac
import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from uuid import UUID

import msgspec

from studypub.core.task import Status
from studypub.core.task_document import TaskDocument

_PREFIX = "whsec_"
_SECRET_BYTES = 32
_LONGEST = 2048
# Strict, so that nobody can read it in two ways: no account in it, no backslash, no fragment.
_ADDRESS = re.compile(
    r"(?P<scheme>https?)://(?P<host>[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?|\[[0-9a-f:.]+\])(?::(?P<port>[0-9]{1,5}))?"
    r"(?P<path>/[!$-;=?-\[\]_a-z~]*)?",
    re.IGNORECASE,
)
_PORTS = {"https": 443, "http": 80}
# They stand for IPv4 addresses, of any network: 6to4, Teredo, NAT64 (RFC 3056, 4380, 6052, 8215).
_STAND_INS = tuple(map(ip_network, ("2002::/16", "2001::/32", "64:ff9b::/96", "64:ff9b:1::/48")))

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network


@dataclass(frozen=True, slots=True)
class Place:
    """Where a call goes."""

    scheme: str
    host: str
    port: int
    path: str

    @property
    def origin(self) -> str:
        """Scheme, host and port: what may be told of it; the rest may hold a secret."""
        return f"{self.scheme}://{self.authority}"

    @property
    def authority(self) -> str:
        """Host and port as HTTP's Host header has them."""
        return self.host if self.port == _PORTS[self.scheme] else f"{self.host}:{self.port}"

    @property
    def name(self) -> str:
        """The host without the brackets of IPv6."""
        return self.host.strip("[]")


def read_place(url: str) -> Place | None:
    """Return where this address leads; None where it is none that can be called."""
    found = _ADDRESS.fullmatch(url) if len(url) <= _LONGEST else None
    if found is None:
        return None
    scheme = found["scheme"].lower()
    port = int(found["port"] or _PORTS[scheme])
    return Place(scheme, found["host"].lower(), port, found["path"] or "/") if 0 < port < 65536 else None


def origin_of(url: str | None) -> str:
    """Return scheme, host and port of an address; nothing where there is none."""
    place = read_place(url or "")
    return place.origin if place else ""


def is_allowed(place: Place, allowed: Sequence[str]) -> bool:
    """Whether an origin (scheme, host, port) is among those that the configuration allows."""
    origins = {known.origin for known in map(read_place, allowed) if known}
    return place.origin in origins


def may_connect(place: Place, address: Address, networks: Sequence[str]) -> bool:
    """Whether a call may go to this address, to which its host's name has led just now.

    Public ones, those of `networks`, and the one that the configuration names itself; so a name cannot lead to this
    machine or to another inside the clinic by what somebody writes into the DNS.
    """
    return is_public(address, networks) or _is_literal(place, getattr(address, "ipv4_mapped", None) or address)


def is_public(address: Address, networks: Sequence[str]) -> bool:
    """Whether an address is a public one, or in one of `networks`."""
    address = getattr(address, "ipv4_mapped", None) or address
    if any(address in ip_network(network, strict=False) for network in networks):
        return True
    return address.is_global and not address.is_multicast and not any(address in one for one in _STAND_INS)


def _is_literal(place: Place, address: Address) -> bool:
    try:
        return ip_address(place.name) == address
    except ValueError:
        return False


def new_secret() -> str:
    """Return a secret to sign with: 256 random bits, written as Standard Webhooks has it."""
    return _PREFIX + base64.b64encode(secrets.token_bytes(_SECRET_BYTES)).decode()


def body(status: Status, at: datetime, document: TaskDocument) -> bytes:
    """Return what is sent: which change it tells of, when it was, and the task as it stands."""
    event = {"type": f"task.{status.value.lower()}", "timestamp": at.isoformat(), "data": document}
    return msgspec.json.encode(event)


def headers(secret: str, message_id: UUID, now: datetime, content: bytes) -> dict[str, str]:
    """Return the headers that a program knows us by; `now` is when it is sent."""
    name, moment = f"msg_{message_id.hex}", str(int(now.timestamp()))
    return {
        "content-type": "application/json",
        "webhook-id": name,
        "webhook-timestamp": moment,
        "webhook-signature": signature(secret, name, moment, content),
    }


def signature(secret: str, name: str, moment: str, content: bytes) -> str:
    """Return the signature of a message of that name, sent at that moment (seconds since 1970)."""
    key = base64.b64decode(secret.removeprefix(_PREFIX))
    digest = hmac.new(key, f"{name}.{moment}.".encode() + content, hashlib.sha256).digest()
    return f"v1,{base64.b64encode(digest).decode()}"
