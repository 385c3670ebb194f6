"""What metrics tell and nobody counts as it happens: it is looked up when somebody asks."""

import asyncio
import os
import shutil
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

from studypub.config import Config, Current
from studypub.core.task import ENDED, IN_PROGRESS, Status
from studypub.db import alerts, outages, tasks, watch
from studypub.db.database import Database, Transaction
from studypub.db.settings import BackedUp
from studypub.errors import DatabaseUnavailable
from studypub.flows import backup
from studypub.flows.keep_backed_up import elsewhere
from studypub.metrics import Gauges

# Counting what has ended looks at every task, which nobody needs to know to the second.
_ENDED_SECONDS = 60.0
_DATABASE = "1: the database answers"


class Readings:
    """Looks up everything; a few milliseconds, however many tasks there are."""

    def __init__(self, current: Current, database: Database, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._current = current
        self._database = database
        self._clock = clock
        self._ended: Mapping[Status, int] = {}
        self._ended_at = float("-inf")

    async def __call__(self) -> list[Gauges]:
        """Return what was found; of a database that is away only that."""
        try:
            async with self._database.transaction() as tx:
                found, backed_up = await self._of_database(tx), await elsewhere(tx, self._current.file)
        except DatabaseUnavailable:
            found, backed_up = [Gauges("database_up", _DATABASE, {"": 0})], None
        return [*await asyncio.to_thread(_of_this_machine, self._current.file, backed_up), *found]

    async def _of_database(self, tx: Transaction) -> list[Gauges]:
        going_on = await watch.in_progress(tx)
        ended = await self._count_ended(tx)
        none = (0, timedelta())
        numbers = {status.value: going_on.get(status, (ended.get(status, 0),))[0] for status in Status}
        ages = {status.value: _second(going_on.get(status, none)[1]) for status in IN_PROGRESS}
        overdue = await tasks.longest_wait(tx)
        return [
            Gauges("database_up", _DATABASE, {"": 1}),
            Gauges("tasks", "Tasks by state; ended ones as of a minute ago at most", numbers, "status"),
            Gauges("oldest_task_seconds", "Age of the oldest task in a state; 0: none", ages, "status"),
            Gauges("oldest_due_task_seconds", "For how long a due task waits for a worker", {"": _second(overdue)}),
            Gauges("pacs_up", "0: this PACS is known to be away", await self._pacs(tx), "ae_title"),
            *await _of_audit_log(tx),
            Gauges("alerts", "Alerts that stand, by kind", await alerts.standing_by_kind(tx), "kind"),
        ]

    async def _count_ended(self, tx: Transaction) -> Mapping[Status, int]:
        if self._clock() - self._ended_at > _ENDED_SECONDS:
            self._ended = dict.fromkeys(ENDED, 0) | await watch.ended(tx)
            self._ended_at = self._clock()
        return self._ended

    async def _pacs(self, tx: Transaction) -> dict[str, float]:
        away = {(outage.clinic_code, outage.ae_title) for outage in await outages.known(tx)}
        up: dict[str, float] = {}
        for clinic in self._current.now.clinics:
            for name in (pacs.ae_title for pacs in clinic.every_pacs):
                up[name] = min(up.get(name, 1), 0 if (clinic.code, name) in away else 1)
        return up


async def _of_audit_log(tx: Transaction) -> list[Gauges]:
    silence, check = await watch.audit_silence(tx), await watch.audit_check(tx)
    return [
        Gauges(
            "audit_head_age_seconds",
            "Age of the audit log's newest entry",
            {} if silence is None else {"": _second(silence)},
        ),
        Gauges(
            "audit_check_age_seconds",
            "Since when the audit log's chain was not checked",
            {"": _second(check.age)} if check else {},
        ),
        Gauges(
            "audit_chain_holds",
            "What that check found: 1 whole, 0 broken",
            {"": float(check.broken_entry is None)} if check else {},
        ),
    ]


def _of_this_machine(config: Config, backed_up: BackedUp | None) -> list[Gauges]:
    made = [one for one in (backup.newest(config.backup_dir), backed_up and backed_up.at) if one is not None]
    age = {"": (datetime.now(UTC) - max(made)).total_seconds()} if made else {}
    disk: dict[str, float] = {}
    with suppress(OSError):
        usage = shutil.disk_usage(config.database.data_dir)
        disk = {"free": usage.free, "size": usage.total}
    return [
        Gauges("backup_age_seconds", "Age of the newest backup", age),
        Gauges("spool_bytes", "What lies in the spool", {"": _size_of(config.spool_dir)}),
        Gauges("disk_free_bytes", "Room on the disk of the data folder", {"": disk["free"]} if disk else {}),
        Gauges("disk_size_bytes", "Size of that disk", {"": disk["size"]} if disk else {}),
    ]


def _size_of(folder: Path) -> int:
    """Return how many bytes the files below a folder have; some of them go meanwhile."""
    size = 0
    for place, _, names in os.walk(folder):
        for name in names:
            with suppress(OSError):
                size += (Path(place) / name).lstat().st_size
    return size


def _second(interval: timedelta) -> float:
    return max(0.0, interval.total_seconds())
