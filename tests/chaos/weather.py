"""The faults: each is one method, and a seed decides which comes when."""

import contextlib
import random
import signal
import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

import httpx
import psycopg
from pydicom.dataset import FileDataset
from tests.peers.bad_pacs import MOODS, BadPacs
from tests.peers.chaos import SLOW_DOWN, ChaosProxy
from tests.peers.studies import make_study
from tests.peers.world import Daemon, World

_ENOUGH = 15


@dataclass
class Weather:
    """What happens to a world. `acknowledged`: the tasks that a MIS was told of; `store` is None for a local one."""

    world: World
    pacs: BadPacs
    database: ChaosProxy
    store: ChaosProxy | None
    random: random.Random
    daemon: Daemon
    happened: Counter[str] = field(default_factory=Counter)
    studies: dict[str, list[FileDataset]] = field(default_factory=dict)
    acknowledged: set[str] = field(default_factory=set)

    def strike(self) -> None:
        """Let one thing happen, and some time pass."""
        (blow,) = self.random.choices(list(_BLOWS), weights=list(_BLOWS.values()))
        self.happened[blow.__name__] += 1
        blow(self)
        if self.daemon.wait(0) is not None:
            self.happened["ended by itself"] += 1
            self._start()
        self.pause(0.0, 0.4)

    def clear_up(self) -> None:
        """Let everything work again."""
        self.pacs.mood = "good"
        self.database.frozen = self.database.silent = False
        if self.store:
            self.store.answers.clear()
            self.store.resets.clear()
            self.store.frozen = self.store.silent = False

    def pause(self, least: float, most: float) -> None:
        threading.Event().wait(self.random.uniform(least, most))

    def ask(self) -> None:
        """A study, most often a new one, is asked for, unless there is enough to do."""
        if self._going_on() > _ENOUGH:
            return
        number = f"ACSN-{self.random.randrange(10**6):06d}"
        if self.studies and self.random.random() < 0.15:
            number = self.random.choice(list(self.studies))
        elif number not in self.studies:
            study = make_study(
                patient_id=_patient(number),
                accession_number=number,
                instances=self.random.randint(1, 4),
                modality=self.random.choice(["CT", "MR", "CR"]),
                seed=int(number[5:]),
            )
            self.studies[number] = study
            self.pacs.add(study)
        with contextlib.suppress(httpx.HTTPError):
            response = self.world.post(number, _patient(number))
            self.happened[f"answer {response.status_code}"] += 1
            if response.status_code in (200, 202):
                self.acknowledged.add(response.json()["task_id"])

    def cancel(self) -> None:
        """A person does not want a task any more."""
        if self.acknowledged:
            task_id = self.random.choice(sorted(self.acknowledged))
            with contextlib.suppress(psycopg.Error):  # as the panel's statement does
                self.world.rows(
                    "UPDATE tasks SET status = 'CANCELLED', due_at = NULL, lease_token = NULL, worker_id = NULL,"
                    " finished_at = now() WHERE task_id = %s AND status IN"
                    " ('QUEUED', 'SEARCHING', 'RETRIEVING', 'PROCESSING', 'UPLOADING')",
                    task_id,
                )

    def kill(self) -> None:
        """The daemon is killed in the middle of whatever it does."""
        self.daemon.ends(signal.SIGKILL)
        self._start()

    def stop(self) -> None:
        """The daemon is restarted as for an upgrade; sometimes in a hurry."""
        self.daemon.send(signal.SIGTERM)
        if self.random.random() < 0.5:
            self.pause(0.0, 0.3)
            with contextlib.suppress(ProcessLookupError):
                self.daemon.send(signal.SIGTERM)
        if (status := self.daemon.wait(40)) != 0:
            self.happened[f"bad end {status}"] += 1
        self._start()

    def halt(self) -> None:
        """The daemon sleeps, sometimes for longer than its leases."""
        self.daemon.send(signal.SIGSTOP)
        self.pause(0.1, 5.0)
        self.daemon.send(signal.SIGCONT)

    def restart_database(self) -> None:
        self.world.postgres.stop()
        self.pause(0.0, 2.0)
        self.world.postgres.start()

    def crash_database(self) -> None:
        self.world.postgres.crash()
        self.world.postgres.start()

    def freeze_database(self) -> None:
        """Its connections stay open and say nothing."""
        self.database.frozen = True
        self.pause(0.5, 4.0)
        self.database.frozen = False

    def cut_database(self) -> None:
        self.database.cut()

    def change_mood(self) -> None:
        """The PACS misbehaves from now on, or no more."""
        self.pacs.mood = self.random.choice([*MOODS, "good", "good", "good", "good"])

    def trouble_store(self) -> None:
        """The store is busy, loses connections, or keeps silent."""
        if self.store:
            self.store.answers.extend([SLOW_DOWN] * self.random.randint(1, 8))
            self.store.resets.append(self.random.randrange(1, 200_000))
            self.store.cut()

    def _going_on(self) -> int:
        query = "SELECT count(*) FROM tasks WHERE status NOT IN ('COMPLETED', 'FAILED', 'CANCELLED', 'NEEDS_REVIEW')"
        return int(self.world.rows(query)[0][0])

    def _start(self) -> None:
        self.daemon = self.world.start()


def _patient(accession_number: str) -> str:
    return f"PID-{accession_number[5:]}-77"


_BLOWS: dict[Callable[[Weather], None], float] = {
    Weather.ask: 60,
    Weather.cancel: 2,
    Weather.kill: 6,
    Weather.stop: 3,
    Weather.halt: 2,
    Weather.restart_database: 3,
    Weather.crash_database: 2,
    Weather.freeze_database: 2,
    Weather.cut_database: 3,
    Weather.change_mood: 6,
    Weather.trouble_store: 6,
}
