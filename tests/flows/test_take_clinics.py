"""What one machine's administrator sets holds on every other: they hear of it, and go on with what they can read."""

import asyncio
from contextlib import suppress

import msgspec

from studypub.config import Clinic, Config, Current, Fhir
from studypub.config.current import document_of, edition
from studypub.db import clinics
from studypub.db.database import Database
from studypub.db.notifications import listen
from studypub.flows.set_clinic import Editing, set_clinic
from studypub.worker.clinics import follow_clinics

FILE = Config()
PACS = FILE.clinics[0].pacs
NORTH = Clinic(code="north", name="North", pacs=PACS)
PATIENCE = 30.0


class Codes:
    """What another machine has; waits until it is so."""

    def __init__(self, current: Current) -> None:
        self.names: dict[str, str] = {}
        self._changed = asyncio.Event()
        current.tell(self._note)

    def _note(self, now: Config) -> None:
        self.names = {clinic.code: clinic.name for clinic in now.clinics}
        self._changed.set()

    async def become(self, names: dict[str, str]) -> None:
        async with asyncio.timeout(PATIENCE):
            while self.names != names:
                self._changed.clear()
                await self._changed.wait()


async def test_another_machine_hears_of_it(database: Database, database_url: str) -> None:
    here, there, changed = Current(FILE), Current(FILE), asyncio.Event()
    codes, usual = Codes(there), {"default": FILE.clinics[0].name}
    running = [
        asyncio.create_task(listen(database_url, lambda: None, changed.set)),
        asyncio.create_task(follow_clinics(there, database, changed)),
    ]
    await set_clinic(here, database, NORTH, Editing("user:a", ""))
    assert here.now.clinic("north") == NORTH
    await codes.become({**usual, "north": "North"})
    async with database.transaction() as tx:
        await clinics.keep(tx, "north", {**document_of(NORTH), "name": "Newer", "hologram": True}, actor="user:b")
        await clinics.keep(tx, "south", document_of(NORTH), actor="user:b")
    await codes.become({**usual, "north": "North", "south": "North"})
    assert set(there.unusable) == {"north"}
    async with database.transaction() as tx:
        await clinics.give_back(tx, "north")
    await codes.become({**usual, "south": "North"})
    for one in running:
        one.cancel()
        with suppress(asyncio.CancelledError):
            await one


async def test_what_is_saved_counts_for_fhir_in_the_same_moment_and_no_secret_is_kept(database: Database) -> None:
    fhir = Fhir(url="https://fhir.example/r4", token="hush")
    file = Config(clinics=(Clinic(code="a", name="A", pacs=PACS), msgspec.structs.replace(NORTH, fhir=fhir)))
    current = Current(file)
    north = msgspec.structs.replace(file.clinics[1], name="Renamed")
    await set_clinic(current, database, north, Editing("user:a", edition(file.clinics[1])))
    assert current.now.clinic("north") == north
    async with database.transaction() as tx:
        kept = await clinics.documents(tx)
        told = await tx._ask(b"SELECT clinic_code FROM fhir_pushes")
        assert [row["clinic_code"] for row in await told.fetchall()] == ["north"]
    assert kept["north"]["fhir"] == {"url": "https://fhir.example/r4"}
