"""A whole clinic around a real daemon: a PACS, a database, a MIS; and daemons that come and go."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest
from pydicom.dataset import FileDataset
from tests.peers import daemon
from tests.peers.daemon import Installation
from tests.peers.postgres import memory, open_folder
from tests.peers.restartable import Restartable, restartable

from studypub.dicom.demo_pacs import DemoPacs

END_SECONDS = 30
_LOOK_SECONDS = 0.05  # a look is often a connection of its own to the database


def eventually(reached: Callable[[], Any], *, within: float = 60.0) -> Any:
    """Return the first answer that is true; fail where none comes in time."""
    deadline = time.monotonic() + within
    while not (answer := reached()):
        assert time.monotonic() < deadline, f"not within {within} s: {reached}"
        time.sleep(_LOOK_SECONDS)
    return answer


class Nursery:
    """The process that daemons are forked from."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def ask(self, command: dict[str, Any]) -> Any:
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(json.dumps(command) + "\n")
        self._process.stdin.flush()
        return json.loads(self._process.stdout.readline())


@pytest.fixture(scope="session")
def nursery() -> Iterator[Nursery]:
    with open_nursery() as opened:
        yield opened


@contextmanager
def open_nursery() -> Iterator[Nursery]:
    command = [sys.executable, "-m", "tests.peers.nursery"]
    root = Path(__file__).parents[2]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, cwd=root, start_new_session=True) as process:
        assert process.stdout
        process.stdout.readline()
        yield Nursery(process)
        process.kill()


@dataclass(frozen=True)
class Daemon:
    """One run of the daemon."""

    pid: int
    output: Path
    _nursery: Nursery

    def send(self, number: signal.Signals) -> None:
        os.kill(self.pid, number)

    def wait(self, seconds: float = END_SECONDS) -> int | None:
        """Wait for its end; return its exit status, a signal's number as a negative one, None where it lives on."""
        status: int | None = self._nursery.ask({"wait": {"pid": self.pid, "seconds": seconds}})["status"]
        return status

    def ends(self, number: signal.Signals = signal.SIGTERM) -> int | None:
        """Send a signal and wait for the end."""
        self.send(number)
        return self.wait()

    def lines(self) -> list[dict[str, Any]]:
        """Return what it has logged."""
        lines = self.output.read_text("utf-8").splitlines(keepends=True) if self.output.exists() else []
        return [json.loads(line) for line in lines if line.startswith("{") and line.endswith("\n")]

    def said(self, text: str) -> bool:
        return any(text in line["message"] for line in self.lines())


@dataclass
class World:
    """One installation on a database of its own; `kill` and the end of the block leave nothing running."""

    installation: Installation
    postgres: Restartable
    database: str
    pacs: DemoPacs
    destinations: dict[str, tuple[str, int]]
    nursery: Nursery
    environment: dict[str, str]
    _running: dict[int, Daemon] = field(default_factory=dict)
    _starts: int = 0

    def start(
        self, failpoint: str = "", *, ready: bool = True, output: Path | None = None, **environment: str
    ) -> Daemon:
        """Start a daemon; unless told otherwise, return when it serves."""
        self._starts += 1
        output = output or self.installation.folder / f"output-{self._starts}"
        given = {**self.environment, **environment, "STUDYPUB_FAILPOINT": failpoint}
        arguments = ["serve", "--config", str(self.installation.file)]
        self.forget_failpoint()
        command = {"arguments": arguments, "environment": given, "output": str(output)}
        started = Daemon(self.nursery.ask({"start": command})["pid"], output, self.nursery)
        self._running[started.pid] = started
        if ready:
            eventually(lambda: started.said("запущен") or started.wait(0) is not None)
            assert started.said("запущен"), output.read_text("utf-8")[-3000:]
        return started

    def close(self) -> None:
        for one in self._running.values():
            with suppress(ProcessLookupError):
                one.send(signal.SIGKILL)
                one.wait()

    @contextmanager
    def beside(self) -> Iterator["World"]:
        """A second installation on the same database and the same store, for the same PACS."""
        with open_folder() as folder:
            installation = daemon.install(folder, pacs="DEMO", pacs_port=self.pacs.port)
            for path in (self.storage, folder / "data"):
                path.mkdir(parents=True, exist_ok=True)
            (folder / "data" / "storage").symlink_to(self.storage)
            self.destinations["STUDYPUB2"] = ("127.0.0.1", installation.scp_port)
            environment = {
                **self.environment,
                "STUDYPUB_DICOM__AE_TITLE": "STUDYPUB2",
                "STUDYPUB_FAILPOINT_FOLDER": str(folder),
            }
            other = replace(self, installation=installation, environment=environment, _running={})
            try:
                yield other
            finally:
                other.close()

    def reached(self, *, within: float = 60.0) -> None:
        """Wait until the daemon's failpoint has acted."""
        eventually((self.installation.folder / "reached").exists, within=within)

    def go(self) -> None:
        """Let a daemon go on that waits at its failpoint."""
        (self.installation.folder / "go").touch()

    def forget_failpoint(self) -> None:
        for name in ("reached", "go"):
            (self.installation.folder / name).unlink(missing_ok=True)

    @contextmanager
    def mis(self) -> Iterator[httpx.Client]:
        with daemon.client(self.installation, self.postgres.key) as opened:
            yield opened

    def post(self, accession_number: str, patient_id: str) -> httpx.Response:
        with self.mis() as mis:
            return mis.post("/publish", json={"patient_id": patient_id, "accession_number": accession_number})

    def ask(self, accession_number: str, patient_id: str) -> str:
        """Have a study queued; return the task's id."""
        response = self.post(accession_number, patient_id)
        assert response.status_code in (200, 202), response.text
        return str(response.json()["task_id"])

    def answers(self) -> bool:
        """Whether the daemon serves."""
        try:
            return httpx.get(f"{self.installation.url}/healthz", trust_env=False, timeout=30).status_code == 200
        except httpx.TransportError:
            return False

    def ready(self) -> tuple[int, dict[str, str]]:
        answer = httpx.get(f"{self.installation.url}/readyz", trust_env=False, timeout=30)
        return answer.status_code, answer.json()["parts"]

    def rows(self, query: str, *parameters: object) -> list[tuple[Any, ...]]:
        """Ask the database behind the daemon's back."""
        with psycopg.connect(self.database, autocommit=True) as connection:
            cursor = connection.execute(query.encode(), parameters or None)
            return cursor.fetchall() if cursor.description else []

    def task(self, task_id: str) -> dict[str, Any]:
        row = self.rows("SELECT to_jsonb(t) FROM tasks t WHERE task_id = %s", task_id)
        return dict(row[0][0])

    def ended(self, task_id: str, status: str = "COMPLETED", *, within: float = 90.0) -> dict[str, Any]:
        """Wait until the task is so and return it."""
        eventually(lambda: self.task(task_id)["status"] not in _GOING_ON, within=within)
        task = self.task(task_id)
        assert task["status"] == status, task
        return task

    def until(self, task_id: str, *statuses: str, within: float = 60.0) -> dict[str, Any]:
        eventually(lambda: self.task(task_id)["status"] in statuses, within=within)
        return self.task(task_id)

    @property
    def spool(self) -> list[Path]:
        """What lies in the spool."""
        return [path for path in (self.installation.folder / "data" / "spool").rglob("*") if path.is_file()]

    @property
    def storage(self) -> Path:
        return self.installation.folder / "data" / "storage"

    @property
    def unfinished(self) -> list[Path]:
        """What is being copied into the local store, or was when a daemon died."""
        return list((self.storage / ".unfinished").glob("*"))

    def stored(self) -> dict[str, bytes]:
        """Return every object of the local store by its key, and what is being copied there; no probes and marks."""
        ours = re.compile("probe-|machine-")
        files = (path for path in self.storage.rglob("*") if path.is_file() and not ours.match(path.name))
        return {path.relative_to(self.storage).as_posix(): path.read_bytes() for path in files}


_GOING_ON = ("QUEUED", "SEARCHING", "RETRIEVING", "PROCESSING", "UPLOADING")


@contextmanager
def open_world(
    postgres: Restartable, nursery: Nursery, instances: Iterable[FileDataset] = (), pacs: type[DemoPacs] = DemoPacs
) -> Iterator[World]:
    """Build one; its daemons are started by the test."""
    with ExitStack() as stack:
        folder = stack.enter_context(open_folder())
        destinations: dict[str, tuple[str, int]] = {}
        served = pacs("DEMO", destinations=destinations, instances=instances)
        served.start()
        stack.callback(served.stop)
        installation = daemon.install(folder, pacs="DEMO", pacs_port=served.port)
        destinations["STUDYPUB"] = ("127.0.0.1", installation.scp_port)
        database = postgres.database()
        environment = {
            "STUDYPUB_DATABASE__URL": database,
            "STUDYPUB_WORKERS__MAX_ATTEMPTS": "5",
            "STUDYPUB_WORKERS__LEAST_FREE_MB": "0",
            "STUDYPUB_FAILPOINT_FOLDER": str(folder),
            "LC_ALL": "C.UTF-8",
        }
        world = World(installation, postgres, database, served, destinations, nursery, environment)
        stack.callback(world.close)
        yield world


@pytest.fixture(scope="session")
def postgres() -> Iterator[Restartable]:
    with restartable(memory()) as opened:
        yield opened


@pytest.fixture
def world(postgres: Restartable, nursery: Nursery) -> Iterator[World]:
    postgres.start()
    with open_world(postgres, nursery) as opened:
        yield opened
