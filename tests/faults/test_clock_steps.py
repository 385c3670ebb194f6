"""The clock is set while the daemon works: what takes time goes by another clock, which nobody sets."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from pynetdicom import evt
from tests.peers import raw_dicom
from tests.peers.raw_dicom import ABORT, RawPeer
from tests.peers.restartable import Restartable
from tests.peers.studies import make_study
from tests.peers.world import Nursery, World, eventually, open_world

from studypub.dicom.demo_pacs import DemoPacs

PATIENT, ACCESSION = "PID-28-0001", "ACSN-2828"
_Process = subprocess.Popen[str]


# This faketime breaks sleeps by the clock that it leaves alone; waiting does the same.
_WAITS = "import threading, time; time.sleep = lambda seconds: threading.Event().wait(seconds) and None\n"
_SERVE = f"{_WAITS}import sys; from studypub.cli import main; main(sys.argv[1:])"
_CHORES = f"""{_WAITS}
import asyncio
from datetime import timedelta
from studypub.worker.schedule import Housekeeping

async def main():
    async def chore():
        print("done", flush=True)
    async with Housekeeping({{"chore": chore}}, every=timedelta(seconds=0.2)) as housekeeping:
        await housekeeping.run()

asyncio.run(main())
"""


class Clock:
    """The wall clock of a process that is given `environment`; its monotonic clock goes on by itself."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / "clock"
        self.set("+0")
        (library,) = Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1")
        self.environment = {
            "LD_PRELOAD": str(library),
            "FAKETIME_TIMESTAMP_FILE": str(self._file),
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        }

    def set(self, shift: str) -> None:
        """Set it, as seen from the true time."""
        fresh = self._file.with_suffix(".new")
        fresh.write_text(shift)
        fresh.replace(self._file)


@contextmanager
def running(
    *arguments: str | Path, clock: Clock, environment: Mapping[str, str] | None = None, seconds: float = 60
) -> Iterator[_Process]:
    """Run Python on this clock, for so long at most."""
    process = subprocess.Popen(
        [sys.executable, *arguments],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, **clock.environment, **(environment or {})},
    )
    limit = threading.Timer(seconds, process.kill)
    limit.start()
    try:
        yield process
    finally:
        limit.cancel()
        process.kill()
        process.communicate(timeout=30)


class PausingPacs(DemoPacs):
    """Stops before the second instance until it is told to go on; counts how often it was asked to send."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self.stopped, self.go_on, self.moves = threading.Event(), threading.Event(), 0

    def _move(self, event: evt.Event) -> Iterator[Any]:
        self.moves += 1
        for number, step in enumerate(super()._move(event)):
            if number == 3:  # the destination, how many, the first
                self.stopped.set()
                self.go_on.wait(60)
            yield step


@pytest.fixture
def clock(tmp_path: Path) -> Clock:
    return Clock(tmp_path)


def lives_at(world: World, shift: timedelta) -> bool:
    """Whether the daemon's clock is, or was a second ago, wrong by so much."""
    answer = httpx.get(f"{world.installation.url}/healthz", trust_env=False, timeout=30)
    told = parsedate_to_datetime(answer.headers["date"])
    return abs(told - datetime.now(UTC) - shift) < timedelta(minutes=1)


def test_f28_a_clock_that_is_set_ends_no_association_and_keeps_none(
    postgres: Restartable, nursery: Nursery, clock: Clock
) -> None:
    study = make_study(patient_id=PATIENT, accession_number=ACCESSION, instances=4, seed=28)
    postgres.start()
    with ExitStack() as stack:
        world = stack.enter_context(open_world(postgres, nursery, study, PausingPacs))
        command = ("-c", _SERVE, "serve", "--config", world.installation.file)
        environment = {**world.environment, "STUDYPUB_DICOM__SILENCE_SECONDS": "5"}
        process = stack.enter_context(running(*command, clock=clock, environment=environment))
        pacs = world.pacs
        assert isinstance(pacs, PausingPacs)
        eventually(world.answers)
        task_id = world.ask(ACCESSION, PATIENT)
        assert pacs.stopped.wait(60), (world.task(task_id), pacs.moves)
        clock.set("+1h")
        eventually(lambda: lives_at(world, timedelta(hours=1)))
        assert [echo for echo in range(3) if not echoed(world)] == []  # by now every thread has looked at it
        pacs.go_on.set()
        assert world.ended(task_id)["attempt"] == 1
        assert pacs.moves == 1
        with RawPeer(world.installation.scp_port) as silent:
            silent.associate(calling=b"DEMO")
            clock.set("-1d")
            assert silent.receive()[0] == ABORT
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0


def echoed(world: World) -> bool:
    """Whether the listener answers a C-ECHO."""
    with RawPeer(world.installation.scp_port) as peer:
        peer.associate(calling=b"DEMO").send(raw_dicom.echo_rq())
        return peer.status() == 0


@pytest.mark.parametrize("shift", ["+1d", "-1d"])
def test_f28_housekeeping_goes_on_whatever_the_clock_says(clock: Clock, shift: str) -> None:
    with running("-c", _CHORES, clock=clock, seconds=15) as process:
        assert process.stdout
        assert [process.stdout.readline() for _ in range(3)] == ["done\n"] * 3
        clock.set(shift)
        assert [process.stdout.readline() for _ in range(8)] == ["done\n"] * 8
