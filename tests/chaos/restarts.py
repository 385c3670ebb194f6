"""The daemon is restarted again and again, as for upgrades, while a MIS asks for studies until it is answered."""

import threading
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial

import httpx
from pydicom.dataset import FileDataset
from tests.peers.invariants import violations
from tests.peers.restartable import Restartable
from tests.peers.studies import make_study
from tests.peers.world import Nursery, World, eventually, open_world

_PATIENT = "PID-61-0610"
_ATTEMPTS = 5
_PACE_SECONDS = 0.05
_SECONDS_PER_TASK = 6.0


@dataclass(frozen=True)
class Outcome:
    """What the MIS was answered, what became of the tasks, and what does not hold."""

    answers: Mapping[str, int]
    tasks: Mapping[str, int]
    figures: Mapping[str, float]
    violations: list[str]


@dataclass
class _Mis:
    """Asks for one study after another, each until it is acknowledged."""

    world: World
    numbers: list[str]
    acknowledged: dict[str, str] = field(default_factory=dict)
    answers: Counter[str] = field(default_factory=Counter)
    longest_wait: float = 0.0

    def has_asked_for(self, number: int) -> bool:
        return len(self.acknowledged) >= number

    def run(self) -> None:
        for number in self.numbers:
            began = time.monotonic()
            while number not in self.acknowledged:
                self._ask(number)
                threading.Event().wait(_PACE_SECONDS)
            self.longest_wait = max(self.longest_wait, time.monotonic() - began)

    def _ask(self, number: str) -> None:
        try:
            answer = self.world.post(number, _PATIENT)
        except httpx.TransportError as error:
            self.answers[type(error).__name__] += 1
            return
        self.answers[str(answer.status_code)] += 1
        if answer.status_code in (200, 202):
            self.acknowledged[number] = answer.json()["task_id"]


def restarts(times: int, tasks: int, postgres: Restartable, nursery: Nursery) -> Outcome:
    """Restart the daemon so often while so many studies are asked for."""
    studies: dict[str, list[FileDataset]] = {
        f"ACSN-{number:04}": make_study(
            patient_id=_PATIENT, accession_number=f"ACSN-{number:04}", instances=1, seed=61_000 + number
        )
        for number in range(tasks)
    }
    with open_world(postgres, nursery, [one for study in studies.values() for one in study]) as world:
        mis = _Mis(world, list(studies))
        asking = threading.Thread(target=mis.run)
        daemon = world.start()
        asking.start()
        for restart in range(1, times + 1):
            eventually(partial(mis.has_asked_for, restart * tasks // (times + 1)), within=120)
            assert daemon.ends() == 0
            daemon = world.start(ready=False)
        asking.join()
        going_on = "SELECT count(*) FROM tasks WHERE status NOT IN ('COMPLETED', 'FAILED')"
        eventually(lambda: world.rows(going_on) == [(0,)], within=_SECONDS_PER_TASK * tasks)
        assert daemon.ends() == 0
        return _outcome(world, mis, studies)


def _outcome(world: World, mis: _Mis, studies: Mapping[str, list[FileDataset]]) -> Outcome:
    found = violations(world.database, world.stored(), studies, max_attempts=_ATTEMPTS)
    known = dict(world.rows("SELECT accession_number, task_id::text FROM tasks"))
    found += [
        f"INV 1: {number} was acknowledged as another task"
        for number in studies
        if known.get(number) != mis.acknowledged[number]
    ]
    found += [f"HTTP {status}" for status in mis.answers if status.startswith("5") and status != "503"]
    statuses = dict(world.rows("SELECT status::text, count(*) FROM tasks GROUP BY 1"))
    attempts, crashes = world.rows("SELECT max(attempt), max(crashes) FROM tasks")[0]
    figures = {"most attempts": attempts, "most crashes": crashes, "longest wait, s": round(mis.longest_wait, 1)}
    return Outcome(mis.answers, statuses, figures, found)
