"""What is known of a provider: asked for seldom, and only where it may be."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import partial

import pytest
from joserfc.jwk import KeySet
from tests.peers.provider import Provider as Peer
from tests.peers.provider import providing, rsa_key

from studypub.config import Config, MisTokens, Oidc
from studypub.core.tokens import Claims, read_program_token
from studypub.errors import ProviderUnavailable, TokenRefused
from studypub.flows.examine.provider import examine
from studypub.flows.provider import Provider


@pytest.fixture
def peer() -> Iterator[Peer]:
    with providing("https://studies.clinic.example/login/oidc/callback") as running:
        yield running


class Watch:
    """A clock that a test sets."""

    seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


async def subject(provider: Provider, peer: Peer, token: str) -> str:
    read = partial(read_program_token, issuer=peer.issuer, audience="studypub-mis", now=datetime.now(UTC))
    claims: Claims = await provider.read(token, read)
    return str(claims["sub"])


async def test_keys_are_looked_for_anew_once_a_minute_and_once_an_hour(peer: Peer) -> None:
    watch = Watch()
    provider = Provider(peer.issuer, clock=watch)
    old = peer.mint(peer.program())
    assert await subject(provider, peer, old) == "mis"
    peer.keys[0] = rsa_key("second")
    new = peer.mint(peer.program())
    for _ in range(3):
        with pytest.raises(TokenRefused, match="kid"):
            await subject(provider, peer, new)
    assert peer.count("/jwks") == 1
    watch.seconds = 61
    assert await subject(provider, peer, new) == "mis"
    with pytest.raises(TokenRefused, match="kid"):
        await subject(provider, peer, old)
    assert peer.count("/jwks") == 2
    watch.seconds = 3700
    assert await subject(provider, peer, new) == "mis"
    assert peer.count("/jwks") == 3


async def test_one_that_is_away_is_asked_in_pauses_and_what_is_known_of_it_holds_for_a_day(peer: Peer) -> None:
    watch = Watch()
    provider = Provider(peer.issuer, clock=watch)
    token = peer.mint(peer.program())
    keys, peer.keys = peer.keys, []
    for watch.seconds in (0, 4):
        with pytest.raises(ProviderUnavailable):
            await subject(provider, peer, token)
    assert peer.count("/jwks") == 1
    peer.keys = keys
    watch.seconds = 6
    assert await subject(provider, peer, token) == "mis"
    peer.keys = []
    for watch.seconds in (4_000, 4_010, 80_000):
        assert await subject(provider, peer, token) == "mis"
    assert peer.count("/jwks") == 4
    watch.seconds = 90_000
    with pytest.raises(ProviderUnavailable):
        await subject(provider, peer, token)


async def test_it_may_not_lead_us_into_the_clinics_network(peer: Peer) -> None:
    token = peer.mint(peer.program())
    peer.metadata["jwks_uri"] = f"{peer.issuer.replace('127.0.0.1', 'localhost')}/jwks"
    with pytest.raises(ProviderUnavailable, match="not allowed"):
        await subject(Provider(peer.issuer), peer, token)
    assert peer.count("/jwks") == 0
    allowed = Provider(peer.issuer, networks=("127.0.0.0/8", "::1/128"))
    assert await subject(allowed, peer, token) == "mis"


@pytest.mark.parametrize(
    "metadata", [{"issuer": "https://evil.example"}, {"jwks_uri": "file:///etc/passwd"}, {"token_endpoint": None}]
)
async def test_one_that_calls_itself_otherwise_or_says_too_little_is_none(peer: Peer, metadata: dict[str, str]) -> None:
    peer.metadata |= metadata
    with pytest.raises(ProviderUnavailable, match="not as it should be"):
        await Provider(peer.issuer).metadata()


async def test_keys_may_be_given_by_a_file_or_an_address(peer: Peer) -> None:
    token = peer.mint(peer.program())
    given = Provider(peer.issuer, jwks=json.dumps(KeySet([*peer.keys]).as_dict(private=False)))
    assert await subject(given, peer, token) == "mis"
    assert peer.asked == []
    assert await subject(Provider(peer.issuer, jwks_url=f"{peer.issuer}/jwks"), peer, token) == "mis"
    assert peer.asked == ["/jwks"]


async def test_keys_that_are_too_weak_or_of_another_kind_do_not_count(peer: Peer) -> None:
    weak = {**rsa_key("first").as_dict(private=False), "n": "AQAB"}
    secret = {"kty": "oct", "k": "c2VjcmV0", "kid": "first"}
    encrypting = {**rsa_key("first").as_dict(private=False), "use": "enc"}
    for key in (weak, secret, encrypting):
        with pytest.raises(ProviderUnavailable, match="not as it should be"):
            await subject(Provider(peer.issuer, jwks=json.dumps({"keys": [key, 7]})), peer, peer.mint(peer.program()))


def test_the_doctor_says_whether_it_answers(peer: Peer) -> None:
    oidc = Oidc(issuer=peer.issuer, client_id="c", client_secret="s", roles={"a": "registrator"})
    tokens = MisTokens(issuer="http://127.0.0.1:9", audience="a")
    found = list(examine(Config(oidc=oidc, mis_tokens=tokens)))
    assert [finding.code for finding in found] == ["PROVIDER_WORKS", "PROVIDER_FAILS"]
    assert found[1].sentence.en == "[mis_tokens]: http://127.0.0.1:9: no connection."
    assert list(examine(Config())) == []
