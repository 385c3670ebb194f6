"""The S3 store when the network or the server misbehaves: bounded, repeated where it helps, nothing half."""

import hashlib
import socket
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random

import pytest
from tests.peers.chaos import SLOW_DOWN, ChaosProxy, chaos
from tests.store.conftest import Bucket, put

from studypub.config import S3
from studypub.errors import StorageUnavailable
from studypub.store import s3_client
from studypub.store.base import Sent
from studypub.store.s3 import S3Store

pytestmark = pytest.mark.peer

KEY = "f_Khimki/3f9c0a.zip"
PART = 8 << 20


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    path = tmp_path / "archive.zip"
    path.write_bytes(Random(7).randbytes(2 * PART + 5))
    return path


def verified(store: S3Store, archive: Path, sent: Sent) -> bool:
    data = archive.read_bytes()
    store.verify(KEY, sent, len(data), hashlib.sha256(data).digest())
    return True


def nowhere(address: str) -> S3Store:
    return S3Store(S3(endpoint=f"http://{address}", bucket="studies", access_key="a", secret_key="b"))


def test_f53_a_busy_server_is_asked_again(
    proxied: S3Store, proxy: ChaosProxy, ceph_bucket: Bucket, archive: Path
) -> None:
    proxy.answers = [SLOW_DOWN] * 3
    sent = put(proxied, KEY, archive)
    assert proxy.answers == []
    assert verified(proxied, archive, sent)
    assert ceph_bucket.keys() == [KEY]
    assert ceph_bucket.unfinished() == []


def test_f53_a_server_that_stays_busy_is_unavailable(proxied: S3Store, proxy: ChaosProxy, archive: Path) -> None:
    proxy.answers = [SLOW_DOWN] * 100
    with pytest.raises(StorageUnavailable, match="SlowDown"):
        put(proxied, KEY, archive)
    assert len(proxy.answers) >= 90


def test_f54_a_closed_port_is_unavailable_soon(archive: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        address = f"127.0.0.1:{listener.getsockname()[1]}"
    began = time.monotonic()
    with pytest.raises(StorageUnavailable):
        put(nowhere(address), KEY, archive)
    assert time.monotonic() - began < 30


def test_f54_a_silent_server_is_given_up(monkeypatch: pytest.MonkeyPatch, proxy: ChaosProxy, archive: Path) -> None:
    monkeypatch.setattr(s3_client, "_STALL_SECONDS", 0.2)
    proxy.silent = True
    began = time.monotonic()
    with pytest.raises(StorageUnavailable):
        put(nowhere(proxy.address), KEY, archive)
    assert time.monotonic() - began < 30


def test_f54_a_slow_uplink_is_not_a_dead_one(
    monkeypatch: pytest.MonkeyPatch, ceph_bucket: Bucket, proxy: ChaosProxy, archive: Path
) -> None:
    monkeypatch.setattr(s3_client, "_CONNECT_SECONDS", 0.2)
    proxy.bytes_per_second = 20 << 20
    store = S3Store(ceph_bucket.server.config(ceph_bucket.name, endpoint=f"http://{proxy.address}"))
    sent = put(store, KEY, archive)
    assert verified(store, archive, sent)


def test_f54_a_trickle_is_given_up(
    monkeypatch: pytest.MonkeyPatch, ceph_bucket: Bucket, proxy: ChaosProxy, archive: Path
) -> None:
    monkeypatch.setattr(s3_client, "_SEND_SECONDS", 0.5)
    proxy.bytes_per_second = 1 << 20
    store = S3Store(ceph_bucket.server.config(ceph_bucket.name, endpoint=f"http://{proxy.address}"))
    began = time.monotonic()
    with pytest.raises(StorageUnavailable, match="too long"):
        put(store, KEY, archive)
    assert time.monotonic() - began < 30
    assert ceph_bucket.keys() == []


def test_f55_a_part_that_is_cut_off_is_sent_again(
    proxied: S3Store, proxy: ChaosProxy, ceph_bucket: Bucket, archive: Path
) -> None:
    proxy.resets = [PART + (4 << 20)]
    sent = put(proxied, KEY, archive)
    assert proxy.resets == []
    assert verified(proxied, archive, sent)
    assert ceph_bucket.unfinished() == []


def test_f55_an_upload_that_fails_is_aborted(
    proxied: S3Store, proxy: ChaosProxy, ceph_bucket: Bucket, archive: Path
) -> None:
    proxy.resets = [PART + (4 << 20), 4 << 20, 4 << 20]
    with pytest.raises(StorageUnavailable):
        put(proxied, KEY, archive)
    assert proxy.resets == []
    assert ceph_bucket.keys() == []
    assert ceph_bucket.unfinished() == []


def test_f07_an_upload_that_nobody_aborted_is_swept_away(
    proxied: S3Store, proxy: ChaosProxy, ceph_bucket: Bucket, archive: Path
) -> None:
    proxy.resets, proxy.down_after_resets = [PART + (4 << 20)], True
    with pytest.raises(StorageUnavailable):
        put(proxied, KEY, archive)
    assert ceph_bucket.keys() == []
    assert ceph_bucket.unfinished() == [KEY]
    assert ceph_bucket.store.sweep(timedelta(hours=1)) == 0
    assert ceph_bucket.store.sweep(timedelta(0)) == 1
    assert ceph_bucket.unfinished() == []


def test_f07_unfinished_uploads_are_swept_on_every_server(bucket: Bucket) -> None:
    client = bucket.server.client()
    for number in range(3):
        client._create_multipart_upload(bucket.name, f"key{number}", {})
    client._create_multipart_upload(bucket.name, "other/key", {})
    store = S3Store(bucket.server.config(bucket.name, prefix="other"))
    assert store.sweep(timedelta(seconds=-5)) == 1
    assert sorted(bucket.unfinished()) == ["key0", "key1", "key2"]
    assert bucket.store.sweep(timedelta(seconds=-5)) == 3
    assert bucket.unfinished() == []


def test_f07_an_upload_that_goes_on_is_not_swept_away(bucket: Bucket) -> None:
    client = bucket.server.client()
    upload_id = client._create_multipart_upload(bucket.name, KEY, {})
    ((_, _, began),) = bucket.store._client.unfinished(bucket.name, "")
    part = None
    while part is None or part <= began + timedelta(seconds=1):  # a server that knows only whole seconds
        client._upload_part(bucket.name, KEY, b"x", {}, upload_id, 1)
        part = bucket.store._client.last_part(bucket.name, KEY, upload_id)
    assert bucket.store.sweep(datetime.now(UTC) - began) == 0
    assert bucket.unfinished() == [KEY]
    assert bucket.store.sweep(timedelta(seconds=-5)) == 1
    assert bucket.unfinished() == []
    assert bucket.store._client.last_part(bucket.name, KEY, upload_id) is None


def test_an_answer_that_is_not_of_s3_is_no_success(archive: Path) -> None:
    page = b"HTTP/1.1 404 Not Found\r\nContent-Type: text/html\r\nConnection: close\r\nContent-Length: 4\r\n\r\nGone"
    with chaos(("127.0.0.1", 1)) as proxy:
        proxy.answers = [page] * 20
        with pytest.raises(StorageUnavailable):
            put(nowhere(proxy.address), KEY, archive)
