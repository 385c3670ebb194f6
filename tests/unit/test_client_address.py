"""Who is at the other end of a connection, with and without proxies."""

import pytest

from studypub.web.client import client_address, is_loopback

TRUSTED = ("127.0.0.1", "10.0.0.0/24", "::1")


@pytest.mark.parametrize(
    ("peer", "forwarded_for", "client"),
    [
        ("203.0.113.9", "", "203.0.113.9"),
        ("203.0.113.9", "10.0.0.1", "203.0.113.9"),  # no proxy of ours: its word counts for nothing
        ("127.0.0.1", "", "127.0.0.1"),
        ("127.0.0.1", "203.0.113.9", "203.0.113.9"),
        ("127.0.0.1", " 203.0.113.9 ", "203.0.113.9"),
        ("127.0.0.1", "1.1.1.1, 203.0.113.9", "203.0.113.9"),  # the client wrote the first one itself
        ("127.0.0.1", "127.0.0.1, 203.0.113.9", "203.0.113.9"),
        ("127.0.0.1", "203.0.113.9, 10.0.0.7", "203.0.113.9"),
        ("10.0.0.7", "203.0.113.9", "203.0.113.9"),
        ("10.0.1.7", "203.0.113.9", "10.0.1.7"),
        ("::1", "2001:db8::1", "2001:db8::1"),
        ("127.0.0.1", "unknown", "127.0.0.1"),
        ("127.0.0.1", "203.0.113.9, <script>", "127.0.0.1"),
        ("127.0.0.1", ",,,", "127.0.0.1"),
        ("", "203.0.113.9", ""),
    ],
)
def test_x35_only_a_trusted_proxy_names_the_client(peer: str, forwarded_for: str, client: str) -> None:
    assert client_address(peer, forwarded_for, TRUSTED) == client


@pytest.mark.parametrize(
    ("address", "expected"),
    [("127.0.0.1", True), ("127.9.9.9", True), ("::1", True), ("10.0.0.1", False), ("", False), ("localhost", False)],
)
def test_this_machine_is_known_by_its_address(address: str, expected: bool) -> None:
    assert is_loopback(address) is expected
