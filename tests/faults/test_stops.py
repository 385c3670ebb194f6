"""The daemon is stopped, halted and doubled: it gives back what it has, publishes nothing late, says that it lives."""

import os
import signal
import socket
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import httpx
import pytest
from pydicom.dataset import FileDataset
from tests.peers.raw_dicom import ASSOCIATE_RJ, RawPeer, associate_rq
from tests.peers.studies import make_study
from tests.peers.world import Daemon, World, eventually

PATIENT, ACCESSION = "PID-27-1828", "ACSN-4590"


@pytest.fixture(scope="module")
def study() -> list[FileDataset]:
    return make_study(patient_id=PATIENT, accession_number=ACCESSION, instances=3, seed=27)


@pytest.fixture
def held(world: World, study: list[FileDataset]) -> tuple[Daemon, str]:
    """A daemon in the middle of a task, and the task's id."""
    world.pacs.add(study)
    daemon = world.start("prepared:hold")
    task_id = world.ask(ACCESSION, PATIENT)
    world.reached()
    return daemon, task_id


def test_f12_sigterm_lets_what_runs_come_to_its_end_and_claims_nothing_more(
    world: World, held: tuple[Daemon, str]
) -> None:
    daemon, task_id = held
    daemon.send(signal.SIGTERM)
    eventually(lambda: daemon.said("останавливается"))
    world.rows("INSERT INTO tasks (clinic_code, patient_id, accession_number, origin, requested_by, search_until)"
               " VALUES ('f_Khimki', 'P', 'LATE', 'command', 'test', now())")  # fmt: skip
    world.go()
    assert daemon.wait() == 0
    assert world.task(task_id)["status"] == "COMPLETED"
    assert world.rows("SELECT status, attempt FROM tasks WHERE accession_number = 'LATE'") == [("QUEUED", 0)]


def test_f12_f13_sigterm_twice_gives_back_what_does_not_end_and_burns_no_attempt(
    world: World, held: tuple[Daemon, str]
) -> None:
    daemon, task_id = held
    daemon.send(signal.SIGTERM)
    eventually(lambda: daemon.said("останавливается"))
    for number in (signal.SIGTERM, signal.SIGINT):
        daemon.send(number)
    assert daemon.wait(14) == 0  # the second one means: hurry; else it is 15 s
    task = world.task(task_id)
    assert (task["status"], task["attempt"], task["crashes"], task["lease_token"]) == ("QUEUED", 0, 0, None)
    world.start()
    assert world.ended(task_id)["attempt"] == 1


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_f13_a_signal_during_a_migration_ends_it_and_leaves_the_old_schema(
    world: World, number: signal.Signals
) -> None:
    empty = world.postgres.empty_database()
    daemon = world.start("migrating:hold", ready=False, STUDYPUB_DATABASE__URL=empty)
    world.reached()
    assert daemon.ends(number) == 0
    world.database = empty
    assert world.rows("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'") == [(0,)]
    assert world.start(STUDYPUB_DATABASE__URL=empty).ends() == 0


def test_f60_a_kill_during_a_migration_leaves_the_old_schema_and_the_next_start_migrates(world: World) -> None:
    empty = world.postgres.empty_database()
    assert world.start("migrating:kill", ready=False, STUDYPUB_DATABASE__URL=empty).wait() == -signal.SIGKILL
    world.database = empty
    assert world.rows("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'") == [(0,)]
    assert world.start(STUDYPUB_DATABASE__URL=empty).ends() == 0
    assert world.rows("SELECT count(*) > 0 FROM schema_migrations") == [(True,)]


def test_f14_a_zombie_cannot_publish(world: World, study: list[FileDataset]) -> None:
    """Halted until another daemon has published the study, it wakes with an archive in its hands."""
    world.pacs.add(study)
    world.environment["STUDYPUB_WORKERS__LEASE_SECONDS"] = "3"
    zombie = world.start("uploaded:hold")
    task_id = world.ask(ACCESSION, PATIENT)
    world.reached()
    zombie.send(signal.SIGSTOP)
    world.go()
    with world.beside() as other:
        successor = other.start()
        done = other.ended(task_id)
        links = world.rows("SELECT token FROM published_studies")
        zombie.send(signal.SIGCONT)
        eventually(lambda: zombie.said("больше не наше"))
        assert world.rows("SELECT token FROM published_studies") == links
        assert (len(links), done["attempt"], done["crashes"]) == (1, 2, 1)
        assert world.task(task_id) == done
        assert successor.ends() == 0


def test_f18_a_second_daemon_on_the_folder_says_so_and_leaves(world: World) -> None:
    first = world.start()
    second = world.start(ready=False)
    assert second.wait() == 1
    assert "already running" in second.output.read_text("utf-8")
    assert world.ready()[0] == 200
    assert first.ends() == 0


def test_f18_two_daemons_on_one_database_do_each_task_once(world: World) -> None:
    numbers = [f"A{number}" for number in range(6)]
    for seed, number in enumerate(numbers):
        world.pacs.add(make_study(patient_id=PATIENT, accession_number=number, instances=1, seed=seed))
    with world.beside() as other:
        world.start()
        other.start()
        for task_id in [world.ask(number, PATIENT) for number in numbers]:
            assert world.ended(task_id)["attempt"] == 1
    assert world.rows("SELECT count(*) FROM published_studies") == [(6,)]


@pytest.fixture
def systemd(world: World) -> Iterator[socket.socket]:
    """What listens at NOTIFY_SOCKET."""
    path = world.installation.folder / "notify"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as receiver:
        receiver.bind(str(path))
        receiver.settimeout(10)
        world.environment |= {"NOTIFY_SOCKET": str(path), "WATCHDOG_USEC": "900000"}
        yield receiver


def heard(systemd: socket.socket, word: bytes) -> bool:
    """Whether systemd hears this, or far too many other words, before it has heard nothing for thrice its patience."""
    systemd.settimeout(2.7)
    try:
        for _ in range(50):
            if systemd.recv(100) == word:
                break
    except TimeoutError:
        return False
    return True


def test_f15_a_blocked_loop_gives_no_sign_of_life_and_after_the_restart_the_task_goes_on(
    world: World, study: list[FileDataset], systemd: socket.socket
) -> None:
    world.pacs.add(study)
    daemon = world.start("claimed:block")
    assert heard(systemd, b"READY=1")
    assert heard(systemd, b"WATCHDOG=1")
    task_id = world.ask(ACCESSION, PATIENT)
    world.reached()
    assert not heard(systemd, b"never")
    assert daemon.ends(signal.SIGABRT) == -signal.SIGABRT  # as systemd does then
    world.start()
    assert heard(systemd, b"WATCHDOG=1")
    assert world.ended(task_id)["attempt"] == 2


def test_f16_a_listener_that_has_died_is_told_and_ends_the_signs_of_life(world: World, systemd: socket.socket) -> None:
    world.start("listening:raise")
    assert not heard(systemd, b"never")
    status, parts = world.ready()
    assert (status, parts["scp"]) == (503, "the DICOM listener has stopped")


def test_f16_a_listener_that_hangs_ends_the_signs_of_life(world: World, systemd: socket.socket) -> None:
    world.start("greeting:block", STUDYPUB_STALLED_SECONDS="1.5")
    assert heard(systemd, b"WATCHDOG=1")
    with socket.create_connection(("127.0.0.1", world.installation.scp_port)):
        world.reached()
        assert not heard(systemd, b"never")
        assert world.ready()[1]["scp"] == "the DICOM listener has stopped"
        world.go()
        assert heard(systemd, b"WATCHDOG=1")


def test_f15_a_worker_that_hangs_ends_the_signs_of_life(
    world: World, study: list[FileDataset], systemd: socket.socket
) -> None:
    """It hangs in what is done after a task, when no heartbeat beats for it any more."""
    world.pacs.add(study)
    daemon = world.start("tidying:hold", STUDYPUB_STALLED_SECONDS="2")
    assert heard(systemd, b"WATCHDOG=1")
    world.ask(ACCESSION, PATIENT)
    world.reached()
    assert not heard(systemd, b"never")
    assert daemon.said("Не работает: workers")
    world.go()
    assert heard(systemd, b"WATCHDOG=1")


def test_systemd_is_told_what_the_daemon_does(world: World, study: list[FileDataset], systemd: socket.socket) -> None:
    world.pacs.add(study)
    daemon = world.start("prepared:hold", STUDYPUB_WORKERS__CONCURRENCY="1")
    assert heard(systemd, "STATUS=Готовится база данных".encode())
    for number in (ACCESSION, "WAITS"):
        world.ask(number, PATIENT)
    world.reached()
    assert heard(systemd, "STATUS=Заданий в работе: 1, ждут: 1".encode())
    world.go()
    assert daemon.ends() == 0


def test_f16_only_listeners_that_live_are_ready(world: World, systemd: socket.socket) -> None:
    daemon = world.start()
    assert heard(systemd, b"WATCHDOG=1")
    assert world.ready() == (200, dict.fromkeys(("database", "scp", "storage", "disk"), "ok"))
    assert daemon.ends() == 0
    assert heard(systemd, b"STOPPING=1")


def test_x04_the_metrics_count_those_who_were_turned_away(world: World) -> None:
    world.start()
    counted = 'studypub_dicom_refused_total{what="association"} %d.0\n'
    metrics = httpx.Client(base_url=world.installation.url, trust_env=False)
    assert counted % 0 in metrics.get("/metrics").text
    with RawPeer(world.installation.scp_port) as peer:
        peer.send(associate_rq(calling=b"STRANGER"))
        assert peer.receive()[0] == ASSOCIATE_RJ
    eventually(lambda: counted % 1 in metrics.get("/metrics").text)
    metrics.close()


def test_f68_a_log_that_nobody_takes_holds_nothing_up(world: World, study: list[FileDataset], tmp_path: Path) -> None:
    """The log goes to a pipe that is full, and whose reader sleeps."""
    world.pacs.add(study)
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    writer = os.open(pipe, os.O_WRONLY | os.O_NONBLOCK)
    with suppress(BlockingIOError):
        while os.write(writer, bytes(4096)):
            pass
    daemon = world.start(ready=False, output=pipe)
    eventually(world.answers)
    world.ended(world.ask(ACCESSION, PATIENT))
    assert daemon.ends() == 0
    os.close(writer)
    os.close(reader)
