"""How often what is asked for all the time waits for the database: each wait is long while studies are published."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import pairwise
from pathlib import Path
from uuid import uuid4

from tests.peers.person import Person
from tests.web.conftest import Site

from studypub.db import tasks


@dataclass
class Trips:
    """Each ReadyForQuery ends what the server was asked at once (PostgreSQL documentation, 54.2.3).

    That a statement is prepared, on a connection that has sent it five times, is not counted: whose turn a connection
    is depends on how busy the machine is.
    """

    messages: list[str] = field(default_factory=list)

    @property
    def number(self) -> int:
        kinds = [line.split("\t")[3].strip() for line in self.messages if line.count("\t") >= 3]
        prepared = sum(one == ("Parse", "Sync") for one in pairwise(kinds))
        return kinds.count("ReadyForQuery") - prepared


@contextmanager
def counted(site: Site, folder: Path) -> Iterator[Trips]:
    """Count what is asked of the database in the block; all its connections rest before and after."""
    trips, connections = Trips(), list(site.database._pool._pool)
    with (folder / "messages").open("w+") as file:
        for connection in connections:
            connection.pgconn.trace(file.fileno())
        yield trips
        for connection in connections:
            connection.pgconn.untrace()
        file.seek(0)
        trips.messages += file


async def test_a_program_asks(site: Site, tmp_path: Path) -> None:
    await site.queued("A1")  # the key's use is written down, once a minute
    with counted(site, tmp_path) as trips:
        await site.queued("A2")
    assert trips.number == 4, "the key; what is known; the task; the audit log, the notification and the commit"
    with counted(site, tmp_path) as trips:
        await site.queued("A2")
    assert trips.number == 3
    with counted(site, tmp_path) as trips:
        async with site.database.transaction() as tx:
            assert await tasks.claim(tx, worker_id=uuid4(), lease=timedelta(minutes=1), rota=["f_Khimki"])
    assert trips.number == 2


async def test_a_person_looks_at_the_queue(registrator: Person, site: Site, tmp_path: Path) -> None:
    await registrator.page("/queue")
    with counted(site, tmp_path) as trips:
        await registrator.page("/queue")
    assert trips.number == 4, "the session; the rights; the tasks; the time and who is away"
