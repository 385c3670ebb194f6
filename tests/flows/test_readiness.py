"""What an instance says of whether it can be used."""

import shutil
import threading
from pathlib import Path

import pytest
from tests.peers.house import House

from studypub.core.clinics import EVERY_CLINIC
from studypub.db.database import Database
from studypub.errors import StorageUnavailable
from studypub.flows.readiness import Readiness
from studypub.store.local import LocalStore

GOOD = {"database": None, "scp": None, "storage": None, "disk": None}


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


class Away(LocalStore):
    """A store that can be away, and counts how often it was tried."""

    away = False
    tries = 0

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.answers = threading.Event()
        self.answers.set()

    def check(self) -> None:
        self.tries += 1
        self.answers.wait(30)
        if self.away:
            raise StorageUnavailable("away")
        super().check()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def store(tmp_path: Path) -> Away:
    return Away(tmp_path / "storage")


@pytest.fixture
def ready(house: House, store: Away, clock: Clock) -> Readiness:
    return Readiness(house.database, house.scp, house.means.spool, store, clock=clock)


async def test_all_is_well(ready: Readiness) -> None:
    assert await ready() == GOOD


async def test_the_store_is_tried_again_after_a_while_only(ready: Readiness, store: Away, clock: Clock) -> None:
    assert await ready() == GOOD
    store.away = True
    assert await ready() == GOOD
    assert store.tries == 1
    clock.now += 31
    assert "storage is unavailable" in str((await ready())["storage"])
    store.away = False
    clock.now += 31
    assert await ready() == GOOD


async def test_f54_a_store_that_keeps_silent_holds_up_no_answer(ready: Readiness, store: Away, clock: Clock) -> None:
    store.answers.clear()
    for _ in range(2):
        assert "storage is unavailable" in str((await ready())["storage"])
    assert store.tries == 1
    store.answers.set()
    clock.now += 31
    assert await ready() == GOOD


async def test_f16_a_listener_that_died(house: House, ready: Readiness) -> None:
    house.scp.stop()
    assert (await ready())["scp"] == "the DICOM listener has stopped"


async def test_f46_a_disk_that_is_full_or_gone(house: House, ready: Readiness) -> None:
    house.means.spool._reserve = 2**62
    assert (await ready())["disk"] == "the disk is nearly full"
    shutil.rmtree(house.means.config.spool_dir)
    assert (await ready())["disk"] == "the spool's folder cannot be used"


async def test_f19_a_database_that_is_away(house: House, store: Away, tmp_path: Path) -> None:
    async with Database(f"postgresql:///x?host={tmp_path}", size=1, name="test", sees=EVERY_CLINIC) as away:
        answer = await Readiness(away, house.scp, house.means.spool, store)()
    assert answer == {**GOOD, "database": "The database is unavailable. Try again in a minute."}
