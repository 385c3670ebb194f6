"""The daemon is killed at every stage of a task's life: nothing is lost, doubled, half done or left behind."""

import signal

import pytest
from pydicom.dataset import FileDataset
from tests.peers.invariants import violations
from tests.peers.studies import make_study
from tests.peers.world import Daemon, World, eventually

PATIENT, ACCESSION = "PID-31-4159", "ACSN-2653"


@pytest.fixture(scope="module")
def study() -> list[FileDataset]:
    return make_study(patient_id=PATIENT, accession_number=ACCESSION, instances=4, seed=31)


def require_whole(world: World, study: list[FileDataset]) -> None:
    """One live link, the whole study behind it; what else is stored goes with the next sweep, the spool is empty."""
    found = violations(world.database, _named(world.stored()), {ACCESSION: study}, max_attempts=5)
    assert found == []
    assert world.rows("SELECT count(*) FROM published_studies WHERE state = 'LIVE'") == [(1,)]
    eventually(lambda: world.spool == [])  # it is emptied once the task has ended


def _named(stored: dict[str, bytes]) -> dict[str, bytes]:
    return {key: data for key, data in stored.items() if not key.startswith(".unfinished/")}


STAGES = {
    "f02_right_after_the_claim": "claimed:kill",
    "f03_during_c_find": "finding:kill",
    "f03_after_c_find": "found:kill",
    "f04_in_the_middle_of_c_move": "receiving:kill:2",
    "f04_when_all_has_arrived": "received:kill",
    "f05_during_deidentification": "preparing:kill:2",
    "f06_before_the_archive_is_closed": "archiving:kill",
    "f06_when_the_archive_is_ready": "prepared:kill",
    "f07_during_the_upload": "copying:kill:2",  # the first is the mark of the machine
    "f08_after_the_upload": "uploaded:kill",
    "f08_before_the_commit": "publishing:kill",
    "f09_after_the_commit": "published:kill",
}


@pytest.mark.parametrize("failpoint", STAGES.values(), ids=STAGES)
def test_f02_to_f09_a_kill_at_any_stage_is_made_good_at_the_next_start(
    world: World, study: list[FileDataset], failpoint: str
) -> None:
    world.pacs.add(study)
    world.environment["STUDYPUB_WORKERS__LEASE_SECONDS"] = "3600"  # nobody waits for it to run out
    killed = world.start(failpoint)
    task_id = world.ask(ACCESSION, PATIENT)
    assert killed.wait() == -signal.SIGKILL
    again = world.start()
    task = world.ended(task_id)
    published = failpoint == "published:kill"
    assert (task["attempt"], task["crashes"]) == ((1, 0) if published else (2, 1))
    require_whole(world, study)
    assert again.ends() == 0


def test_f01_a_kill_before_the_answer_leaves_one_task(world: World, study: list[FileDataset]) -> None:
    world.pacs.add(study)
    killed = world.start("queued:kill")
    with pytest.raises(Exception, match=r"disconnected|reset"):
        world.ask(ACCESSION, PATIENT)
    assert killed.wait() == -signal.SIGKILL
    ((queued,),) = world.rows("SELECT task_id::text FROM tasks")
    world.start()
    assert world.ask(ACCESSION, PATIENT) == queued
    world.ended(queued)
    require_whole(world, study)


def test_f08_what_an_attempt_that_died_had_stored_is_collected(world: World, study: list[FileDataset]) -> None:
    world.pacs.add(study)
    killed = world.start("uploaded:kill")
    task_id = world.ask(ACCESSION, PATIENT)
    assert killed.wait() == -signal.SIGKILL
    assert len(world.stored()) == 2
    again = world.start()
    world.ended(task_id)
    assert len(world.stored()) == 4
    world.rows("UPDATE stored_objects SET created_at = created_at - interval '2 hours'")
    assert again.ends() == 0
    world.start()
    eventually(lambda: len(world.stored()) == 2)
    require_whole(world, study)


@pytest.mark.parametrize("failpoint", ["expiring:kill", "sweeping:kill"])
def test_f10_a_kill_in_retention_is_made_good(world: World, study: list[FileDataset], failpoint: str) -> None:
    world.pacs.add(study)
    first = world.start()
    task_id = world.ask(ACCESSION, PATIENT)
    world.ended(task_id)
    assert first.ends() == 0
    world.rows("UPDATE published_studies SET save_till = now()")
    killed = world.start(failpoint, ready=False)
    assert killed.wait() == -signal.SIGKILL
    world.start()
    world.until(task_id, "EXPIRED")
    eventually(lambda: world.stored() == {})
    eventually(lambda: world.rows("SELECT count(*) FROM stored_objects WHERE deleted_at IS NULL") == [(0,)])
    # The tombstone: what was published, without its key, and one entry of its end.
    assert world.rows("SELECT state, deid_key FROM published_studies") == [("EXPIRED", None)]
    assert world.rows("SELECT count(*) FROM audit_log WHERE action = 'study.expired'") == [(1,)]


def died_or(world: World, daemon: Daemon, task_id: str, status: str) -> bool:
    """Wait until the daemon has died, or the task is so."""
    eventually(lambda: daemon.wait(0) is not None or world.task(task_id)["status"] == status)
    return daemon.wait(0) is not None


def test_f64_a_task_that_kills_its_process_is_set_aside_and_others_go_on(
    world: World, study: list[FileDataset]
) -> None:
    world.pacs.add(study)
    first = world.start(STUDYPUB_WORKERS__LEAST_FREE_MB=str(2**30))  # nothing is begun yet
    innocent, poisoned = world.ask(ACCESSION, PATIENT), world.ask("POISON", PATIENT)
    assert first.ends() == 0
    deaths = 0
    while world.task(poisoned)["status"] != "FAILED":
        deaths += died_or(world, world.start("claimed:kill:1:POISON", ready=False), poisoned, "FAILED")
    assert deaths == 3
    failed = world.ended(poisoned, "FAILED")
    assert failed["crashes"] == 3
    assert "set aside" in failed["error_text"]["en"]
    done = world.ended(innocent)
    assert done["crashes"] <= 1
    require_whole(world, study)
