"""A store that is reached over TLS, by the certificate of an authority that the machine trusts."""

import ssl
from collections.abc import Iterator
from pathlib import Path
from random import Random

import httpx
import pytest
from minio.helpers import md5sum_hash
from tests.peers.certificates import Authority, Pair, authority, ours
from tests.peers.proxies import forwarding
from tests.store.conftest import Bucket, put

from studypub.store.base import LONGEST_LINK
from studypub.store.s3 import S3Store

__all__ = ["authority", "ours"]

KEY = "f_Khimki/3f9c0a.zip"
_FORWARDS = "proxy_set_header Host $http_host; proxy_request_buffering off; client_max_body_size 0;"


@pytest.fixture
def secure(
    ceph_bucket: Bucket, authority: Authority, ours: Pair, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[S3Store]:
    """Yield a store in `ceph_bucket` that reaches it over TLS."""
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.certificate))
    with forwarding(tmp_path, f"proxy_pass {ceph_bucket.server.endpoint}; {_FORWARDS}", ours) as url:
        yield S3Store(ceph_bucket.server.config(ceph_bucket.name, endpoint=url))


@pytest.mark.peer
@pytest.mark.parametrize("size", [10_000, (17 << 20) + 1], ids=["small", "in parts"])
def test_what_is_sent_is_hashed_for_the_server_once(
    secure: S3Store, size: int, tmp_path: Path, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    def watched(body: bytes | None) -> str | None:
        assert len(body or b"") < 1000, "hashed again by the library"
        return md5sum_hash(body)

    monkeypatch.setattr("minio.api.md5sum_hash", watched)
    archive = tmp_path / "archive.zip"
    archive.write_bytes(content := Random(7).randbytes(size))
    sent = put(secure, KEY, archive)
    secure.verify(KEY, sent, size, sent.sha256)
    url = secure.link(KEY, "study.zip", LONGEST_LINK)
    assert httpx.get(url, verify=ssl.create_default_context(cafile=authority.certificate)).content == content
