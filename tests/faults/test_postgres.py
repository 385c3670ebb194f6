"""PostgreSQL stops, crashes, loses connections, falls silent or becomes read-only: the daemon lives on and tells so."""

import asyncio
import os
import signal
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict
from pydicom.dataset import FileDataset
from tests.peers.chaos import ChaosProxy, chaos
from tests.peers.studies import make_study
from tests.peers.world import World, eventually

from studypub.core.clinics import EVERY_CLINIC
from studypub.db.again import again_on_collision
from studypub.db.database import Database, connection_string
from studypub.db.durable import require_durable
from studypub.errors import Collision, DatabaseUnavailable, Refused

PATIENT, ACCESSION = "PID-16-1803", "ACSN-3988"
OURS = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'studypub %'"


@pytest.fixture(scope="module")
def study() -> list[FileDataset]:
    return make_study(patient_id=PATIENT, accession_number=ACCESSION, instances=2, seed=16)


@pytest.fixture
def proxy(world: World) -> Iterator[ChaosProxy]:
    """What stands between the daemon and the database."""
    with chaos(world.postgres.socket) as made:
        host, port = made.address.split(":")
        world.environment["STUDYPUB_DATABASE__URL"] = world.database.partition("?")[0].replace("@/", f"@{host}:{port}/")
        yield made


def test_f19_a_database_that_is_stopped_is_told_waited_for_and_used_again_at_once(
    world: World, study: list[FileDataset]
) -> None:
    world.pacs.add(study)
    daemon = world.start()
    world.postgres.stop()
    status, parts = world.ready()
    assert (status, parts["database"]) == (503, "The database is unavailable. Try again in a minute.")
    assert world.answers()
    began = time.monotonic()
    refused = world.post(ACCESSION, PATIENT)
    assert (refused.status_code, refused.headers["retry-after"]) == (503, "2")
    assert time.monotonic() - began < 20  # the pool by itself would wait for 30 s
    world.postgres.start()
    eventually(lambda: world.ready()[0] == 200)
    world.ended(world.ask(ACCESSION, PATIENT))
    assert daemon.ends() == 0


def test_f19_a_daemon_that_starts_first_waits_for_its_database(world: World) -> None:
    world.postgres.stop()
    daemon = world.start(ready=False)
    eventually(lambda: daemon.said("ждём её"))
    assert daemon.wait(0) is None
    world.postgres.start()
    eventually(lambda: daemon.said("запущен"))
    assert daemon.ends() == 0


def test_f13_a_daemon_that_waits_for_its_database_ends_on_a_signal(world: World) -> None:
    world.postgres.stop()
    daemon = world.start(ready=False)
    eventually(lambda: daemon.said("ждём её"))
    assert daemon.ends() == 0
    world.postgres.start()


@pytest.mark.parametrize(
    "stage", ["received", "uploaded", *(pytest.param(name, marks=pytest.mark.long) for name in ("found", "prepared"))]
)
def test_f20_a_restart_of_the_database_in_the_middle_costs_no_more_than_an_attempt(
    world: World, study: list[FileDataset], stage: str
) -> None:
    world.pacs.add(study)
    world.start(f"{stage}:hold")
    task_id = world.ask(ACCESSION, PATIENT)
    world.reached()
    world.postgres.stop()
    world.go()
    world.postgres.start()
    done = world.ended(task_id)
    assert done["attempt"] <= 2
    assert done["crashes"] == 0
    assert world.rows("SELECT count(*) FROM published_studies") == [(1,)]


def test_f21_what_was_acknowledged_outlives_a_crash_of_the_database(world: World) -> None:
    world.start(STUDYPUB_WORKERS__LEAST_FREE_MB=str(2**30))  # nothing is begun
    with world.mis() as mis, ThreadPoolExecutor(4) as pool:
        documents = [{"patient_id": "P", "accession_number": f"A{number}"} for number in range(60)]
        answers = list(pool.map(lambda document: mis.post("/publish", json=document), documents))
    world.postgres.crash()
    world.postgres.start()
    acknowledged = {answer.json()["task_id"] for answer in answers if answer.status_code == 202}
    assert len(acknowledged) == 60
    assert acknowledged <= {task_id for (task_id,) in world.rows("SELECT task_id::text FROM tasks")}


def test_f21_commits_are_durable_whatever_the_database_is_set_to(world: World) -> None:
    name = conninfo_to_dict(world.database)["dbname"]
    world.postgres.execute(f"ALTER DATABASE {name} SET synchronous_commit = off")
    asyncio.run(require_durable(world.database))  # our sessions turn it on
    with psycopg.connect(connection_string(world.database, "test")) as connection:
        assert connection.execute("SHOW synchronous_commit").fetchone() == ("on",)


async def test_f21_a_server_without_fsync_is_refused(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("studypub.db.durable._MUST_BE_ON", ("fsync", "log_checkpoints"))
    with pytest.raises(Refused, match="log_checkpoints is off"):
        await require_durable(world.database)


def test_f22_every_connection_is_ended_again_and_again(world: World, study: list[FileDataset]) -> None:
    world.pacs.add(study)
    daemon = world.start("prepared:hold")
    task_id = world.ask(ACCESSION, PATIENT)
    world.reached()
    for _ in range(10):
        world.rows(OURS)
    world.go()
    assert world.ended(task_id)["crashes"] == 0
    eventually(lambda: world.rows("SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'LISTEN %'") >= [(1,)])
    assert daemon.wait(0) is None


def test_f23_connections_that_fell_silent_are_given_up_and_polling_finds_the_task(
    world: World, proxy: ChaosProxy, study: list[FileDataset]
) -> None:
    """Those that are open stay open and say nothing more; new ones work."""
    world.pacs.add(study)
    daemon = world.start()
    proxy.mute()
    world.ended(eventually(lambda: _accepted(world)))
    assert daemon.wait(0) is None


def _accepted(world: World) -> str | None:
    response = world.post(ACCESSION, PATIENT)
    assert response.status_code in (200, 202, 503)
    return response.json()["task_id"] if response.status_code != 503 else None


def test_f24_an_exhausted_pool_says_come_again_soon_and_workers_have_their_own(
    world: World, study: list[FileDataset]
) -> None:
    world.pacs.add(study)
    world.start("queued:hold")
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(world.ask, ACCESSION, PATIENT)
        world.reached()
        ((task_id,),) = world.rows("SELECT task_id::text FROM tasks")
        world.ended(task_id)
        with psycopg.connect(world.database) as holder:
            # Whoever shows the queue or queues a study now waits with a connection in hand.
            holder.execute("LOCK TABLE api_keys IN ACCESS EXCLUSIVE MODE")
            holding = [threading.Thread(target=world.post, args=(f"A{n}", PATIENT)) for n in range(10)]
            for one in holding:
                one.start()
            waiting = "SELECT count(*) FROM pg_locks WHERE NOT granted"
            eventually(lambda: world.rows(waiting)[0][0] >= 10)
            began = time.monotonic()
            refused = world.post("LATE", PATIENT)
            assert (refused.status_code, refused.headers["retry-after"]) == (503, "2")
            assert time.monotonic() - began < 9  # the lock itself would be waited for for 10 s
        world.go()
        for one in holding:
            one.join()
        assert first.result() == task_id


def test_f25_a_database_that_is_read_only_acknowledges_nothing_and_the_work_resumes(
    world: World, study: list[FileDataset]
) -> None:
    world.pacs.add(study)
    world.start()
    name = conninfo_to_dict(world.database)["dbname"]
    world.postgres.execute(f"ALTER DATABASE {name} SET default_transaction_read_only = on")
    world.rows(OURS)
    eventually(lambda: world.ready()[1]["database"] == "the database is read-only")
    refused = world.post(ACCESSION, PATIENT)
    assert (refused.status_code, refused.json()["code"]) == (503, "DATABASE_UNAVAILABLE")
    assert world.rows("SELECT count(*) FROM tasks") == [(0,)]
    world.postgres.execute(f"ALTER DATABASE {name} RESET default_transaction_read_only")
    world.rows(OURS)
    eventually(lambda: world.ready()[0] == 200)
    world.ended(world.ask(ACCESSION, PATIENT))


async def test_f26_one_of_two_that_stand_in_each_others_way_is_done_again(world: World) -> None:
    """Two transactions take two rows in opposite order: PostgreSQL gives one up, and it succeeds afterwards."""
    tried: list[str] = []
    async with Database(world.database, size=4, name="test", sees=EVERY_CLINIC) as database:
        async with database.transaction() as tx:
            for name in ("a", "b"):
                await tx.run("set_setting", name=name, value="0")
        both = asyncio.Barrier(2)

        @again_on_collision
        async def take(first: str, second: str) -> None:
            tried.append(first)
            async with database.transaction() as tx:
                await tx.run("set_setting", name=first, value="1")
                if tried.count(first) == 1:
                    await both.wait()
                await tx.run("set_setting", name=second, value="1")

        await asyncio.wait_for(asyncio.gather(take("a", "b"), take("b", "a")), 20)
    assert sorted(tried) in (["a", "a", "b"], ["a", "b", "b"])


async def test_f26_whoever_collides_for_ever_gives_up() -> None:
    tried = 0

    @again_on_collision
    async def collide() -> None:
        nonlocal tried
        tried += 1
        raise Collision("deadlock")

    with pytest.raises(DatabaseUnavailable):
        await collide()
    assert tried == 5


def test_the_embedded_server_is_started_anew_when_it_dies(world: World, study: list[FileDataset]) -> None:
    world.pacs.add(study)
    daemon = world.start(STUDYPUB_DATABASE__URL="embedded")
    data = (world.installation.folder / "data" / "postgres").resolve() / "data"
    pid = int((data / "postmaster.pid").read_text().split()[0])
    os.kill(pid, signal.SIGKILL)
    eventually(lambda: daemon.said("запускаем его снова"))
    eventually(lambda: world.ready()[0] == 200)
    assert daemon.ends() == 0
