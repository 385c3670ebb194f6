"""The disk is full and the clock is wrong: tasks wait for room, and go by the database's time."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import randbytes

import pytest
from pydicom.dataset import FileDataset
from tests.peers.studies import make_study
from tests.peers.world import World, eventually

PATIENT, ACCESSION = "PID-17-3205", "ACSN-0807"


@pytest.fixture(scope="module")
def study() -> list[FileDataset]:
    return make_study(patient_id=PATIENT, accession_number=ACCESSION, instances=3, seed=17)


def test_f46_below_the_watermark_nothing_is_begun_and_everybody_is_told(world: World, study: list[FileDataset]) -> None:
    world.pacs.add(study)
    daemon = world.start(STUDYPUB_WORKERS__LEAST_FREE_MB=str(2**30))
    task_id = world.ask(ACCESSION, PATIENT)
    eventually(lambda: daemon.said("мало места на диске"))
    assert world.ready() == (
        503,
        {"database": "ok", "scp": "ok", "storage": "ok", "disk": "the disk is nearly full"},
    )
    waiting = world.task(task_id)
    assert (waiting["status"], waiting["attempt"]) == ("QUEUED", 0)
    assert daemon.ends() == 0
    world.start()
    assert world.ended(task_id)["attempt"] == 1


def test_f46_the_spool_that_is_gone_holds_the_queue(world: World, study: list[FileDataset]) -> None:
    world.pacs.add(study)
    world.start()
    spool = world.installation.folder / "data" / "spool"
    spool.rmdir()
    eventually(lambda: world.ready()[1]["disk"] == "the spool's folder cannot be used")
    task_id = world.ask(ACCESSION, PATIENT)
    assert world.task(task_id)["attempt"] == 0
    spool.mkdir(mode=0o700)
    world.ended(task_id)


@contextmanager
def small_disk(world: World) -> Iterator[Path]:
    """Let the daemon's data lie on a file system of sixteen megabytes."""
    data = world.installation.folder / "data"
    data.mkdir(mode=0o711)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=16m", "tmpfs", data], check=True)
    try:
        yield data
    finally:
        world.close()
        subprocess.run(["umount", data], check=True)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may mount a file system")
def test_f45_a_disk_that_fills_while_a_study_arrives_is_waited_out(world: World) -> None:
    study = make_study(patient_id=PATIENT, accession_number=ACCESSION, instances=6, seed=18)
    world.pacs.add(study)
    with small_disk(world) as data:
        world.environment["STUDYPUB_WORKERS__MAX_ATTEMPTS"] = "50"
        daemon = world.start("receiving:hold:2")
        task_id = world.ask(ACCESSION, PATIENT)
        world.reached()
        filler = data / "filler"
        with filler.open("wb", buffering=0) as file, suppress(OSError):  # until there is no room
            while True:
                file.write(bytes(4096))
        world.go()
        eventually(lambda: world.task(task_id)["error_code"] is not None)
        eventually(lambda: [path for path in world.spool if path.suffix == ".part"] == [])  # what is whole is kept
        filler.unlink()
        world.ended(task_id)
        eventually(lambda: world.spool == [])  # it is emptied once the task has ended
        assert daemon.ends() == 0


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may mount a file system")
def test_f45_a_disk_without_room_for_the_archive_is_waited_out(world: World) -> None:
    """Nine megabytes arrive on a disk of sixteen, and the archive of noise is as long."""
    study = make_study(patient_id=PATIENT, accession_number=ACCESSION, instances=3, seed=19)
    for instance in study:
        instance.Rows = instance.Columns = 1250
        instance.PixelData = randbytes(2 * 1250 * 1250)
    world.pacs.add(study)
    with small_disk(world) as data:
        world.environment["STUDYPUB_WORKERS__MAX_ATTEMPTS"] = "50"
        world.environment["STUDYPUB_PREVIEW__ENABLED"] = "false"  # pictures of noise are as long as the noise
        daemon = world.start()
        task_id = world.ask(ACCESSION, PATIENT)
        eventually(lambda: world.task(task_id)["error_code"] == "DISK_FULL")
        assert world.stored() == {}
        subprocess.run(["mount", "-o", "remount,size=64m", data], check=True)
        world.ended(task_id)
        assert daemon.ends() == 0


@contextmanager
def daemon_at(world: World, shift: str, **environment: str) -> Iterator[None]:
    """Run a daemon whose own clock is wrong by so much."""
    (library,) = Path("/usr/lib").glob("*/faketime/libfaketime.so.1")
    process = subprocess.Popen(
        [sys.executable, "-m", "studypub", "serve", "--config", world.installation.file],
        stdout=subprocess.DEVNULL,
        env={**os.environ, **world.environment, "LD_PRELOAD": str(library), "FAKETIME": shift, **environment},
    )
    try:
        eventually(world.answers)
        yield
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
    finally:
        process.kill()
        process.wait()


@pytest.mark.parametrize("shift", ["+1d", "-1d"])
def test_f28_to_f29_a_wrong_clock_and_another_zone_change_nothing(
    world: World, study: list[FileDataset], shift: str
) -> None:
    world.pacs.add(study)
    with daemon_at(world, shift, TZ="Pacific/Easter"):
        task_id = world.ask(ACCESSION, PATIENT)
        assert world.ended(task_id)["attempt"] == 1
        ((published, till),) = world.rows("SELECT upload_date, save_till FROM published_studies")
        assert abs(datetime.now(UTC) - published) < timedelta(minutes=2)
        assert abs(till - published - timedelta(days=30)) < timedelta(seconds=5)
        assert world.rows("SELECT state FROM published_studies") == [("LIVE",)]


def test_f30_what_fell_due_while_the_daemon_was_down_is_done_once_by_two_that_start_at_once(
    world: World, study: list[FileDataset]
) -> None:
    world.pacs.add(study)
    daemon = world.start()
    task_id = world.ask(ACCESSION, PATIENT)
    world.ended(task_id)
    assert daemon.ends() == 0
    world.rows("UPDATE published_studies SET save_till = now() - interval '3 days'")
    with world.beside() as other:
        world.start(ready=False)
        other.start(ready=False)
        world.until(task_id, "EXPIRED")
        eventually(lambda: world.stored() == {})
    assert world.rows("SELECT count(*) FROM audit_log WHERE action = 'study.expired'") == [(1,)]
