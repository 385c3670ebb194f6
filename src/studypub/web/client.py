"""Tells who is at the other end, behind the proxies that we trust."""

from collections.abc import Sequence
from ipaddress import ip_address, ip_network


def client_address(peer: str, forwarded_for: str, trusted: Sequence[str]) -> str:
    """Return the client's address: the connection's peer, unless that is a trusted proxy that names another.

    X-Forwarded-For grows to the right: what stands left of the first address that is no trusted proxy was written
    by the client and proves nothing.
    """
    client = peer
    for hop in reversed(forwarded_for.split(",")):
        if not is_within(client, trusted):
            break
        if not _is_address(hop.strip()):
            break
        client = hop.strip()
    return client


def is_loopback(address: str) -> bool:
    """Whether the address is this machine's own."""
    return _is_address(address) and ip_address(address).is_loopback


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


def is_within(address: str, networks: Sequence[str]) -> bool:
    """Whether the address is one of these, or in one of these networks."""
    return _is_address(address) and any(
        ip_address(address) in ip_network(network, strict=False) for network in networks
    )
