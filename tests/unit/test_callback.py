"""Where callbacks may go, how they are signed, and when a message is tried again."""

import base64
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from itertools import pairwise
from uuid import UUID

import pytest

from studypub.core import callback
from studypub.core.callback import is_allowed, may_connect, read_place
from studypub.core.outbox import GIVEN_UP_AFTER, next_try

NOW = datetime(2025, 2, 1, 12, tzinfo=UTC)
ALLOWED = ("https://mis.clinic.example", "http://10.0.0.7:8080", "https://[2a00::7]/")


@pytest.mark.parametrize(
    ("url", "allowed"),
    [
        ("https://mis.clinic.example/hook?of=studypub&key=1", True),
        ("https://MIS.clinic.example:443", True),
        ("http://10.0.0.7:8080/", True),
        ("https://[2a00::7]/x", True),
        ("http://mis.clinic.example/", False),  # without TLS
        ("https://mis.clinic.example:8443/", False),
        ("https://mis.clinic.example.evil.example/", False),
        ("http://10.0.0.7/", False),
        ("http://10.0.0.70:8080/", False),
    ],
)
def test_only_what_is_named_is_called(url: str, *, allowed: bool) -> None:
    place = read_place(url)
    assert place
    assert is_allowed(place, ALLOWED) is allowed
    assert not is_allowed(place, ())


@pytest.mark.parametrize(
    "url",
    [
        "",
        "ftp://mis.clinic.example/",
        "https://user:password@mis.clinic.example/",
        "https://mis.clinic.example\\@evil.example/",
        "https://evil.example#@mis.clinic.example/",
        "https://mis.clinic.example/ x",
        "https://mis.clinic.example/\r\nx: y",
        "https://mis.clinic.example:0/",
        "https://mis.clinic.example:65536/",
        "https://мис.example/",
        f"https://mis.clinic.example/{'x' * 2048}",
    ],
)
def test_what_could_be_read_in_two_ways_is_no_address(url: str) -> None:
    assert read_place(url) is None


@pytest.mark.parametrize(
    ("address", "networks", "may"),
    [
        ("93.184.216.34", (), True),
        ("2606:2800:220:1::1", (), True),
        ("127.0.0.1", (), False),
        ("10.1.2.3", (), False),
        ("10.1.2.3", ("10.0.0.0/8",), True),
        ("10.1.2.3", ("192.168.0.0/16", "fd00::/8"), False),
        ("169.254.169.254", ("10.0.0.0/8",), False),  # what clouds tell their machines
        ("0.0.0.0", (), False),  # noqa: S104 - an address, not one to listen on
        ("224.0.1.1", (), False),
        ("100.64.0.1", (), False),
        ("::1", (), False),
        ("fe80::1", (), False),
        ("fd00::1", (), False),
        ("::ffff:127.0.0.1", (), False),
        ("::ffff:10.1.2.3", ("10.0.0.0/8",), True),
        ("64:ff9b::7f00:1", (), False),
        ("2002:7f00:1::", (), False),
    ],
)
def test_a_name_leads_to_public_addresses_and_to_networks_that_are_named(
    address: str, networks: tuple[str, ...], *, may: bool
) -> None:
    place = read_place("https://mis.clinic.example/")
    assert place
    assert may_connect(place, ip_address(address), networks) is may


def test_an_address_that_is_named_itself_is_called() -> None:
    place = read_place("http://10.0.0.7:8080/")
    assert place
    assert may_connect(place, ip_address("10.0.0.7"), ())
    assert not may_connect(place, ip_address("10.0.0.8"), ())


def test_the_signature_is_that_of_standard_webhooks() -> None:
    """The vector is of its reference libraries."""
    signed = callback.signature(
        "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "1614265330",
        b'{"test": 2432232314}',
    )
    assert signed == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
    secret = callback.new_secret()
    assert len(base64.b64decode(secret.removeprefix("whsec_"), validate=True)) == 32
    found = callback.headers(secret, UUID(int=7), NOW, b"{}")
    assert found["webhook-signature"] == callback.signature(
        secret, found["webhook-id"], found["webhook-timestamp"], b"{}"
    )


def test_the_pauses_grow_and_end_with_the_day() -> None:
    now = NOW
    pauses: list[timedelta] = []
    while (after := next_try(len(pauses) + 1, NOW, now)) is not None:
        pauses.append(after - now)
        now = after
    assert now - NOW == GIVEN_UP_AFTER
    assert pauses[0] <= timedelta(seconds=6)
    assert max(pauses) <= timedelta(hours=2.4)
    assert 12 <= len(pauses) <= 30
    assert all(later > sooner for sooner, later in pairwise(pauses[:7]))
