"""The store refuses us or is open to all: nothing is published or lost for it, and all goes on when it is mended."""

import json
import signal
from random import Random

import pytest
from minio.datatypes import Upload
from pydicom.dataset import FileDataset
from tests.peers.chaos import chaos
from tests.peers.s3 import S3Server, radosgw
from tests.peers.studies import make_study
from tests.peers.world import World, eventually

__all__ = ["radosgw"]
pytestmark = pytest.mark.peer

PATIENT, ACCESSION = "PID-14-1421", "ACSN-3562"
PART_BYTES, SIDE, BYTES_PER_SECOND = 8 << 20, 3200, 4 << 20


@pytest.fixture(scope="module")
def study() -> list[FileDataset]:
    return make_study(patient_id=PATIENT, accession_number=ACCESSION, instances=2, seed=14)


def keys(server: S3Server, bucket: str) -> list[str]:
    found = (str(one.object_name) for one in server.client().list_objects(bucket, recursive=True))
    return [key for key in found if not key.startswith(("probe-", "machine-"))]


def unfinished(server: S3Server, bucket: str) -> list[Upload]:
    return server.client()._list_multipart_uploads(bucket, delimiter="|").uploads


@pytest.mark.parametrize(
    ("action", "resource"), [("s3:GetObject", "arn:aws:s3:::{}/*"), ("s3:ListBucket", "arn:aws:s3:::{}")]
)
def test_f58_nothing_is_published_into_a_public_bucket_until_it_is_closed(
    world: World, study: list[FileDataset], radosgw: S3Server, action: str, resource: str
) -> None:
    world.pacs.add(study)
    bucket = radosgw.new_bucket()
    allow = {
        "Effect": "Allow",
        "Principal": {"AWS": ["*"]},
        "Action": [action],
        "Resource": [resource.format(bucket)],
    }
    radosgw.client().set_bucket_policy(bucket, json.dumps({"Version": "2012-10-17", "Statement": [allow]}))
    world.environment |= radosgw.environment(bucket)
    daemon = world.start()
    eventually(lambda: "public" in world.ready()[1]["storage"])
    task_id = world.ask(ACCESSION, PATIENT)
    eventually(lambda: daemon.said("открыт всем"))
    waiting = world.task(task_id)
    assert (waiting["status"], waiting["attempt"]) == ("QUEUED", 0)
    assert keys(radosgw, bucket) == []
    radosgw.client().delete_bucket_policy(bucket)
    assert world.ended(task_id)["attempt"] == 1
    assert len(keys(radosgw, bucket)) == 2  # the archive and its companion
    assert world.ready()[0] == 200


def test_f58_a_bucket_that_becomes_public_while_a_study_is_prepared_gets_nothing(
    world: World, radosgw: S3Server
) -> None:
    """Not even where a part was sent ahead, when strangers could not read it yet."""
    world.pacs.add(of_noise(make_study(patient_id=PATIENT, accession_number=ACCESSION, instances=1, seed=14)))
    bucket = radosgw.new_bucket()
    world.environment |= radosgw.environment(bucket)
    world.start("prepared:hold")
    task_id = world.ask(ACCESSION, PATIENT)
    world.reached()
    eventually(lambda: unfinished(radosgw, bucket))
    allow = {
        "Effect": "Allow",
        "Principal": {"AWS": ["*"]},
        "Action": ["s3:GetObject"],
        "Resource": [f"arn:aws:s3:::{bucket}/*"],
    }
    radosgw.client().set_bucket_policy(bucket, json.dumps({"Version": "2012-10-17", "Statement": [allow]}))
    world.go()
    failed = world.ended(task_id, "FAILED")
    assert "public" in failed["error_text"]["en"]
    assert keys(radosgw, bucket) == []
    eventually(lambda: not unfinished(radosgw, bucket))


def of_noise(study: list[FileDataset]) -> list[FileDataset]:
    """Make the instances so large, and of such pixels, that their archive is sent in two parts."""
    for number, instance in enumerate(study):
        instance.Rows = instance.Columns = SIDE
        instance.PixelData = Random(number).randbytes(2 * SIDE * SIDE)
    return study


def test_f07_a_kill_in_the_middle_of_an_upload_in_parts_leaves_one_object_and_no_parts(
    world: World, radosgw: S3Server
) -> None:
    world.pacs.add(of_noise(make_study(patient_id=PATIENT, accession_number=ACCESSION, instances=1, seed=7)))
    bucket, client = radosgw.new_bucket(), radosgw.client()

    def parts() -> int:
        begun = unfinished(radosgw, bucket)
        return sum(len(client._list_parts(bucket, one.object_name, one.upload_id or "").parts) for one in begun)

    with chaos(radosgw.address) as proxy:
        world.environment |= radosgw.environment(bucket, endpoint=f"http://{proxy.address}")
        killed = world.start()
        eventually(lambda: world.ready()[0] == 200)
        proxy.bytes_per_second = BYTES_PER_SECOND
        task_id = world.ask(ACCESSION, PATIENT)
        eventually(lambda: parts() == 1 and world.task(task_id)["status"] == "UPLOADING", within=60)
        proxy.frozen = True
        assert killed.ends(signal.SIGKILL) == -signal.SIGKILL
        assert world.task(task_id)["status"] in {"PROCESSING", "UPLOADING"}  # a part may come before all is searched
        assert len(unfinished(radosgw, bucket)) == 1
        assert not any(name.endswith(".zip") for name in keys(radosgw, bucket))
        proxy.cut()
        proxy.frozen, proxy.bytes_per_second = False, None
        world.start(STUDYPUB_LONGEST_UPLOAD_SECONDS="0.2")
        assert world.ended(task_id)["attempt"] == 2
        eventually(lambda: unfinished(radosgw, bucket) == [])
    ((key, size),) = world.rows("SELECT object_key, size FROM published_studies WHERE state = 'LIVE'")
    assert size > PART_BYTES
    archives = [name for name in keys(radosgw, bucket) if name.endswith(".zip")]
    assert [(key, size)] == [(name, client.stat_object(bucket, name).size) for name in archives]


def test_f56_a_store_that_refuses_us_pauses_the_queue_and_loses_nothing(
    world: World, study: list[FileDataset], radosgw: S3Server
) -> None:
    world.pacs.add(study)
    bucket = radosgw.new_bucket()
    world.environment |= radosgw.environment(bucket, secret_key="expired")
    daemon = world.start()
    eventually(lambda: "refused" in world.ready()[1]["storage"])
    task_id = world.ask(ACCESSION, PATIENT)
    eventually(lambda: daemon.said("Задания ждут"))
    waiting = world.task(task_id)
    assert (waiting["status"], waiting["attempt"]) == ("QUEUED", 0)
    assert daemon.ends() == 0
    world.environment |= radosgw.environment(bucket)
    world.start()
    assert world.ended(task_id)["attempt"] == 1
