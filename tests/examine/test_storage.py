"""A storage that is wrongly set up: each reason by its own code, on real stores and on what answers in their place."""

import json
import os
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar

import minio.time
import pytest
from tests.examine.conftest import by_code, failures
from tests.peers.certificates import Authority
from tests.peers.program import deaf_port
from tests.peers.s3 import S3Server

from studypub.config import S3, Config, Database, Storage
from studypub.flows.examine import storage
from studypub.flows.examine.finding import Finding


def examined(config: S3) -> dict[str, Finding]:
    found = by_code(list(storage.examine(Config(storage=Storage(kind="s3", s3=config)))))
    for finding in found.values():
        assert config.secret_key not in f"{finding.sentence} {finding.remedy}"
    return found


@pytest.fixture
def bucket(radosgw: S3Server) -> str:
    return radosgw.new_bucket()


@pytest.mark.peer
def test_a_store_that_works(radosgw: S3Server, bucket: str) -> None:
    assert set(examined(radosgw.config(bucket, prefix="studypub"))) == {"STORAGE_WORKS", "CLOCK_STORAGE"}
    assert list(radosgw.client().list_objects(bucket, recursive=True)) == []


@pytest.mark.peer
@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"access_key": "nobody"}, "STORAGE_UNKNOWN_KEY"),
        ({"secret_key": "wrong-secret"}, "STORAGE_WRONG_SECRET"),
        ({"bucket": "no-such-bucket"}, "STORAGE_NO_BUCKET"),
        ({"endpoint": "http://s3.invalid"}, "STORAGE_NAME_UNKNOWN"),
    ],
)
def test_a_wrong_setting_is_named(radosgw: S3Server, bucket: str, changes: dict[str, str], code: str) -> None:
    assert failures(examined(radosgw.config(**({"bucket": bucket} | changes)))) == {code}


@pytest.mark.peer
def test_the_right_region_is_told_where_the_store_names_it(swift: S3Server) -> None:
    found = examined(swift.config(swift.new_bucket(), region="ru-central1"))
    assert failures(found) == {"STORAGE_WRONG_REGION"}
    assert 'region = "us-east-1"' in found["STORAGE_WRONG_REGION"].remedy.ru


@pytest.mark.peer
@pytest.mark.parametrize(
    ("action", "below", "code"),
    [
        ("s3:PutObject", "/*", "STORAGE_NO_PUT"),
        ("s3:GetObject", "/*", "STORAGE_NO_GET"),
        ("s3:DeleteObject", "/*", "STORAGE_NO_DELETE"),
        ("s3:ListBucket", "", "STORAGE_NO_LIST"),
    ],
)
def test_each_right_that_is_missing_is_named(
    radosgw: S3Server, bucket: str, action: str, below: str, code: str
) -> None:
    _set_policy(radosgw, bucket, "Deny", action, below)
    assert failures(examined(radosgw.config(bucket))) == {code}


@pytest.mark.peer
def test_a_public_bucket_is_told_beside_a_missing_right(radosgw: S3Server, bucket: str) -> None:
    _set_policy(radosgw, bucket, "Allow", "s3:GetObject", "/*")
    assert failures(examined(radosgw.config(bucket))) == {"STORAGE_PUBLIC"}


def _set_policy(server: S3Server, bucket: str, effect: str, action: str, below: str) -> None:
    resource = f"arn:aws:s3:::{bucket}{below}"
    statement = {"Effect": effect, "Principal": {"AWS": ["*"]}, "Action": [action], "Resource": [resource]}
    server.client().set_bucket_policy(bucket, json.dumps({"Version": "2012-10-17", "Statement": [statement]}))


@pytest.mark.peer
def test_our_clock_an_hour_late_is_told(radosgw: S3Server, bucket: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The library signs with a time that is wrong: what the store says to that is its own."""
    now = minio.time.utcnow
    monkeypatch.setattr("minio.time.utcnow", lambda: now() - timedelta(hours=1))
    assert failures(examined(radosgw.config(bucket))) == {"STORAGE_CLOCK_SKEWED"}


class Answering(BaseHTTPRequestHandler):
    """Says the same to every request."""

    status: ClassVar[int] = 200
    body: ClassVar[bytes] = b""
    date: ClassVar[str] = ""
    more: ClassVar[dict[str, str]] = {}

    def do_GET(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.send_response_only(self.status)
        for name, value in {"Date": self.date, "Content-Length": str(len(self.body)), **self.more}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(self.body)

    do_PUT = do_DELETE = do_GET  # noqa: N815 - named by the library

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def answering(
    status: int,
    body: str,
    *,
    ahead: timedelta = timedelta(),
    context: ssl.SSLContext | None = None,
    more: dict[str, str] | None = None,
) -> Iterator[int]:
    """Answer so at a loopback port; the clock there is ahead of ours."""
    date = format_datetime(datetime.now(UTC) + ahead, usegmt=True)
    says = {
        "status": status,
        "body": body.encode(),
        "date": date,
        "more": {"Content-Type": "application/xml", **(more or {})},
    }
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Saying", (Answering,), says))
    server.handle_error = lambda *_: None  # type: ignore[method-assign]  # a client that does not trust us leaves
    if context is not None:
        server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, args=[0.05])
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _error(code: str, message: str = "") -> str:
    return f"<?xml version='1.0'?><Error><Code>{code}</Code><Message>{message}</Message></Error>"


def _at(port: int, host: str = "127.0.0.1", scheme: str = "http") -> S3:
    return S3(endpoint=f"{scheme}://{host}:{port}", bucket="studies", access_key="a-key", secret_key="a-secret")


WRONG_REGION = "The authorization header is malformed; the region 'us-east-1' is wrong; expecting 'ru-central1'"


@pytest.mark.parametrize(
    ("status", "body", "more", "code"),
    [
        (400, _error("AuthorizationHeaderMalformed", WRONG_REGION), {}, "STORAGE_WRONG_REGION"),
        (301, _error("PermanentRedirect"), {"x-amz-bucket-region": "ru-central1"}, "STORAGE_WRONG_REGION"),
        (400, _error("ExpiredToken"), {}, "STORAGE_EXPIRED_KEY"),
        (403, _error("InvalidAccessKeyId"), {}, "STORAGE_UNKNOWN_KEY"),
        (503, _error("SlowDown"), {}, "STORAGE_BUSY"),
        (501, _error("NotImplemented"), {}, "STORAGE_REFUSED"),
        (200, "<html><body>Панель</body></html>", {"Content-Type": "text/html"}, "STORAGE_NOT_S3"),
        (404, "<html>", {"Content-Type": "text/html"}, "STORAGE_NOT_S3"),
    ],
)
def test_what_a_server_says_is_understood(status: int, body: str, more: dict[str, str], code: str) -> None:
    with answering(status, body, more=more) as port:
        found = examined(_at(port))
    assert failures(found) == {code}
    if code == "STORAGE_WRONG_REGION":
        assert 'region = "ru-central1"' in found[code].remedy.en


def test_clocks_that_differ_are_told_before_the_store_refuses() -> None:
    with answering(403, _error("AccessDenied"), ahead=timedelta(minutes=2)) as port:
        found = examined(_at(port))
    assert found["CLOCK_STORAGE_DIFFERS"].warned
    assert "STORAGE_NO_PUT" in found
    with answering(403, _error("AccessDenied"), ahead=timedelta(hours=2)) as port:
        found = examined(_at(port))
    assert "this machine's clock is behind by 7" in found["STORAGE_CLOCK_SKEWED"].sentence.en


def test_nobody_answers() -> None:
    with deaf_port() as closed:
        assert failures(examined(_at(closed))) == {"STORAGE_PORT_CLOSED"}


@pytest.mark.parametrize(
    ("name", "begins", "code"),
    [
        ("localhost", "", "STORAGE_CERTIFICATE_UNTRUSTED"),
        ("localhost", "2020-01-01", "STORAGE_CERTIFICATE_EXPIRED"),
        ("localhost", "2099-01-01", "STORAGE_CERTIFICATE_NOT_YET_VALID"),
        ("other.example", "", "STORAGE_CERTIFICATE_OTHER_NAME"),
    ],
)
def test_a_certificate_is_judged(
    authority: Authority, monkeypatch: pytest.MonkeyPatch, name: str, begins: str, code: str
) -> None:
    made = authority.issue(name, begins=begins)
    if code != "STORAGE_CERTIFICATE_UNTRUSTED":
        monkeypatch.setenv("SSL_CERT_FILE", str(authority.certificate))
    with answering(403, _error("AccessDenied"), context=made.context()) as port:
        assert failures(examined(_at(port, "localhost", "https"))) == {code}


def test_a_store_without_tls() -> None:
    with answering(403, _error("AccessDenied")) as port:
        assert failures(examined(_at(port, "localhost", "https"))) == {"STORAGE_NO_TLS"}


def _local(folder: Path) -> dict[str, Finding]:
    return by_code(list(storage.examine(Config(database=Database(data_dir=folder)))))


def test_a_local_storage(tmp_path: Path) -> None:
    assert set(_local(tmp_path)) == {"STORAGE_WORKS"}


def test_a_local_storage_that_is_no_folder(tmp_path: Path) -> None:
    (tmp_path / "storage").write_text("")
    assert failures(_local(tmp_path)) == {"STORAGE_FOLDER_UNUSABLE"}


@pytest.fixture
def somebody() -> Iterator[Callable[[], None]]:
    """Act as a user without rights, and as ourselves again."""
    if os.geteuid() != 0:
        pytest.skip("only root can become another user")
    yield lambda: os.seteuid(65534)
    os.seteuid(0)


def test_a_local_storage_of_another_user(tmp_path: Path, somebody: Callable[[], None]) -> None:
    tmp_path.chmod(0o700)
    somebody()
    found = _local(tmp_path)
    os.seteuid(0)
    assert failures(found) == {"STORAGE_FOLDER_CLOSED"}
