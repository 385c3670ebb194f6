"""A store that is reached over TLS, by the certificate of an authority that the machine trusts."""

import ssl
from collections.abc import Iterator
from pathlib import Path
from random import Random

import httpx
import pytest
from minio.helpers import md5sum_hash
from tests.peers.certificates import Authority, Pair, authority, ours
from tests.peers.program import free_port, listens, running
from tests.store.conftest import Bucket, put

from studypub.store.base import LONGEST_LINK
from studypub.store.s3 import S3Store

__all__ = ["authority", "ours"]

KEY = "f_Khimki/3f9c0a.zip"
_NGINX = """
daemon off;
user root;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{}}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/temp;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    server {{
        listen 127.0.0.1:{port} ssl;
        ssl_certificate {pair.certificate};
        ssl_certificate_key {pair.key};
        client_max_body_size 0;
        location / {{
            proxy_pass {backend};
            proxy_set_header Host $http_host;
            proxy_request_buffering off;
        }}
    }}
}}
"""


@pytest.fixture
def secure(
    ceph_bucket: Bucket, authority: Authority, ours: Pair, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[S3Store]:
    """Yield a store in `ceph_bucket` that reaches it over TLS."""
    port, conf = free_port(), tmp_path / "nginx.conf"
    conf.write_text(_NGINX.format(folder=tmp_path, port=port, pair=ours, backend=ceph_bucket.server.endpoint))
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.certificate))
    with running(["nginx", "-c", conf], tmp_path / "output.log", lambda: listens(port)):
        yield S3Store(ceph_bucket.server.config(ceph_bucket.name, endpoint=f"https://localhost:{port}"))


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
