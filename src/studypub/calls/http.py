"""Calls other people's programs: to an address that was looked at, never for long, reading little of the answer."""

import asyncio
import socket
import ssl
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from functools import lru_cache, partial
from ipaddress import ip_address
from pathlib import Path
from typing import Literal, NamedTuple

import certifi
import httpx

from studypub import __version__
from studypub.core.callback import Address, Place
from studypub.errors import ReceiverRefused, ReceiverUnavailable

_CONNECT_SECONDS = 5.0
_STEP_SECONDS = 10.0
_WHOLE_SECONDS = 20.0
_MOST_ADDRESSES = 3
LARGEST_ANSWER = 1 << 16  # bytes; what follows is not read


class Answer(NamedTuple):
    """What came back: the status, and the beginning of the body."""

    status: int
    body: bytes


async def send(
    place: Place,
    content: bytes,
    headers: Mapping[str, str],
    *,
    method: Literal["GET", "POST", "PUT", "DELETE"] = "POST",
    may_connect: Callable[[Address], bool] = lambda _: True,
    ca_certificate: Path | None = None,
) -> Answer:
    """Send it to the first address of the host that `may_connect` lets it go to; a redirect is an answer as any other.

    The name is looked up once, and the connection goes to what was looked at. Raises ReceiverUnavailable, and
    ReceiverRefused where the name leads nowhere that it may go.
    """
    try:
        async with asyncio.timeout(_WHOLE_SECONDS):
            found = [address for address in await _addresses(place) if may_connect(address)]
            if not found:
                raise _not_allowed(place)
            send_it = partial(_sent, method, place, content, headers, ca_certificate)
            return await _to_first(found[:_MOST_ADDRESSES], send_it)
    except (httpx.HTTPError, httpx.InvalidURL, OSError, TimeoutError, UnicodeError) as error:
        raise _unavailable(place, error) from error


async def _addresses(place: Place) -> list[Address]:
    found = await asyncio.get_running_loop().getaddrinfo(place.name, place.port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(ip_address(str(each[4][0]).partition("%")[0]) for each in found))


async def _to_first(addresses: Sequence[Address], send: Callable[[Address], Awaitable[Answer]]) -> Answer:
    """Return the answer of the first address that takes a connection."""
    for address in addresses[:-1]:
        with suppress(httpx.ConnectError, httpx.ConnectTimeout):
            return await send(address)
    return await send(addresses[-1])


async def _sent(
    method: str,
    place: Place,
    content: bytes,
    headers: Mapping[str, str],
    ca_certificate: Path | None,
    address: Address,
) -> Answer:
    literal = f"[{address}]" if address.version == 6 else str(address)
    ours = {"host": place.authority, "user-agent": f"studypub/{__version__}", "accept-encoding": "identity"}
    async with httpx.AsyncClient(
        verify=_context(ca_certificate),
        trust_env=False,
        follow_redirects=False,
        timeout=httpx.Timeout(_STEP_SECONDS, connect=_CONNECT_SECONDS),
    ) as client:
        request = client.build_request(
            method,
            f"{place.scheme}://{literal}:{place.port}{place.path}",
            content=content,
            headers={**headers, **ours},
            extensions={"sni_hostname": place.name},  # the certificate has to be for the name, not for its address
        )
        response = await client.send(request, stream=True)
        try:
            return Answer(response.status_code, await _beginning(response))
        finally:
            await response.aclose()


async def _beginning(response: httpx.Response) -> bytes:
    body = b""
    async for piece in response.aiter_raw():
        body += piece
        if len(body) >= LARGEST_ANSWER:
            break
    return body[:LARGEST_ANSWER]


@lru_cache(maxsize=4)
def _context(ca_certificate: Path | None) -> ssl.SSLContext:
    """Trust whom the system trusts, the authorities that the program brings along, and the clinic's own."""
    context = ssl.create_default_context()
    context.load_verify_locations(certifi.where())
    if ca_certificate is not None:
        context.load_verify_locations(ca_certificate)
    return context


def _not_allowed(place: Place) -> ReceiverRefused:
    return ReceiverRefused(
        "address not allowed",
        server=place.origin,
        reason_ru="имя ведёт на адрес, на который обращаться нельзя, см. networks в [callbacks]",
        reason_en="the name leads to an address that must not be called, see networks in [callbacks]",
    )


def _unavailable(place: Place, error: BaseException) -> ReceiverUnavailable:
    ru, en = _why(error)
    return ReceiverUnavailable(type(error).__name__, server=place.origin, reason_ru=ru, reason_en=en)


def _why(error: BaseException) -> tuple[str, str]:
    """Return in a word what was in the way; the library's own words may quote what it was given."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return "сертификат не принят", "its certificate is not accepted"
        if isinstance(cause, ssl.SSLError):
            return "соединение TLS не установлено", "no TLS connection"
        if isinstance(cause, (socket.gaierror, UnicodeError)):
            return "имя не найдено в DNS", "its name is not in the DNS"
        if isinstance(cause, (TimeoutError, httpx.TimeoutException)):
            return "не ответил вовремя", "it did not answer in time"
        cause = cause.__cause__ or cause.__context__
    if isinstance(error, httpx.ConnectError | OSError):
        return "нет соединения", "no connection"
    return "ответ оборвался или не по HTTP", "the answer broke off, or is no HTTP"
