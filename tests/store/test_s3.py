"""The S3 store: links, refusals, versions and strangers, on real servers."""

import hashlib
import io
import json
import socket
import ssl
import subprocess
import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from random import Random
from urllib.parse import parse_qs, unquote, urlsplit

import httpx
import pytest
from minio.commonconfig import ENABLED
from minio.versioningconfig import VersioningConfig
from tests.store.conftest import Bucket, put

from studypub.config import S3
from studypub.errors import StorageRefused
from studypub.store.base import LONGEST_LINK, Sent
from studypub.store.s3 import S3Store

KEY = "f_Khimki/3f9c0a.zip"


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    path = tmp_path / "archive.zip"
    path.write_bytes(Random(7).randbytes(17 << 20))
    return path


def test_a_link_is_a_download_that_can_be_resumed(bucket: Bucket, archive: Path) -> None:
    put(bucket.store, KEY, archive)
    url = bucket.store.link(KEY, "study-2025.zip", LONGEST_LINK)
    start = (8 << 20) - 10
    answer = httpx.get(url, headers={"Range": f"bytes={start}-{start + 19}"})
    assert answer.status_code == 206
    assert answer.content == archive.read_bytes()[start : start + 20]
    assert answer.headers["Content-Type"] == "application/zip"
    assert answer.headers["Content-Disposition"].startswith('attachment; filename="study-2025.zip"')


def test_a_file_name_of_any_letters_arrives_unharmed(bucket: Bucket, archive: Path) -> None:
    put(bucket.store, KEY, archive)
    name = 'снимки "1"; x.zip'
    answer = httpx.get(bucket.store.link(KEY, name, LONGEST_LINK), headers={"Range": "bytes=0-0"})
    plain, encoded = answer.headers["Content-Disposition"].removeprefix("attachment; ").split("; ")
    assert plain == 'filename="________1___x.zip"'
    assert unquote(encoded.removeprefix("filename*=UTF-8''")) == name


@pytest.mark.parametrize(
    ("lifetime", "seconds"),
    [(timedelta(days=30), 300), (timedelta(seconds=40), 40), (timedelta(0), 1), (timedelta(days=-1), 1)],
)
def test_x33_a_link_lives_no_longer_than_it_may(lifetime: timedelta, seconds: int) -> None:
    store = S3Store(S3(endpoint="http://127.0.0.1:1", bucket="studies", access_key="a", secret_key="b"))
    query = parse_qs(urlsplit(store.link(KEY, "study.zip", lifetime)).query)
    assert query["X-Amz-Expires"] == [str(seconds)]


def test_x34_nothing_is_served_without_a_whole_link(bucket: Bucket, archive: Path) -> None:
    put(bucket.store, KEY, archive)
    url = bucket.store.link(KEY, "study.zip", LONGEST_LINK)
    other = url.replace("3f9c0a", "3f9c0b")
    for address in (url.partition("?")[0], url.partition(KEY)[0], other, url.replace("study.zip", "x.zip")):
        assert httpx.get(address).status_code in {400, 403, 412}


def test_the_prefix_is_put_before_every_key(bucket: Bucket, archive: Path) -> None:
    store = S3Store(bucket.server.config(bucket.name, prefix="/studypub/test/"))
    put(store, KEY, archive)
    store.check()
    assert bucket.keys() == [f"studypub/test/{KEY}"]
    assert bucket.store.size(f"studypub/test/{KEY}") == store.size(KEY)
    put(bucket.store, KEY, archive)  # somebody else's
    assert list(store.stored_keys()) == [KEY]


def test_an_etag_of_another_kind_is_no_reason_for_doubt(bucket: Bucket, archive: Path) -> None:
    data = archive.read_bytes()
    bucket.server.client().put_object(bucket.name, KEY, io.BytesIO(data), len(data), part_size=5 << 20)
    digest = hashlib.sha256(data).digest()
    bucket.store.verify(KEY, Sent(digest, "of its parts", data[-100:]), len(data), digest)


def test_every_version_is_deleted(bucket: Bucket, archive: Path) -> None:
    client = bucket.server.client()
    client.set_bucket_versioning(bucket.name, VersioningConfig(ENABLED))
    bucket.overwrite(KEY, b"old")
    bucket.overwrite(f"{KEY}2", b"another object")
    put(bucket.store, KEY, archive)
    bucket.store.delete(KEY)
    left = client.list_objects(bucket.name, recursive=True, include_version=True)
    assert [one.object_name for one in left] == [f"{KEY}2"]


@pytest.mark.parametrize(
    ("changes", "reasons"),
    [
        ({"secret_key": "wrong"}, {"SignatureDoesNotMatch"}),
        ({"access_key": "nobody:nobody"}, {"InvalidAccessKeyId", "SignatureDoesNotMatch"}),
        ({"bucket": "no-such-bucket"}, {"NoSuchBucket"}),
    ],
)
def test_f56_a_wrong_setting_is_named_and_not_tried_again(
    bucket: Bucket, archive: Path, changes: dict[str, str], reasons: set[str]
) -> None:
    store = S3Store(bucket.server.config(**({"bucket": bucket.name} | changes)))
    calls: list[Callable[[], object]] = [lambda: put(store, KEY, archive), lambda: store.delete(KEY), store.check]
    for call in calls:
        with pytest.raises(StorageRefused) as refused:
            call()
        assert refused.value.parameters["reason"] in reasons
        assert refused.value.retry is False


@pytest.mark.peer
def test_f56_a_wrong_region_is_refused(swift_bucket: Bucket) -> None:
    store = S3Store(swift_bucket.server.config(swift_bucket.name, region="ru-central1"))
    with pytest.raises(StorageRefused) as refused:
        store.check()
    assert refused.value.parameters["reason"] == "AuthorizationHeaderMalformed"


@pytest.mark.peer
@pytest.mark.parametrize(
    ("action", "resource"), [("s3:GetObject", "arn:aws:s3:::{}/*"), ("s3:ListBucket", "arn:aws:s3:::{}")]
)
def test_f58_a_public_bucket_is_refused(ceph_bucket: Bucket, action: str, resource: str) -> None:
    allow = {
        "Effect": "Allow",
        "Principal": {"AWS": ["*"]},
        "Action": [action],
        "Resource": [resource.format(ceph_bucket.name)],
    }
    policy = json.dumps({"Version": "2012-10-17", "Statement": [allow]})
    ceph_bucket.server.client().set_bucket_policy(ceph_bucket.name, policy)
    with pytest.raises(StorageRefused, match="unsigned") as refused:
        ceph_bucket.store.check()
    assert refused.value.parameters["reason"] == "bucket is public"
    assert ceph_bucket.keys() == []


def test_f07_a_probe_that_a_kill_left_is_swept_away(bucket: Bucket) -> None:
    bucket.overwrite("probe-1", b"x")
    bucket.overwrite("studies/1.zip", b"x")
    assert bucket.store.sweep(timedelta(hours=1)) == 0
    assert bucket.store.sweep(timedelta(seconds=-5)) == 1
    assert bucket.keys() == ["studies/1.zip"]


@pytest.fixture
def untrusted_port(tmp_path: Path) -> Iterator[int]:
    """Yield the port of a server whose certificate nobody vouches for."""
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    request = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"]
    name = ["-addext", "subjectAltName=DNS:localhost"]
    subprocess.run([*request, *name, "-keyout", key, "-out", certificate], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=_greet, args=[listener, context])
        thread.start()
        yield listener.getsockname()[1]
        listener.shutdown(socket.SHUT_RDWR)
        thread.join()


def _greet(listener: socket.socket, context: ssl.SSLContext) -> None:
    while True:
        try:
            client, _ = listener.accept()
        except OSError:
            return
        try:
            context.wrap_socket(client, server_side=True).close()
        except OSError:
            client.close()


def test_f56_an_untrusted_certificate_is_refused(untrusted_port: int) -> None:
    endpoint = f"https://localhost:{untrusted_port}"
    store = S3Store(S3(endpoint=endpoint, bucket="studies", access_key="a", secret_key="b"))
    with pytest.raises(StorageRefused) as refused:
        store.check()
    assert refused.value.parameters["reason"] == "certificate is not trusted"
