"""A PACS is away: its tasks wait without being tried, others go on, and all is done by itself once it is back."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import msgspec
import pytest
from pydicom.dataset import FileDataset
from tests.peers.chaos import ChaosProxy, chaos
from tests.peers.house import MIS, PATIENT, House, open_house
from tests.peers.pacs_behaviours import BEHAVIOURS
from tests.peers.queue import QueueWatch
from tests.peers.scripted_pacs import ScriptedPacs
from tests.peers.studies import make_study
from tests.peers.world import eventually

from studypub.config import Clinic, Pacs, Workers
from studypub.core.request import PublishRequest
from studypub.core.retry import probe_pause
from studypub.core.task import Status, Task
from studypub.db import outages, tasks
from studypub.db.database import Database
from studypub.db.outages import OfClinic
from studypub.flows.request import request_publication

NUMBERS = [f"ACC-{number}" for number in range(10)]
PROBES = 3
MINUTE = timedelta(minutes=1)


@dataclass
class Away:
    """A clinic `c` whose PACS can be away, and a clinic `d` whose PACS is there."""

    house: House
    pacs: ScriptedPacs
    proxy: ChaosProxy
    study: list[FileDataset]

    def leave(self, how: str) -> None:
        if how == "resets connections":
            self.proxy.refusing = True
        else:
            self.pacs.become(BEHAVIOURS[how], self.study)

    def come_back(self) -> None:
        self.proxy.refusing = False
        self.pacs.become(BEHAVIOURS["honest"], self.study)

    async def since(self) -> list[str]:
        async with self.house.database.transaction() as tx:
            return [outage.clinic_code for outage in await outages.known(tx)]

    async def claims(self, asked: list[Task]) -> int:
        """Return how often one of these tasks was taken."""
        cursor = await self.house.watch.connection.execute(
            "SELECT count(*) FROM task_events WHERE kind = 'claimed' AND task_id = ANY(%s)",
            ([task.task_id for task in asked],),
        )
        row = await cursor.fetchone()
        assert row
        return int(row[0])


@pytest.fixture
async def away(database: Database, queue_watch: QueueWatch, tmp_path: Path) -> AsyncIterator[Away]:
    studies = [
        instance
        for seed, number in enumerate(NUMBERS)
        for instance in make_study(patient_id=PATIENT, accession_number=number, instances=1, seed=3200 + seed)
    ]
    there = make_study(patient_id=PATIENT, accession_number="THERE", instances=1, seed=3299)
    async with open_house(database, queue_watch, tmp_path, there, peer_ae_title=ScriptedPacs.ae_title) as house:
        pacs = ScriptedPacs(("127.0.0.1", house.scp.port))
        pacs.start()
        with chaos(("127.0.0.1", pacs.port)) as proxy:
            port = int(proxy.address.partition(":")[2])
            (clinic,) = house.means.config.clinics
            other = Clinic(code="d", name="Вторая", pacs=clinic.pacs)
            ours = msgspec.structs.replace(clinic, pacs=Pacs(ae_title=pacs.ae_title, host="127.0.0.1", port=port))
            config = msgspec.structs.replace(house.means.config, clinics=(ours, other))
            house.means = replace(house.means, config=config)
            house.set("workers", retry_base_seconds=0.3)
            house.set("dicom", quiet_seconds=0.3, connect_seconds=3.0)
            yield Away(house, pacs, proxy, studies)
        pacs.stop()


@pytest.mark.parametrize(
    ("how", "number"),
    [("resets connections", 3), ("is congested", 3), pytest.param("resets connections", 10, marks=pytest.mark.long)],
)
async def test_f32_a_pacs_that_is_away_is_asked_now_and_then_and_costs_no_attempt(
    away: Away, how: str, number: int
) -> None:
    away.leave(how)
    asked = [await away.house.ask(accession_number) for accession_number in NUMBERS[:number]]
    async with away.house.working() as loop:
        await asyncio.to_thread(eventually, lambda: away.proxy.accepted >= 2 + PROBES)
        # Each of two workers has tried once; from then on the PACS is asked by nobody but who asks for all.
        assert await away.claims(asked) <= 2
        assert await away.since() == ["c"]
        there = await away.house.ask("THERE", clinic_code="d")
        assert (await away.house.watch.until(there.task_id, Status.COMPLETED, loop.wake)).attempt == 1
        assert await away.claims(asked) <= 2
        away.come_back()
        done = [await away.house.watch.until(task.task_id, Status.COMPLETED) for task in asked]
    assert {task.attempt for task in done} == {1}
    assert await away.since() == []


async def test_f32_a_task_waits_a_day_for_its_pacs_and_ends(away: Away) -> None:
    away.leave("resets connections")
    weary, waiting = [await away.house.ask(number) for number in NUMBERS[:2]]
    async with away.house.working():
        await asyncio.to_thread(eventually, lambda: away.proxy.accepted >= 2 + PROBES)
        await away.house.watch.connection.execute(
            "UPDATE tasks SET due_at = now() - interval '25 hours' WHERE task_id = %s", [weary.task_id]
        )
        ended = await away.house.watch.until(weary.task_id, Status.FAILED)
    assert (ended.error_code, ended.attempt) == ("PACS_UNREACHABLE", 0)
    assert ended.error_text is not None
    assert f"PACS SCRIPT недоступен по адресу {away.proxy.address} с " in ended.error_text.ru
    assert (await away.house.watch.task(waiting.task_id)).status is Status.QUEUED


async def test_f32_a_pacs_that_is_back_and_refuses_us_for_good_is_not_waited_for(away: Away) -> None:
    away.leave("resets connections")
    task = await away.house.ask(NUMBERS[0])
    async with away.house.working():
        await asyncio.to_thread(eventually, lambda: away.proxy.accepted >= PROBES)
        away.leave("rejects our title")
        away.proxy.refusing = False
        ended = await away.house.watch.until(task.task_id, Status.FAILED)
    assert (ended.error_code, ended.attempt) == ("PACS_REFUSED", 1)
    assert await away.since() == []


async def test_f32_of_several_daemons_one_asks(database: Database) -> None:
    async with database.transaction() as tx:
        await outages.begin(tx, OfClinic("c", "A"), timedelta(0))
        assert await outages.to_probe(tx, [OfClinic("d", "A"), OfClinic("c", "B")], MINUTE) == []
    taken = []
    for _ in range(2):
        async with database.transaction() as tx:
            taken += await outages.to_probe(tx, [OfClinic("d", "A"), OfClinic("c", "A")], MINUTE)
    assert [(outage.clinic_code, outage.ae_title) for outage in taken] == [("c", "A")]


@pytest.mark.parametrize(
    ("pacs", "away", "held"),
    [
        (1, {"A": timedelta(0)}, True),
        (1, {"A": -2 * MINUTE}, False),  # nobody looks after it: in no configuration any more, or its daemon has gone
        (2, {"A": timedelta(0)}, False),
        (2, {"A": timedelta(0), "B": -2 * MINUTE}, False),
        (2, {"A": timedelta(0), "B": timedelta(0)}, True),
    ],
)
async def test_f32_tasks_are_held_while_all_pacs_are_away_and_somebody_looks_after_that(
    database: Database, pacs: int, away: dict[str, timedelta], held: bool
) -> None:
    request = PublishRequest(patient_id=PATIENT, accession_number="A", clinic_code="c")
    await request_publication(database, request, MIS, search_time=timedelta(0))
    async with database.transaction() as tx:
        for title, asked in away.items():
            await outages.begin(tx, OfClinic("c", title, pacs), asked)
        claimed = await tasks.claim(tx, worker_id=uuid4(), lease=MINUTE)
    assert (claimed is None) is held


def test_f32_that_it_is_back_is_noticed_within_a_minute() -> None:
    assert probe_pause(timedelta(seconds=Workers().retry_base_seconds)) <= timedelta(seconds=30)
    assert probe_pause(timedelta(hours=1)) <= timedelta(seconds=30)
