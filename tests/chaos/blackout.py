"""PostgreSQL, PACS and store fall silent at once in the middle of tasks, for a while; nobody lends a hand."""

import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field

from pydicom.dataset import FileDataset
from tests.peers.chaos import ChaosProxy, chaos
from tests.peers.invariants import violations
from tests.peers.restartable import Restartable
from tests.peers.s3 import S3Server
from tests.peers.studies import make_study
from tests.peers.world import Nursery, World, eventually, open_world

_RECOVERY_SECONDS = 60.0
_ATTEMPTS = 5
_PATIENT = "PID-59-0590"


@dataclass(frozen=True)
class Outcome:
    """How long it was silent, how long until every task was done, what that took, and what does not hold."""

    silent_seconds: float
    recovery_seconds: float
    most_attempts: int
    violations: list[str]


@dataclass
class _Site:
    """A daemon whose every connection goes over one of these wires."""

    world: World
    server: S3Server
    bucket: str
    wires: list[ChaosProxy]
    studies: dict[str, list[FileDataset]] = field(default_factory=dict)

    def ask(self, number: int) -> int:
        """Ask for a study; return the status of the answer."""
        name = f"ACSN-59{number:02}"
        if name not in self.studies:
            study = make_study(patient_id=_PATIENT, accession_number=name, instances=2, seed=5900 + number)
            self.studies[name] = study
            self.world.pacs.add(study)
        return self.world.post(name, _PATIENT).status_code

    def be_silent(self, silent: bool) -> None:
        for wire in self.wires:
            wire.frozen = silent

    def statuses(self) -> set[str]:
        return {status for (status,) in self.world.rows("SELECT status::text FROM tasks")}

    def stored(self) -> Mapping[str, bytes]:
        client = self.server.client()
        names = [str(one.object_name) for one in client.list_objects(self.bucket, recursive=True)]
        archives = [name for name in names if not name.startswith(("probe-", "machine-"))]
        return {name: client.get_object(self.bucket, name).read() for name in archives}


def blackout(seconds: float, postgres: Restartable, nursery: Nursery, server: S3Server, *, tasks: int = 6) -> Outcome:
    """Let all be silent for so long; raises AssertionError where a minute later not everything is done."""
    with _wired(postgres, nursery, server) as site:
        daemon = site.world.start()
        eventually(lambda: site.world.ready()[0] == 200)
        assert {site.ask(number) for number in range(tasks)} == {202}
        # One is done, others are in the middle, the rest wait.
        eventually(lambda: {"COMPLETED", "QUEUED"} < site.statuses(), within=60)
        silent = _silence(site, seconds, tasks)
        began = time.monotonic()
        eventually(lambda: site.ask(tasks) == 202, within=_RECOVERY_SECONDS)
        eventually(lambda: site.statuses() == {"COMPLETED"}, within=_RECOVERY_SECONDS)
        recovery = time.monotonic() - began
        assert daemon.ends() == 0
        ((attempts,),) = site.world.rows("SELECT max(attempt) FROM tasks")
        found = violations(site.world.database, site.stored(), site.studies, max_attempts=_ATTEMPTS)
        return Outcome(round(silent, 1), round(recovery, 1), attempts, found)


def _silence(site: _Site, seconds: float, tasks: int) -> float:
    began = time.monotonic()
    site.be_silent(True)
    eventually(lambda: site.world.ready()[0] == 503)
    assert site.ask(tasks) == 503  # nothing is acknowledged that may be forgotten
    eventually(lambda: time.monotonic() - began >= seconds, within=seconds + 1)
    site.be_silent(False)
    return time.monotonic() - began


@contextmanager
def _wired(postgres: Restartable, nursery: Nursery, server: S3Server) -> Iterator[_Site]:
    with ExitStack() as stack:
        world = stack.enter_context(open_world(postgres, nursery))
        bucket = server.new_bucket()
        targets = (postgres.socket, server.address, ("127.0.0.1", world.pacs.port), world.destinations["STUDYPUB"])
        wires = [stack.enter_context(chaos(target)) for target in targets]
        database, store, pacs, us = wires
        host, port = database.address.split(":")
        world.environment |= {
            "STUDYPUB_DATABASE__URL": world.database.partition("?")[0].replace("@/", f"@{host}:{port}/"),
            "STUDYPUB_WORKERS__MAX_ATTEMPTS": str(_ATTEMPTS),
            **server.environment(bucket, endpoint=f"http://{store.address}"),
        }
        text = world.installation.file.read_text("utf-8")
        world.installation.file.write_text(
            text.replace(f"port = {world.pacs.port}\n", f"port = {_port(pacs)}\n"), "utf-8"
        )
        world.destinations["STUDYPUB"] = ("127.0.0.1", _port(us))
        yield _Site(world, server, bucket, wires)


def _port(wire: ChaosProxy) -> int:
    return int(wire.address.partition(":")[2])
