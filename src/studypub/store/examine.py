"""Tries an S3 store call by call, and tells what each of them was answered, for whoever has set it up."""

import re
import secrets
import ssl
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from io import BytesIO
from typing import Literal, NamedTuple
from urllib.parse import quote
from xml.etree.ElementTree import ParseError

import urllib3
from minio.error import InvalidResponseError, MinioException, S3Error, ServerError
from urllib3.exceptions import HTTPError, SSLError

from studypub.config import S3
from studypub.store.s3 import PROBE
from studypub.store.s3_client import Client

Step = Literal["put", "get", "list", "delete", "stranger"]


class Answer(NamedTuple):
    """What a call was answered. `error` is empty where it went through.

    `code` is what an S3 store says (`AccessDenied`), "" where what answers is none; `error` "network" and
    "certificate" carry the exception. `skew` is the store's clock less ours, in seconds, where it tells the time.
    """

    step: Step
    error: Literal["", "s3", "not s3", "network", "certificate", "tls", "public", "changed"] = ""
    code: str = ""
    region: str = ""
    skew: float | None = None
    cause: BaseException | None = None


def try_out(config: S3) -> Iterator[Answer]:
    """Put a small object, read it, list, look whether a stranger may read, delete: each call, whatever the others say.

    Where the object cannot be put, only the list is tried besides. Raises nothing of the store's.
    """
    client, content = Client(config, is_patient=False), secrets.token_bytes(1024)
    prefix = f"{config.prefix.strip('/')}/" if config.prefix.strip("/") else ""
    name = f"{prefix}{PROBE}{secrets.token_hex(16)}"

    def put() -> str:
        stored = client.put_object(config.bucket, name, BytesIO(content), len(content))
        return str(stored.http_headers.get("Date", ""))

    first = _tried("put", put)
    yield first
    if first.error in {"network", "certificate", "tls", "not s3"}:
        return
    yield _tried("list", lambda: _list(client, config.bucket, prefix))
    if first.error:
        return
    try:
        read = _tried("get", lambda: _read(client, config.bucket, name, content))
        yield read
        yield _tried("stranger", lambda: _require_private(client, config.bucket, name))
    finally:
        deleted = _tried("delete", lambda: _delete(client, config.bucket, name))
    yield deleted


class _Public(Exception):
    """A stranger was answered."""


class _Changed(Exception):
    """Other bytes came back."""


def _list(client: Client, bucket: str, prefix: str) -> str:
    next(iter(client.list_objects(bucket, prefix=prefix)), None)
    return ""


def _read(client: Client, bucket: str, name: str, content: bytes) -> str:
    response = client.get_object(bucket, name)
    try:
        if response.read() != content:
            raise _Changed
        return str(response.headers.get("Date", ""))
    finally:
        response.close()
        response.release_conn()


def _require_private(client: Client, bucket: str, name: str) -> str:
    address = client.presigned_get_object(bucket, name).partition("?")[0]
    for stranger in (address, address.removesuffix(quote(name))):
        if client.http.request("GET", stranger).status < 300:
            raise _Public
    return ""


def _delete(client: Client, bucket: str, name: str) -> str:
    client.delete(bucket, name)
    return ""


def _tried(step: Step, call: Callable[[], str]) -> Answer:
    try:
        return Answer(step, skew=skew(call(), datetime.now(UTC)))
    except S3Error as error:
        said = skew(error.response.headers.get("Date", ""), datetime.now(UTC))
        code = error.code or f"HTTP {error.response.status}"
        return Answer(step, "s3", code, region_of(error.response, error.message or ""), said)
    except (InvalidResponseError, ServerError, MinioException, ParseError, ValueError) as error:
        return Answer(step, "not s3", cause=error)
    except HTTPError as error:
        return _unreached(step, error)
    except _Public:
        return Answer(step, "public")
    except _Changed:
        return Answer(step, "changed")


def _unreached(step: Step, error: HTTPError) -> Answer:
    reason = getattr(error, "reason", None) or error
    if isinstance(reason, SSLError):
        untrusted = next((one for one in reason.args if isinstance(one, ssl.SSLCertVerificationError)), None)
        return Answer(step, "certificate" if untrusted else "tls", cause=untrusted or reason)
    cause = next((one for one in (reason.__cause__, *reason.args) if isinstance(one, OSError)), reason)
    return Answer(step, "network", code=type(reason).__name__, cause=cause)


def region_of(response: urllib3.BaseHTTPResponse, message: str) -> str:
    """Return the region that a store names where it was given another one."""
    named = response.headers.get("x-amz-bucket-region") or ""
    expected = re.search(r"expecting '([^']+)'", message)
    return named or (expected[1] if expected else "")


def skew(date: str, now: datetime) -> float | None:
    """Return by how many seconds a store's clock, as its Date says, is ahead of ours; None where it does not say."""
    try:
        return (parsedate_to_datetime(date) - now).total_seconds()
    except (TypeError, ValueError):
        return None
