"""Real S3 servers, Ceph's radosgw and OpenStack Swift, one of each for a whole run of the tests."""

import fcntl
import json
import os
import secrets
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from random import SystemRandom
from typing import Any
from urllib.parse import urlsplit

import pytest
from minio import Minio

from studypub.config import S3

_REPOSITORY = Path(__file__).resolve().parents[2]
_SCRIPTS = Path(os.environ.get("STUDYPUB_S3_SCRIPTS") or _REPOSITORY.parent / "shared" / "s3")
_PORTS = 30  # the scripts use up to this many, from the first on


@dataclass(frozen=True)
class S3Server:
    """A running server and the keys of its owner."""

    endpoint: str
    access_key: str
    secret_key: str
    region: str
    folder: Path

    @property
    def address(self) -> tuple[str, int]:
        """Where it listens."""
        url = urlsplit(self.endpoint)
        return str(url.hostname), url.port or 80

    def client(self) -> Minio:
        """Return a client of our own, to look and to meddle behind the store's back."""
        return Minio(urlsplit(self.endpoint).netloc, self.access_key, self.secret_key, region=self.region, secure=False)

    def config(self, bucket: str, **changes: Any) -> S3:
        """Return the configuration of a store in that bucket."""
        given = {
            "endpoint": self.endpoint,
            "access_key": self.access_key,
            "secret_key": self.secret_key,
            "region": self.region,
            "bucket": bucket,
        }
        return S3(**(given | changes))

    def environment(self, bucket: str, **changes: Any) -> dict[str, str]:
        """Return what a daemon that keeps its archives in that bucket is given."""
        found = self.config(bucket, **changes)
        names = ("endpoint", "bucket", "access_key", "secret_key", "region")
        section = {f"STUDYPUB_STORAGE__S3__{name.upper()}": str(getattr(found, name)) for name in names}
        return {"STUDYPUB_STORAGE__KIND": "s3", **section}

    def new_bucket(self) -> str:
        """Make an empty bucket and return its name."""
        name = f"test-{secrets.token_hex(8)}"
        self.client().make_bucket(name)
        return name


@pytest.fixture(scope="session")
def radosgw(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    """Ceph's gateway: the complete one."""
    with _shared("radosgw", tmp_path_factory) as server:
        yield server


@pytest.fixture(scope="session")
def swift(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    """OpenStack Swift: the awkward one, on which some clouds are built."""
    with _shared("swift", tmp_path_factory) as server:
        yield server


@contextmanager
def started(name: str, folder: Path) -> Iterator[S3Server]:
    """Start a server of one's own in the folder."""
    script = _SCRIPTS / name
    try:
        yield S3Server(**_start(script, folder / name), folder=folder / name)
    finally:
        subprocess.run([script, "stop", folder / name], check=True, capture_output=True)


@contextmanager
def _shared(name: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    """Start the server unless another process of this run has; the last one to leave stops it."""
    script = _SCRIPTS / name
    if not script.is_file():
        pytest.fail(f"{script} is missing: these tests need a real S3 server (STUDYPUB_S3_SCRIPTS names the folder)")
    base = tmp_path_factory.getbasetemp()
    root = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    folder, users = root / f"s3-{name}", root / f"s3-{name}.users"
    with _locked(root / "s3.lock"):
        settings = _start(script, folder)  # a running one only prints them
        _count(users, +1)
    try:
        yield S3Server(**settings, folder=folder)
    finally:
        with _locked(root / "s3.lock"):
            if _count(users, -1) == 0:
                subprocess.run([script, "stop", folder], check=True, capture_output=True)
                shutil.rmtree(folder)


def _start(script: Path, folder: Path) -> dict[str, str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("S3_")}
    environment |= {} if folder.exists() else {"S3_PORT": str(_free_ports())}
    done = subprocess.run([script, "start", folder], capture_output=True, text=True, env=environment, check=False)
    if done.returncode:
        pytest.fail(f"{script} did not start: {done.stderr}")
    pairs = (line.removeprefix("S3_").partition("=") for line in done.stdout.splitlines())
    return {name.lower(): value for name, _, value in pairs}


def _free_ports() -> int:
    """Return the first of enough free ports in a row, below those that the system hands out by itself."""
    for _ in range(100):
        first = SystemRandom().randrange(20000, 30000, _PORTS)
        with ExitStack() as held:
            try:
                for port in range(first, first + _PORTS):
                    held.enter_context(socket.create_server(("127.0.0.1", port)))
            except OSError:
                continue
        return first
    raise AssertionError("no free ports")


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _count(path: Path, change: int) -> int:
    users = (json.loads(path.read_text()) if path.exists() else 0) + change
    path.write_text(json.dumps(users))
    return int(users)
