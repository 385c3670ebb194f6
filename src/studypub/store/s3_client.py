"""Speaks S3 with bounded patience, and turns what goes wrong into our errors."""

import contextlib
import ssl
import time
from base64 import b64encode
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any, NamedTuple
from urllib.parse import urlsplit
from xml.etree.ElementTree import ParseError

import certifi
import urllib3
from minio import Minio
from minio.datatypes import Part
from minio.error import MinioException, S3Error
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

from studypub.config import S3
from studypub.errors import StorageRefused, StorageUnavailable

# A whole request may take this long to be sent: a part of 8 MiB over an uplink of a quarter of a megabit.
_SEND_SECONDS = 300.0
_STALL_SECONDS = 60.0
_CONNECT_SECONDS = 5.0
_LOOKED_AT_SECONDS = 20.0
_BLOCK_BYTES = 1 << 16
# Viewers read many small ranges at a time; a connection for each would cost a handshake each.
_KEPT_CONNECTIONS = 16

_Headers = dict[str, str | list[str] | tuple[str]]

# Said with a 4xx status, and yet time or another try may heal them.
_PASSING = frozenset(
    {
        "BadDigest",
        "IncompleteBody",
        "NoSuchUpload",
        "OperationAborted",
        "RequestTimeout",
        "SlowDown",
        "TooManyRequests",
        "XAmzContentSHA256Mismatch",
    }
)


class Piece(NamedTuple):
    """Some of an object, and the MD5 of it."""

    content: bytes
    md5: bytes


class Client(Minio):
    """The client of one endpoint, with the calls that minio keeps to itself."""

    def __init__(self, config: S3, *, is_patient: bool = True) -> None:
        """Whoever only looks is less patient: a call is not repeated, and a silent store soon given up."""
        endpoint = urlsplit(config.endpoint)
        self.http = _pool()
        if not is_patient:
            timeout = urllib3.Timeout(connect=_CONNECT_SECONDS, read=_LOOKED_AT_SECONDS)
            self.http.connection_pool_kw |= {"timeout": timeout, "retries": urllib3.Retry(0, redirect=False)}
        super().__init__(
            endpoint=endpoint.netloc,
            access_key=config.access_key,
            secret_key=config.secret_key,
            secure=endpoint.scheme == "https",
            region=config.region,
            http_client=self.http,
        )

    def put_parts(self, bucket: str, name: str, read: Callable[[], Piece], size: int, content_type: str) -> None:
        """Put what `read` returns, call by call, until that is shorter than `size`; a failure aborts the upload.

        One part is in memory at a time, where minio's own way holds three and more, and sends nothing of a part before
        the next one has begun. Each is sent with its MD5, which over TLS minio would compute once more.
        """
        headers: _Headers = {"Content-Type": content_type}
        content, md5 = read()
        if len(content) < size:
            self._put_object(bucket, name, content, headers | _content_md5(md5))
            return
        upload_id = self._create_multipart_upload(bucket, name, headers)
        parts: list[Part] = []
        with contextlib.ExitStack() as in_vain:
            in_vain.callback(self._abort_multipart_upload, bucket, name, upload_id)
            while content:
                number, is_last = len(parts) + 1, len(content) < size
                etag = self._upload_part(bucket, name, content, _content_md5(md5), upload_id, number)
                parts.append(Part(number, etag))
                del content
                content, md5 = (b"", b"") if is_last else read()
            self._complete_multipart_upload(bucket, name, upload_id, parts)
            in_vain.pop_all()

    def delete(self, bucket: str, name: str, version: str | None = None) -> bool:
        """Delete the object, or one version of it; return whether only a delete marker was put over it.

        A version that is gone is fine.
        """
        query: dict[str, Any] | None = {"versionId": version} if version else None
        # Swift waits a minute for the body of a DELETE that does not say that it has none.
        try:
            response = self._execute("DELETE", bucket, name, headers={"Content-Length": "0"}, query_params=query)
        except S3Error as error:
            # Swift says NoSuchBucket when the last version of an object goes, and removes it.
            if version and error.code in {"NoSuchVersion", "NoSuchKey", "NoSuchBucket"}:
                return False
            raise
        return version is None and response.headers.get("x-amz-delete-marker") == "true"

    def unfinished(self, bucket: str, prefix: str) -> Iterator[tuple[str, str, datetime]]:
        """Yield object name, upload id and beginning of each multipart upload that was neither ended nor aborted."""
        markers: dict[str, Any] = {}
        more = True
        while more:
            # A delimiter that no key holds: Swift takes an empty one as part of every key and lists nothing.
            found = self._list_multipart_uploads(bucket, delimiter="|", prefix=prefix, **markers)
            for upload in found.uploads:
                if upload.upload_id and upload.initiated_time:
                    yield upload.object_name, upload.upload_id, upload.initiated_time
            markers = {"key_marker": found.next_key_marker, "upload_id_marker": found.next_upload_id_marker}
            more = found.is_truncated

    def last_part(self, bucket: str, name: str, upload_id: str) -> datetime | None:
        """Return when the last part of an unfinished upload came; None where none has, or where it is gone."""
        parts: list[Part] = []
        marker, more = None, True
        while more:
            try:
                found = self._list_parts(bucket, name, upload_id, part_number_marker=marker)
            except S3Error as error:
                if error.code in {"NoSuchUpload", "NoSuchKey"}:
                    return None
                raise
            parts = found.parts or parts
            marker, more = found.next_part_number_marker, found.is_truncated
        return parts[-1].last_modified if parts else None

    def abort(self, bucket: str, name: str, upload_id: str) -> None:
        """Drop an unfinished upload and its parts; one that is gone is fine."""
        try:
            self._abort_multipart_upload(bucket, name, upload_id)
        except S3Error as error:
            if error.code not in {"NoSuchUpload", "NoSuchKey"}:
                raise


def _content_md5(md5: bytes) -> _Headers:
    return {"Content-MD5": b64encode(md5).decode()}


@contextlib.contextmanager
def translated() -> Iterator[None]:
    """Raise StorageUnavailable or StorageRefused for what the client raises."""
    try:
        yield
    except S3Error as error:
        status = error.response.status
        cause = f"{error.code} ({status})"
        if error.code in _PASSING or status == 429 or (status >= 500 and status != 501):
            raise StorageUnavailable(cause) from error
        raise StorageRefused(cause, reason=error.code or f"HTTP {status}") from error
    except (MinioException, ParseError) as error:
        raise StorageUnavailable("an answer that is not of S3") from error
    except urllib3.exceptions.HTTPError as error:
        reason = getattr(error, "reason", None) or error
        if _is_bad_certificate(reason):
            raise StorageRefused("certificate", reason="certificate is not trusted") from error
        raise StorageUnavailable(type(reason).__name__) from error


def _is_bad_certificate(error: BaseException) -> bool:
    return isinstance(error, urllib3.exceptions.SSLError) and any(
        isinstance(cause, ssl.SSLCertVerificationError) for cause in error.args
    )


def _pool() -> urllib3.PoolManager:
    """Return a pool that gives up: minio's own may wait half an hour in one call."""
    context = ssl.create_default_context()  # the machine's authorities, a clinic's own among them
    context.load_verify_locations(certifi.where())
    pool = urllib3.PoolManager(
        maxsize=_KEPT_CONNECTIONS,
        ssl_context=context,
        timeout=urllib3.Timeout(connect=_CONNECT_SECONDS, read=_STALL_SECONDS),
        retries=urllib3.Retry(
            connect=2,
            read=2,
            status=4,
            other=0,
            redirect=False,
            allowed_methods=None,  # every call of ours may be repeated, the POSTs of a multipart upload too
            status_forcelist=(500, 502, 503, 504),
            backoff_factor=0.25,
            backoff_max=8,
            backoff_jitter=0.25,
            raise_on_status=False,
            respect_retry_after_header=False,
        ),
    )
    pool.pool_classes_by_scheme = {"http": _HttpPool, "https": _HttpsPool}
    return pool


def _send(connection: HTTPConnection, send: Callable[[Any], None], data: Any) -> None:
    """Send the data in blocks, each before the peer has stalled for too long and all before the time is up.

    urllib3 sends under the timeout that is meant for connecting, which a part of 8 MiB exceeds on the uplink
    of a small clinic; over TLS it bounds no more than each record, so that a trickle would never end.
    """
    deadline = time.monotonic() + _SEND_SECONDS
    view = memoryview(data)
    for start in range(0, len(view), _BLOCK_BYTES):
        left = deadline - time.monotonic()
        if connection.sock is not None:
            connection.sock.settimeout(max(0.001, min(left, _STALL_SECONDS)))
        try:
            send(view[start : start + _BLOCK_BYTES])
        except TimeoutError as error:
            if time.monotonic() >= deadline:
                raise StorageUnavailable("sending takes too long") from error
            raise


class _HttpConnection(HTTPConnection):
    def send(self, data: Any) -> None:
        _send(self, super().send, data)


class _HttpsConnection(HTTPSConnection):
    def send(self, data: Any) -> None:
        _send(self, super().send, data)


class _HttpPool(HTTPConnectionPool):
    ConnectionCls = _HttpConnection


class _HttpsPool(HTTPSConnectionPool):
    ConnectionCls = _HttpsConnection
