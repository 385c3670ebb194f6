"""What a provider of sign-on says of itself, and the keys that it signs with: asked for seldom, kept for a while."""

import asyncio
import json
import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Final, Generic, Literal, TypeVar

from studypub.calls import http
from studypub.calls.http import Answer
from studypub.config import MisTokens, Oidc
from studypub.core.callback import Address, is_public, read_place
from studypub.core.sign_on import Metadata, discovery_address, read_metadata
from studypub.core.tokens import Keys, read_keys
from studypub.errors import KeyUnknown, ProviderUnavailable, ReceiverRefused, ReceiverUnavailable

log = logging.getLogger(__name__)

_FRESH_SECONDS: Final = 3600.0
_STALE_SECONDS: Final = 86_400.0  # a provider that is away for long vouches for nobody
_ANEW_SECONDS: Final = 60.0
_AGAIN_SECONDS: Final = 5.0
_JSON = {"accept": "application/json"}

_Value = TypeVar("_Value")
_Read = TypeVar("_Read")
Clock = Callable[[], float]


class _Kept(Generic[_Value]):
    """A value that is asked for when it is old; whoever comes meanwhile waits for the same answer."""

    def __init__(self, ask: Callable[[], Awaitable[_Value]], clock: Clock) -> None:
        self._ask, self._clock, self._lock = ask, clock, asyncio.Lock()
        self._value: _Value | None = None
        self._got_at = self._tried_at = -_STALE_SECONDS
        self._failure: ProviderUnavailable | None = None

    async def get(self, *, anew: bool = False) -> _Value:
        """Return it; `anew`: as it is now, but for the last minute. Raises ProviderUnavailable."""
        if self._value is not None and not self._is_due(anew=anew):
            return self._value
        async with self._lock:
            if self._is_due(anew=anew):
                await self._try()
        if self._value is None or self._clock() - self._got_at > _STALE_SECONDS:
            raise self._failure or ProviderUnavailable
        return self._value

    def _is_due(self, *, anew: bool) -> bool:
        now = self._clock()
        if self._value is None:
            return now - self._tried_at >= _AGAIN_SECONDS
        return now - self._tried_at >= _ANEW_SECONDS and (anew or now - self._got_at >= _FRESH_SECONDS)

    async def _try(self) -> None:
        try:
            self._value, self._failure = await self._ask(), None
            self._got_at = self._clock()
        except ProviderUnavailable as failure:
            log.warning("Служба входа не отвечает", exc_info=failure)
            self._failure = failure
        finally:
            self._tried_at = self._clock()


def of_people(settings: Oidc) -> "Provider":
    """Return the provider that people sign in with."""
    return Provider(settings.issuer, networks=settings.networks, ca_certificate=settings.ca_certificate)


def of_programs(settings: MisTokens) -> "Provider":
    """Return the issuer of programs' tokens."""
    return Provider(
        settings.issuer,
        networks=settings.networks,
        ca_certificate=settings.ca_certificate,
        jwks=settings.jwks,
        jwks_url=settings.jwks_url,
    )


class Provider:
    """An issuer of tokens. Its own host may be anywhere; others that it names are public, or in one of `networks`.

    Its keys: those of `jwks`, else of `jwks_url`, else of the address that its discovery names.
    """

    def __init__(
        self,
        issuer: str,
        *,
        networks: tuple[str, ...] = (),
        ca_certificate: Path | None = None,
        jwks: str = "",
        jwks_url: str = "",
        clock: Clock = time.monotonic,
    ) -> None:
        self._issuer, self._networks, self._ca_certificate = issuer, networks, ca_certificate
        self._jwks, self._jwks_url = jwks, jwks_url
        self._own = {place.origin for place in (read_place(issuer), read_place(jwks_url)) if place}
        self._metadata, self._keys = _Kept(self._discover, clock), _Kept(self._ask_for_keys, clock)

    async def metadata(self) -> Metadata:
        """Return what it says of itself. Raises ProviderUnavailable."""
        return await self._metadata.get()

    async def read(self, token: str, read: Callable[[str, Keys], _Read]) -> _Read:
        """Return what a token says, by keys that are asked for anew where it is signed by another.

        Raises TokenRefused, ProviderUnavailable.
        """
        try:
            return read(token, await self._keys.get())
        except KeyUnknown:
            return read(token, await self._keys.get(anew=True))

    async def require_keys(self) -> None:
        """Raise ProviderUnavailable where its keys cannot be had."""
        await self._keys.get()

    async def post(self, address: str, content: bytes, headers: Mapping[str, str]) -> Answer:
        """Post it to an address that it has named. Raises ProviderUnavailable."""
        return await self._call("POST", address, content, headers)

    async def _discover(self) -> Metadata:
        body = await self._document(discovery_address(self._issuer))
        return self._understood(body, lambda document: read_metadata(document, self._issuer))

    async def _ask_for_keys(self) -> Keys:
        if self._jwks:
            return self._understood(self._jwks.encode(), read_keys)
        address = self._jwks_url or (await self.metadata()).jwks_uri
        return self._understood(await self._document(address), read_keys)

    async def _document(self, address: str) -> bytes:
        answer = await self._call("GET", address, b"", _JSON)
        if answer.status != 200:
            raise self.unavailable(f"ответ HTTP {answer.status}", f"it answers HTTP {answer.status}")
        return answer.body

    def _understood(self, body: bytes, read: Callable[[object], _Read]) -> _Read:
        try:
            return read(json.loads(body))
        except (ValueError, TypeError, RecursionError) as error:
            raise self.unavailable("ответ не такой, как положено", "its answer is not as it should be") from error

    async def _call(
        self, method: Literal["GET", "POST"], address: str, content: bytes, headers: Mapping[str, str]
    ) -> Answer:
        place = read_place(address)
        if place is None:
            raise self.unavailable("адрес не годится", "its address cannot be called")

        def may_connect(found: Address) -> bool:
            return place.origin in self._own or is_public(found, self._networks)

        try:
            return await http.send(
                place, content, headers, method=method, may_connect=may_connect, ca_certificate=self._ca_certificate
            )
        except ReceiverRefused as error:
            reason = "адрес не разрешён, см. networks в настройках", "the address is not allowed, see networks"
            raise self.unavailable(*reason) from error
        except ReceiverUnavailable as error:
            raise self.unavailable(str(error.parameters["reason_ru"]), str(error.parameters["reason_en"])) from error

    def unavailable(self, reason_ru: str, reason_en: str) -> ProviderUnavailable:
        """Return the error that says what is in the way."""
        place = read_place(self._issuer)
        server = place.origin if place else self._issuer
        return ProviderUnavailable(reason_en, server=server, reason_ru=reason_ru, reason_en=reason_en)
