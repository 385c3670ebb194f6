"""Memory runs out in the middle of a task: the process ends, and what was under way is taken up again, or set aside."""

import signal
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from uuid import uuid4

import pytest
from pydicom.dataset import FileDataset
from tests.peers.studies import make_study
from tests.peers.world import World, eventually

PATIENT, ACCESSION = "PID-65-0001", "ACSN-6500"
EXHAUSTED = 70
ADDRESSES = 1536 << 20  # a third more than a daemon has reserved when it has published a study
RESIDENT = 160 << 20


@pytest.fixture(scope="module")
def study() -> list[FileDataset]:
    return make_study(patient_id=PATIENT, accession_number=ACCESSION, instances=3, seed=65)


@pytest.fixture
def control_group() -> Iterator[str]:
    """A group whose processes the kernel ends when they hold too much, as systemd's MemoryMax= does."""
    for parent, limit in (("memory", "memory.limit_in_bytes"), ("", "memory.max")):
        group = Path("/sys/fs/cgroup", parent, f"studypub-{uuid4()}")
        with suppress(OSError):
            group.mkdir()
            (group / limit).write_text(str(RESIDENT))
            break
        with suppress(OSError):
            group.rmdir()
    else:
        pytest.skip("control groups cannot be made here")
    yield str(group)
    eventually(lambda: gone(group))


def gone(group: Path) -> bool:
    with suppress(OSError):
        group.rmdir()
    return not group.exists()


def test_f65_a_daemon_that_the_kernel_ends_for_its_memory_goes_on(
    world: World, study: list[FileDataset], control_group: str
) -> None:
    world.pacs.add(study)
    greedy = world.start("preparing:hoard:2", STUDYPUB_CONTROL_GROUP=control_group)
    task_id = world.ask(ACCESSION, PATIENT)
    assert greedy.wait() == -signal.SIGKILL
    again = world.start(STUDYPUB_CONTROL_GROUP=control_group)
    task = world.ended(task_id)
    assert (task["attempt"], task["crashes"]) == (2, 1)
    assert again.ends() == 0


def test_f65_where_no_memory_is_given_the_process_ends_and_the_third_time_the_task_is_set_aside(
    world: World, study: list[FileDataset]
) -> None:
    world.pacs.add(study)
    world.environment["STUDYPUB_MOST_ADDRESSES"] = str(ADDRESSES)
    greedy = world.start("preparing:hoard:2")
    task_id = world.ask(ACCESSION, PATIENT)
    assert greedy.wait() == EXHAUSTED
    assert greedy.said("Память кончилась")
    for _ in range(2):
        assert world.start("preparing:hoard:2", ready=False).wait() == EXHAUSTED
    world.start()
    failed = world.ended(task_id, "FAILED")
    assert failed["crashes"] == 3
    assert "set aside" in failed["error_text"]["en"]
