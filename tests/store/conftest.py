"""Stores of every kind, each with a way to look and meddle behind its back."""

import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.peers.chaos import ChaosProxy, chaos
from tests.peers.s3 import S3Server, radosgw, swift

from studypub.store.base import LONGEST_LINK, Sent, Store
from studypub.store.local import LocalStore
from studypub.store.s3 import S3Store

__all__ = ["radosgw", "swift"]


def put(store: Store, key: str, path: Path) -> Sent:
    """Store a file."""
    with path.open("rb") as stream:
        return store.put(key, stream)


@dataclass(frozen=True)
class Kept:
    """A store under test; `overwrite` and `keys` go past it."""

    store: Store
    overwrite: Callable[[str, bytes], Any]
    keys: Callable[[], list[str]]

    def read(self, key: str) -> bytes:
        """Return the object as a patient gets it: by the link, or streamed from its file."""
        if url := self.store.link(key, "study.zip", LONGEST_LINK):
            return httpx.get(url).raise_for_status().content
        path = self.store.path(key)
        assert path is not None
        return path.read_bytes()


@dataclass(frozen=True)
class Bucket:
    """A store in an empty bucket of a real server."""

    server: S3Server
    name: str
    store: S3Store

    def keys(self) -> list[str]:
        """Return every object of the bucket."""
        return [str(one.object_name) for one in self.server.client().list_objects(self.name, recursive=True)]

    def overwrite(self, key: str, data: bytes) -> None:
        """Put an object without asking the store."""
        self.server.client().put_object(self.name, key, io.BytesIO(data), len(data), part_size=8 << 20)

    def unfinished(self) -> list[str]:
        """Return the objects whose multipart upload was neither completed nor aborted."""
        found = self.server.client()._list_multipart_uploads(self.name, delimiter="|")
        return [upload.object_name for upload in found.uploads]


@pytest.fixture(params=[pytest.param("radosgw", marks=pytest.mark.peer), pytest.param("swift", marks=pytest.mark.peer)])
def bucket(request: pytest.FixtureRequest) -> Bucket:
    """Return an empty bucket on each of the servers in turn."""
    return new_bucket(request.getfixturevalue(request.param))


@pytest.fixture
def ceph_bucket(radosgw: S3Server) -> Bucket:
    """Return an empty bucket of the server that knows policies."""
    return new_bucket(radosgw)


@pytest.fixture
def swift_bucket(swift: S3Server) -> Bucket:
    """Return an empty bucket of the server that insists on its region."""
    return new_bucket(swift)


def new_bucket(server: S3Server) -> Bucket:
    name = server.new_bucket()
    return Bucket(server, name, S3Store(server.config(name)))


@pytest.fixture(
    params=[
        "local",
        pytest.param("radosgw", marks=pytest.mark.peer),
        pytest.param("swift", marks=pytest.mark.peer),
    ]
)
def kept(request: pytest.FixtureRequest, tmp_path: Path) -> Kept:
    """Return an empty store of each kind in turn."""
    if request.param == "local":
        folder = tmp_path / "storage"
        return Kept(
            LocalStore(folder),
            lambda key, data: (folder / key).write_bytes(data),
            lambda: [path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()],
        )
    made = new_bucket(request.getfixturevalue(request.param))
    return Kept(made.store, made.overwrite, made.keys)


@pytest.fixture
def proxy(radosgw: S3Server) -> Iterator[ChaosProxy]:
    """Yield a proxy in front of the server of `ceph_bucket`."""
    with chaos(radosgw.address) as made:
        yield made


@pytest.fixture
def proxied(ceph_bucket: Bucket, proxy: ChaosProxy) -> S3Store:
    """Return a store in `ceph_bucket` that reaches it through `proxy`."""
    return S3Store(ceph_bucket.server.config(ceph_bucket.name, endpoint=f"http://{proxy.address}"))
