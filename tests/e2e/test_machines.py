"""Several machines, each with a daemon, share one PostgreSQL, one bucket and one PACS."""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict
from tests.peers import daemon, hosts
from tests.peers.chaos import ChaosProxy
from tests.peers.hosts import Host, Network
from tests.peers.invariants import violations
from tests.peers.orthanc import Orthanc, orthanc
from tests.peers.postgres import memory, open_folder
from tests.peers.restartable import Restartable, restartable
from tests.peers.s3 import S3Server, radosgw
from tests.peers.studies import make_study
from tests.peers.world import eventually

__all__ = ["orthanc", "radosgw"]

pytestmark = pytest.mark.peer

PATIENT = "1000001158664"
LEASE = "6"


@dataclass
class Machine:
    """A daemon's machine: its folder outlives the daemon."""

    host: Host
    installation: daemon.Installation
    environment: dict[str, str]
    processes: list[subprocess.Popen[bytes]] = field(default_factory=list)

    @property
    def output(self) -> Path:
        return self.installation.folder / "output"

    @property
    def worker(self) -> str:
        """What its tasks name it by."""
        return (self.installation.folder / "data" / "instance").read_text()

    @property
    def spool(self) -> list[Path]:
        return [path for path in (self.installation.folder / "data" / "spool").rglob("*") if path.is_file()]

    def start(self, *, ready: bool = True) -> subprocess.Popen[bytes]:
        self.output.unlink(missing_ok=True)
        with self.output.open("wb") as output:
            command = [*self.host.prefix, sys.executable, "-m", "studypub", "serve"]
            process = subprocess.Popen(
                [*command, "--config", str(self.installation.file)],
                stdout=output,
                stderr=subprocess.STDOUT,
                env={**os.environ, "LC_ALL": "C.UTF-8", **self.environment},
            )
        self.processes.append(process)
        if ready:
            eventually(lambda: self.said("запущен") or process.poll() is not None, within=90)
            assert process.poll() is None, self.output.read_text("utf-8")
        return process

    def said(self, text: str) -> bool:
        return text in self.output.read_text("utf-8")

    def refused(self) -> str:
        """Wait until its daemon has given up; return its last words."""
        assert self.processes[-1].wait(90) == 1, self.output.read_text("utf-8")
        return self.output.read_text("utf-8").splitlines()[-1]


@dataclass
class Clinic:
    """What the machines share."""

    network: Network
    database: str
    bucket: str
    s3: S3Server
    pacs: Orthanc
    key: str
    url: str
    endpoint: str
    stack: ExitStack
    originals: dict[str, Any] = field(default_factory=dict)
    known: list[str] = field(default_factory=list)

    def machine(self, number: int, ae_title: str, *, bucket: str = "") -> Machine:
        """Make one on a host."""
        folder = self.stack.enter_context(open_folder())
        host = self.network.hosts[number]
        installation = daemon.install(folder, pacs=self.pacs.ae_title, pacs_port=self.pacs.port)
        text = installation.file.read_text("utf-8")
        installation.file.write_text(text.replace('host = "127.0.0.1"', f'host = "{self.network.gateway}"'), "utf-8")
        environment = {
            **self.s3.environment(bucket or self.bucket, endpoint=self.endpoint),
            "STUDYPUB_DATABASE__URL": self.url,
            "STUDYPUB_DICOM__AE_TITLE": ae_title,
            "STUDYPUB_DICOM__HOST": host.address,
            "STUDYPUB_SERVER__HOST": host.address,
            "STUDYPUB_WORKERS__LEASE_SECONDS": LEASE,
            "STUDYPUB_WORKERS__LEAST_FREE_MB": "0",
            "STUDYPUB_WORKERS__MAX_ATTEMPTS": "5",
            "STUDYPUB_WORKERS__CONCURRENCY": "1",
        }
        made = Machine(host, installation, environment)
        self.stack.callback(_end, made)
        if ae_title not in self.known:
            self.pacs.register(ae_title, host.address, installation.scp_port)
            self.stack.callback(self.pacs.forget, ae_title)
            self.known.append(ae_title)
        return made

    def ask(self, machine: Machine, count: int) -> None:
        """Put studies into the PACS and ask a machine to publish them."""
        numbers = [f"KP1257065{number:02}L" for number in range(len(self.originals), len(self.originals) + count)]
        for number in numbers:
            seed = 1000 + len(self.originals)
            self.originals[number] = make_study(patient_id=PATIENT, accession_number=number, seed=seed, instances=8)
            self.pacs.store(self.originals[number])
        url = f"http://{machine.host.address}:{machine.installation.port}/publish"
        with httpx.Client(headers={"Authorization": f"Bearer {self.key}"}, timeout=30, trust_env=False) as mis:
            for number in numbers:
                asked = mis.post(url, json={"patient_id": PATIENT, "accession_number": number})
                assert asked.status_code == 202, asked.text

    def rows(self, query: str, *parameters: object) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.database, autocommit=True) as connection:
            return connection.execute(query.encode(), parameters or None).fetchall()

    def holds(self, machine: Machine) -> bool:
        """Whether a task is in this machine's hands."""
        held = "SELECT FROM tasks WHERE worker_id = %s AND lease_token IS NOT NULL"
        return bool(self.rows(held, machine.worker))

    def completed(self) -> None:
        """Wait until every task has ended; all must have come to their end."""
        eventually(lambda: self.rows("SELECT count(due_at) FROM tasks") == [(0,)], within=120)
        ends = self.rows("SELECT status::text, error_code FROM tasks")
        assert set(ends) == {("COMPLETED", None)}, ends

    def stored(self) -> dict[str, bytes]:
        """Return the archives in the bucket and what lies beside them."""
        client = self.s3.client()
        return {key: client.get_object(self.bucket, key).read() for key in self.keys()}

    def keys(self) -> set[str]:
        listed = self.s3.client().list_objects(self.bucket, prefix="studies/", recursive=True)
        return {str(one.object_name) for one in listed}


def _end(machine: Machine) -> None:
    for process in machine.processes:
        process.kill()
        process.wait()


@pytest.fixture(scope="module")
def postgres() -> Iterator[Restartable]:
    with restartable(memory()) as opened:
        yield opened


@pytest.fixture
def clinic(postgres: Restartable, radosgw: S3Server, orthanc: Orthanc) -> Iterator[Clinic]:
    with ExitStack() as stack:
        stack.callback(orthanc.clear)
        network = stack.enter_context(hosts.network(2))
        database, bucket = postgres.database(), radosgw.new_bucket()
        doors = [ChaosProxy(target, network.gateway) for target in (postgres.socket, radosgw.address)]
        for door in doors:
            stack.callback(door.close)
        name = conninfo_to_dict(database)["dbname"]
        url = f"postgresql://studypub@{doors[0].address}/{name}"
        endpoint = f"http://{doors[1].address}"
        yield Clinic(network, database, bucket, radosgw, orthanc, postgres.key, url, endpoint, stack)


def test_two_share_the_work_and_one_takes_over_what_a_dead_one_had(clinic: Clinic) -> None:
    first, second = clinic.machine(0, "STUDYPUB1"), clinic.machine(1, "STUDYPUB2")
    first.start()
    victim = second.start()
    clinic.ask(first, 4)
    eventually(lambda: clinic.holds(first) and clinic.holds(second))
    _halted_with_a_task(clinic, second, victim)
    victim.kill()
    clinic.completed()
    assert violations(clinic.database, clinic.stored(), clinic.originals, max_attempts=5) == []
    assert clinic.rows("SELECT count(*) FROM published_studies") == [(4,)]
    _retention_runs_once(clinic, first, second)
    eventually(lambda: second.spool == [])
    assert clinic.rows("SELECT count(*) FROM published_studies") == [(4,)]  # what it had lost it did not end after all


def _halted_with_a_task(clinic: Clinic, machine: Machine, process: subprocess.Popen[bytes]) -> None:
    """Halt it at a moment when a task is in its hands."""
    process.send_signal(signal.SIGSTOP)
    while not clinic.holds(machine):
        process.send_signal(signal.SIGCONT)
        eventually(lambda: clinic.holds(machine))
        process.send_signal(signal.SIGSTOP)


def _retention_runs_once(clinic: Clinic, alive: Machine, dead: Machine) -> None:
    """What fell due while nobody was there is done once by two that start at once."""
    alive.processes[-1].send_signal(signal.SIGTERM)
    assert alive.processes[-1].wait(30) == 0
    published = "UPDATE published_studies SET save_till = now() - interval '1 day' RETURNING object_key"
    live = {key for (key,) in clinic.rows(published)}
    assert live <= clinic.keys()
    for one in (dead, alive):
        one.start(ready=False)
    expired = "SELECT count(*) FROM audit_log WHERE action = 'study.expired'"
    eventually(lambda: clinic.rows(expired) != [(0,)] and not live & clinic.keys(), within=60)
    assert clinic.rows(expired) == [(len(clinic.originals),)]


def test_a_machine_that_has_no_place_is_told_why(clinic: Clinic) -> None:
    first, second = clinic.machine(0, "STUDYPUB1"), clinic.machine(1, "STUDYPUB2", bucket=clinic.s3.new_bucket())
    copy, same = clinic.machine(1, "STUDYPUB1"), clinic.machine(1, "STUDYPUB3")
    first.start()
    shutil.copytree(first.installation.folder / "data", same.installation.folder / "data", ignore=_no_sockets)
    for one in (second, copy):
        one.start(ready=False)
    same.start()
    assert "its mark is not there" in second.refused()
    assert "STUDYPUB1" in copy.refused()
    assert same.worker != first.worker
    clinic.ask(same, 1)
    clinic.completed()


def _no_sockets(folder: str, names: list[str]) -> list[str]:
    return [name for name in names if Path(folder, name).is_socket()]
