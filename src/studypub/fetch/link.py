"""Speaks to the service behind a link: what it offers, its PIN, and its bytes from any place on."""

import base64
import binascii
import re
import ssl
from collections.abc import Iterator
from email.message import Message
from typing import NamedTuple
from urllib.parse import urlencode, urlsplit

import certifi
import urllib3
from urllib3.response import BaseHTTPResponse

from studypub.errors import Sentence
from studypub.fetch.errors import Again, LinkRefused, NotALink, PinNeeded

_PATH = re.compile(r"(/s/[0-9A-Za-z]{16,64})(/[a-z/]*)?", re.ASCII)
_PLAIN_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,99}(\.[A-Za-z0-9]{1,8}){1,2}", re.ASCII)
_DIGEST = re.compile(r"sha-256=:([A-Za-z0-9+/=]{44}):", re.ASCII)
_CHUNK_BYTES = 1 << 18
_MOST_REDIRECTS = 3
_TIMEOUT = urllib3.Timeout(connect=10, read=60)
_LONGEST_WAIT = 60.0

_SAID = {
    404: Sentence(
        "Такой ссылки нет. Проверьте, что она скопирована целиком.",
        "There is no such link. Check that it was copied as a whole.",
    ),
    410: Sentence(
        "Ссылка больше не действует. Обратитесь в клинику.",
        "This link no longer works. Ask the clinic.",
    ),
}
_UNTRUSTED = Sentence(
    "Защищённое соединение не установлено: сертификату этого адреса нельзя доверять.",
    "There is no secure connection: the certificate of this address cannot be trusted.",
)
_UNEXPECTED = Sentence(
    "По этой ссылке отвечает не служба публикации исследований ({status}).",
    "What answers at this link is no service that publishes studies ({status}).",
)


class Offered(NamedTuple):
    """An archive: the name that it is offered under, its size in bytes and its SHA-256."""

    file_name: str
    size: int
    sha256: bytes


class Link:
    """A link as a person pastes it; its page, its download, with or without a slash.

    All calls raise Again where the next try may succeed, and a StudypubError of another kind where none will.
    """

    def __init__(self, address: str) -> None:
        """Raise NotALink."""
        parts = urlsplit(address.strip())
        path = _PATH.fullmatch(parts.path)
        if parts.scheme not in {"http", "https"} or not parts.netloc or path is None:
            raise NotALink
        self._page = f"{parts.scheme}://{parts.netloc}{path[1]}"
        context = ssl.create_default_context()  # the machine's authorities
        context.load_verify_locations(certifi.where())  # and the usual ones, where the machine has none
        self._pool = urllib3.PoolManager(timeout=_TIMEOUT, retries=False, ssl_context=context)
        self._headers = {"User-Agent": "studypub", "Accept-Encoding": "identity"}

    def ask(self) -> Offered:
        """Return what is behind the link now (RFC 9530 tells its hash). Raises PinNeeded."""
        answer = self._request("HEAD", f"{self._page}/download")
        if answer.status == 403:
            raise PinNeeded
        _require(answer, 200)
        digest = _DIGEST.search(answer.headers.get("Repr-Digest", ""))
        try:
            size = int(answer.headers["Content-Length"])
            sha256 = base64.b64decode(digest[1], validate=True) if digest else b""
        except (KeyError, ValueError, binascii.Error):
            size, sha256 = 0, b""
        if size <= 0 or len(sha256) != 32:
            raise _unexpected(answer)
        return Offered(_file_name(answer), size, sha256)

    def unlock(self, pin: str) -> bool:
        """Enter the PIN; whether it was right."""
        form = {"Content-Type": "application/x-www-form-urlencoded"}
        answer = self._request("POST", self._page, headers=form, fields={"pin": pin})
        if answer.status == 422:
            return False
        _require(answer, 303)
        cookies = [header.partition(";")[0] for header in answer.headers.getlist("Set-Cookie")]
        self._headers["Cookie"] = "; ".join(cookies)
        return True

    def bytes_from(self, start: int, offered: Offered) -> Iterator[bytes]:
        """Yield the archive's bytes from `start` on, until it ends or the connection breaks."""
        # No If-Range: a store knows another ETag than we. `ask` tells whether it is still the same archive.
        answer = self._request("GET", f"{self._page}/download", headers={"Range": f"bytes={start}-"})
        try:
            _require(answer, 206)
            if answer.headers.get("Content-Range") != f"bytes {start}-{offered.size - 1}/{offered.size}":
                raise Again("another part than was asked for")
            yield from answer.stream(_CHUNK_BYTES, decode_content=False)
        except urllib3.exceptions.HTTPError as error:
            raise Again("the connection broke") from error
        finally:
            answer.close()

    def _request(
        self, method: str, url: str, *, headers: dict[str, str] | None = None, fields: dict[str, str] | None = None
    ) -> BaseHTTPResponse:
        # A redirect to a store is followed for a download; urllib3 takes our cookie along to nobody else.
        retries = (
            urllib3.Retry(None, connect=0, read=0, other=0, redirect=_MOST_REDIRECTS) if method == "GET" else False
        )
        try:
            return self._pool.request(
                method,
                url,
                headers=self._headers | (headers or {}),
                body=urlencode(fields) if fields else None,
                redirect=method == "GET",
                retries=retries,
                preload_content=method != "GET",
            )
        except urllib3.exceptions.SSLError as error:
            raise LinkRefused("TLS", reason_ru=_UNTRUSTED.ru, reason_en=_UNTRUSTED.en) from error
        except urllib3.exceptions.HTTPError as error:
            raise Again("no connection") from error


def _require(answer: BaseHTTPResponse, status: int) -> None:
    if answer.status == status:
        return
    if said := _SAID.get(answer.status):
        raise LinkRefused(reason_ru=said.ru, reason_en=said.en)
    if answer.status in {403, 408, 416, 429} or answer.status >= 500:  # 403, 416: a presigned address that is too old
        wait = answer.headers.get("Retry-After", "")
        raise Again(f"answered {answer.status}", min(float(wait), _LONGEST_WAIT) if wait.isdigit() else None)
    raise _unexpected(answer)


def _unexpected(answer: BaseHTTPResponse) -> LinkRefused:
    said = _UNEXPECTED.filled(status=answer.status)
    return LinkRefused(reason_ru=said.ru, reason_en=said.en)


def _file_name(answer: BaseHTTPResponse) -> str:
    """Return the name that the answer gives, where it can lead nowhere else."""
    header = Message()
    header["Content-Disposition"] = answer.headers.get("Content-Disposition", "")
    name = header.get_filename() or ""
    return name if _PLAIN_NAME.fullmatch(name) else "study.zip"
