"""What is said of the machines that share a database."""

import asyncio
from datetime import timedelta
from uuid import UUID, uuid4

import msgspec
import psycopg
from tests.examine.conftest import by_code
from tests.peers.database import connection, database, database_url, migrated
from tests.peers.postgres import postgres_server
from tests.peers.restartable import address

from studypub.config import Config
from studypub.core.machines import Machine
from studypub.db import machines
from studypub.db.database import Database
from studypub.errors import Sentence
from studypub.flows.examine import machines as examined
from studypub.flows.examine.finding import Finding
from studypub.flows.join import shared_settings

__all__ = ["connection", "database", "database_url", "migrated", "postgres_server"]


async def enter(database: Database, number: int, config: Config, obstacle: Sentence | None = None) -> Machine:
    me = Machine(
        machine_id=UUID(int=number),
        run=uuid4(),
        name=f"host{number}",
        ae_title=f"STUDYPUB{number}",
        place=f"place {number}",
        version="1",
        settings=shared_settings(config),
        started_at=None,  # type: ignore[arg-type]
        seen_at=None,  # type: ignore[arg-type]
    )
    async with database.transaction() as tx:
        await machines.enter(tx, me)
        await machines.beat(tx, me, obstacle)
    return me


async def test_each_machine_is_told_of_where_there_are_several(
    database: Database, database_url: str, connection: psycopg.Connection
) -> None:
    config = Config(database=msgspec.structs.replace(Config().database, url=address(database_url)))
    other = msgspec.structs.replace(config, retention=msgspec.structs.replace(config.retention, default_days=7))

    async def found() -> dict[str, Finding]:
        return by_code(await asyncio.to_thread(examined.examine, config))

    first = await enter(database, 1, config)
    assert await found() == {}
    async with database.transaction() as tx:
        await machines.take_duty(tx, first.machine_id)
    await enter(database, 2, other)
    await enter(database, 3, config, Sentence("Мало места.", "No room."))
    left, _ = await enter(database, 4, config), await enter(database, 5, config)
    async with database.transaction() as tx:
        await machines.leave(tx, left)
    connection.execute("UPDATE machines SET seen_at = now() - %s WHERE name = 'host5'", (timedelta(minutes=7),))
    told = await found()
    names = {"MACHINE_ON_DUTY": 1, "MACHINE_WORKS": 2, "MACHINE_WAITS": 3, "MACHINE_STOPPED": 4, "MACHINE_SILENT": 5}
    assert set(told) == {*names, "MACHINE_OTHER_SETTINGS"}
    for code, number in names.items():
        assert f"host{number} (STUDYPUB{number}" in told[code].sentence.en
    assert told["MACHINE_OTHER_SETTINGS"].sentence.en.startswith("Machine host2")
    assert "retention." in told["MACHINE_OTHER_SETTINGS"].sentence.en
    assert "No room." in told["MACHINE_WAITS"].sentence.en
    assert " 7 min" in told["MACHINE_SILENT"].sentence.en
