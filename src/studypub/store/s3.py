"""Archives in an S3-compatible object store, downloaded from it by presigned links."""

import hashlib
import re
import secrets
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from io import BytesIO
from urllib.parse import quote

from minio.datatypes import Object
from minio.error import S3Error

from studypub.config import S3
from studypub.core.archive_format import format_of
from studypub.errors import BucketIsPublic, StorageUnavailable, StoredObjectDiffers
from studypub.store.base import LONGEST_LINK, Sent, Stream, checked, is_key
from studypub.store.s3_client import Client, Piece, translated

_PART_BYTES = 8 << 20
_TAIL_BYTES = 64 << 10
_BLOCK_BYTES = 1 << 20
_SLOWEST_BYTES_A_SECOND = 64 << 10
_OTHERS = "application/octet-stream"
PROBE = "probe-"
_SHORTEST_LINK = timedelta(seconds=1)


class _Parts:
    """A stream in parts, and what is known of those that were read."""

    def __init__(self, stream: Stream) -> None:
        self._stream = stream
        self._whole = hashlib.sha256()
        self._parts: list[bytes] = []
        self._tail = b""

    def read(self) -> Piece:
        """Return the next part; only the last one is shorter than _PART_BYTES, and it may be empty."""
        content = self._stream.read(_PART_BYTES)
        while len(content) < _PART_BYTES and (more := self._stream.read(_PART_BYTES - len(content))):
            content += more
        self._whole.update(content)
        piece = Piece(content, _md5(content).digest())
        if content or not self._parts:
            self._parts.append(piece.md5)
        self._tail = (self._tail + content[-_TAIL_BYTES:])[-_TAIL_BYTES:]
        return piece

    def sent(self) -> Sent:
        """Return what an object of all these parts is known by."""
        parts = self._parts
        etag = parts[0].hex() if len(parts) == 1 else f"{_md5(b''.join(parts)).hexdigest()}-{len(parts)}"
        return Sent(self._whole.digest(), etag, self._tail)


class S3Store:
    """A Store in one bucket."""

    def __init__(self, config: S3) -> None:
        self._client = Client(config)
        self._bucket = config.bucket
        self._prefix = f"{config.prefix.strip('/')}/" if config.prefix.strip("/") else ""

    def put(self, key: str, stream: Stream) -> Sent:
        """Upload what comes, in parts where it is longer than one; a failure aborts the upload."""
        name, parts = self._name(key), _Parts(stream)
        with translated():
            self._client.put_parts(self._bucket, name, parts.read, _PART_BYTES, _content_type(key))
        return parts.sent()

    def verify(self, key: str, sent: Sent, size: int, sha256: bytes) -> None:
        """Compare size, ETag and the last bytes with those of what was put, and that with what was to be put.

        The ETag is what the server computed from the bytes it received: the MD5 of the object, or of the MD5s of its
        parts. One of another kind (encryption, a copy) says nothing, and the whole object is read back.
        Raises StoredObjectDiffers.
        """
        name = self._name(key)
        if sent.sha256 != sha256:
            raise StoredObjectDiffers("what was sent is not what was packed")
        with translated():
            found = self._found(name)
            if found is None or found.size != size:
                raise StoredObjectDiffers(f"{found and found.size} bytes are stored, {size} were sent")
            if found.etag != sent.etag and self._read_hash(name, size) != sha256:
                raise StoredObjectDiffers("other bytes are stored")
            if self._read_tail(name, size, len(sent.tail)) != sent.tail:
                raise StoredObjectDiffers("other bytes come back")

    def size(self, key: str) -> int | None:
        """Return the size of the object in bytes, or None where there is none."""
        with translated():
            found = self._found(self._name(key))
        return None if found is None else found.size

    def stored_keys(self) -> Iterator[str]:
        """Yield the key of every archive below our prefix, whoever stored it."""
        with translated():
            for one in self._client.list_objects(self._bucket, prefix=self._prefix, recursive=True):
                key = str(one.object_name).removeprefix(self._prefix)
                if is_key(key):
                    yield key

    def delete(self, key: str) -> None:
        """Delete the object; where the bucket keeps versions, every one of them."""
        name = self._name(key)
        with translated():
            if self._client.delete(self._bucket, name):
                self._delete_versions(name)

    def link(self, key: str, file_name: str, lifetime: timedelta) -> str:
        """Return a presigned address that serves the object as a download of that name."""
        return self._client.presigned_get_object(
            self._bucket,
            self._name(key),
            expires=max(_SHORTEST_LINK, min(lifetime, LONGEST_LINK)),
            response_headers={
                "response-content-disposition": _attachment(file_name),
                "response-content-type": _content_type(key),
            },
        )

    def path(self, key: str) -> None:
        """Return None: no object lies on this machine."""

    def read(self, key: str, offset: int, length: int) -> bytes:
        """Return these bytes of the object. Raises StorageUnavailable where they are not all there."""
        if not length:
            return b""
        with translated():
            try:
                content = self._read_range(self._name(key), offset, length)
            except S3Error as error:
                if error.code in {"NoSuchKey", "InvalidRange"}:
                    raise StorageUnavailable(f"the object is not there: {error.code}") from error
                raise
        if len(content) != length:
            raise StorageUnavailable("an object is shorter than it was")
        return content

    def sweep(self, age: timedelta) -> int:
        """Abort multipart uploads that sent nothing for so long, delete probes as old; return how many there were."""
        before = datetime.now(UTC) - age
        with translated():
            probes = self._client.list_objects(self._bucket, prefix=self._name(PROBE))
            old = [str(one.object_name) for one in probes if one.last_modified and one.last_modified <= before]
            for name in old:
                self.delete(name.removeprefix(self._prefix))
            begun = [one for one in self._client.unfinished(self._bucket, self._prefix) if one[2] <= before]
            # What is sent while it is packed, or over a slow uplink, may have begun long ago.
            stale = [one for one in begun if (self._client.last_part(self._bucket, *one[:2]) or before) <= before]
            for name, upload_id, _ in stale:
                self._client.abort(self._bucket, name, upload_id)
        return len(stale) + len(old)

    def check(self) -> None:
        """Put, get and delete a small object; raise StorageRefused if strangers may read it or list the bucket."""
        name = self._name(f"{PROBE}{secrets.token_hex(16)}")
        content = secrets.token_bytes(1024)
        with translated():
            self._client.put_object(self._bucket, name, BytesIO(content), len(content))
            try:
                address = self._client.presigned_get_object(self._bucket, name).partition("?")[0]
                with ThreadPoolExecutor(2, "stranger") as strangers:
                    refused = strangers.map(self._refuse_public, (address, address.removesuffix(quote(name))))
                    if self._read_tail(name, len(content), len(content)) != content:
                        raise StorageUnavailable("the probe came back changed")
                    list(refused)  # raises what one of them has
            finally:
                self.delete(name.removeprefix(self._prefix))

    def _refuse_public(self, address: str) -> None:
        if self._client.http.request("GET", address).status < 300:
            raise BucketIsPublic("an unsigned GET was answered")

    def _delete_versions(self, name: str) -> None:
        listed = self._client.list_objects(self._bucket, prefix=name, recursive=True, include_version=True)
        versions = [one for one in listed if one.object_name == name]
        # The newest last, so that no older one comes to light if we are interrupted.
        for one in sorted(versions, key=lambda version: version.is_latest == "true"):
            self._client.delete(self._bucket, name, one.version_id)

    def _found(self, name: str) -> Object | None:
        try:
            return self._client.stat_object(self._bucket, name)
        except S3Error as error:
            if error.code == "NoSuchKey":
                return None
            raise

    def _read_tail(self, name: str, size: int, length: int) -> bytes:
        return self._read_range(name, size - length, length)

    def _read_range(self, name: str, offset: int, length: int) -> bytes:
        response = self._client.get_object(self._bucket, name, offset=offset, length=length)
        try:
            return response.read()
        finally:
            response.release_conn()

    def _read_hash(self, name: str, size: int) -> bytes:
        """Return the SHA-256 of the object, unless it comes so slowly that something is wrong."""
        digest = hashlib.sha256()
        deadline = time.monotonic() + 60 + size / _SLOWEST_BYTES_A_SECOND
        response = self._client.get_object(self._bucket, name)
        try:
            while block := response.read(_BLOCK_BYTES):
                digest.update(block)
                if time.monotonic() > deadline:
                    raise StorageUnavailable("reading back takes too long")
        finally:
            response.close()
        return digest.digest()

    def _name(self, key: str) -> str:
        return self._prefix + checked(key)


def _md5(content: bytes = b"") -> "hashlib._Hash":
    return hashlib.md5(content, usedforsecurity=False)


def _content_type(key: str) -> str:
    form = format_of(key)
    return form.media_type if form else _OTHERS


def _attachment(file_name: str) -> str:
    """Return the Content-Disposition of a download, with a plain name for old programs (RFC 6266)."""
    plain = re.sub(r"[^A-Za-z0-9._-]", "_", file_name)
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(file_name, safe='')}"
