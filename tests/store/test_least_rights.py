"""The rights that docs/s3.md tells to grant are enough for all that the store does, on a server that holds to them."""

import io
import json
import re
import secrets
import subprocess
from collections.abc import Callable
from datetime import timedelta
from hashlib import sha256
from pathlib import Path

import httpx
import pytest
from minio.commonconfig import ENABLED
from minio.versioningconfig import VersioningConfig
from tests.peers.s3 import S3Server

from studypub.errors import StorageRefused
from studypub.store.base import LONGEST_LINK
from studypub.store.s3 import S3Store

pytestmark = pytest.mark.peer

MANUAL = (Path(__file__).parents[2] / "docs/s3.md").read_text("utf-8")
POLICY = next(block for block in re.findall(r"```json\n(.*?)```", MANUAL, re.DOTALL) if "Principal" in block)
KEY = "studies/1.zip"
LONG = bytes((8 << 20) + 5)  # two parts
# A server may let whoever stored an object read it whatever the policy says, as Ceph does.
HELD = ["s3:ListBucket", "s3:ListBucketMultipartUploads", "s3:PutObject", "s3:DeleteObject", "s3:AbortMultipartUpload"]

FOR_VERSIONS = ["s3:ListBucketVersions", "s3:DeleteObjectVersion"]


@pytest.fixture(scope="module")
def user(radosgw: S3Server) -> dict[str, str]:
    """Somebody who owns no bucket; return the keys."""
    name = f"user{secrets.token_hex(6)}"
    keys = {"access_key": name, "secret_key": secrets.token_hex(16)}
    options = [f"--uid={name}", "--display-name=user", f"--access-key={name}", f"--secret-key={keys['secret_key']}"]
    conf = radosgw.folder / "etc/ceph.conf"
    subprocess.run(["radosgw-admin", "--conf", conf, "user", "create", *options], check=True, capture_output=True)
    return keys


@pytest.fixture
def granted(radosgw: S3Server, user: dict[str, str]) -> Callable[..., S3Store]:
    """Return what makes a store in a bucket of somebody else's, with the manual's rights but those named."""

    def grant(*without: str, versions: bool = False) -> S3Store:
        bucket = radosgw.new_bucket()
        policy = json.loads(POLICY.replace(":::studies", f":::{bucket}"))
        for statement in policy["Statement"]:
            statement["Principal"] = {"AWS": [f"arn:aws:iam:::user/{user['access_key']}"]}
            statement["Action"] = [action for action in statement["Action"] if action not in without]
            if versions:
                statement["Action"] += FOR_VERSIONS
        if versions:
            radosgw.client().set_bucket_versioning(bucket, VersioningConfig(ENABLED))
        radosgw.client().set_bucket_policy(bucket, json.dumps(policy))
        return S3Store(radosgw.config(bucket, **user, prefix="clinic"))

    return grant


def test_the_rights_are_enough(granted: Callable[..., S3Store]) -> None:
    use(granted())


def test_a_bucket_that_keeps_versions_takes_two_more(granted: Callable[..., S3Store]) -> None:
    assert all(f"`{right}`" in MANUAL for right in FOR_VERSIONS)
    use(granted(versions=True))


@pytest.mark.parametrize("right", HELD)
def test_each_right_is_needed(granted: Callable[..., S3Store], right: str) -> None:
    assert f'"{right}"' in POLICY
    with pytest.raises(StorageRefused):
        use(granted(right))


def use(store: S3Store) -> None:
    """Do once what the daemon does."""
    store.check()
    sent = store.put(KEY, io.BytesIO(LONG))
    store.verify(KEY, sent, len(LONG), sha256(LONG).digest())
    assert (store.size(KEY), store.size("studies/2.zip")) == (len(LONG), None)
    assert list(store.stored_keys()) == [KEY]
    assert httpx.get(store.link(KEY, "study.zip", LONGEST_LINK)).content == LONG
    store.delete(KEY)
    begin(store)
    assert store.sweep(timedelta(0)) == 1


def begin(store: S3Store) -> None:
    """Leave an upload unfinished."""
    client, bucket, name = store._client, store._bucket, store._name("studies/3.zip")
    upload = client._create_multipart_upload(bucket, name, {})
    client._upload_part(bucket, name, b"begun", None, upload, 1)
