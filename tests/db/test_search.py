"""What somebody types is found by an index, in whichever order the list is shown and whatever was shown before."""

from collections.abc import Awaitable, Callable

import psycopg
import pytest
from tests.bench.pages import FILL

from studypub.core.clinics import EVERY_CLINIC, Sees, only
from studypub.core.request import PublishRequest
from studypub.db import queue, studies_list, tasks
from studypub.db.database import Database, Transaction
from studypub.db.queue import QueueFilter
from studypub.db.studies_list import COLUMNS, Sort, StudyFilter

ROWS, MOST_ROWS = 10_000, 400
OFTEN = 12  # after a few times PostgreSQL may settle on one plan for whatever is asked

Search = Callable[[Transaction, str], Awaitable[int]]


def studies_by(column: str) -> Search:
    async def search(tx: Transaction, text: str) -> int:
        return len(await studies_list.lines(tx, StudyFilter(text=text), Sort(column), limit=50))

    return search


async def in_one_column(tx: Transaction, text: str) -> int:
    return len(await studies_list.lines(tx, StudyFilter(acsn=text), Sort(), limit=50))


async def in_the_queue(tx: Transaction, text: str) -> int:
    return len(await queue.lines(tx, QueueFilter(text=text), limit=50))


@pytest.mark.parametrize("sees", [EVERY_CLINIC, only("f_Tver")], ids=["every clinic", "one clinic"])
async def test_a_search_reads_few_rows(connection: psycopg.Connection, database_url: str, sees: Sees) -> None:
    connection.execute(FILL, {"number": ROWS})
    connection.execute("VACUUM ANALYZE tasks")
    connection.execute("VACUUM ANALYZE published_studies")
    searches = (*map(studies_by, COLUMNS), in_one_column, in_the_queue)
    asked = PublishRequest(clinic_code="f_Tver", patient_id="P", accession_number="N")
    async with Database(database_url, size=1, name="test", sees=sees) as database:
        async with database.transaction() as tx:
            for _ in range(OFTEN):
                assert (await tasks.standing(tx, asked, most=10)).task is None
            assert await _rows_read(tx) < MOST_ROWS
        for search in searches:
            async with database.transaction() as tx:
                assert [await search(tx, "") for _ in range(OFTEN)] == [50] * OFTEN
            for text, count in (("n00077", 50), ("n0007713", 1), ("nowhere", 0)):
                async with database.transaction() as tx:
                    before = await _rows_read(tx)
                    assert await search(tx, text) == count
                    assert await _rows_read(tx) - before < MOST_ROWS, (search, text)


@pytest.mark.parametrize("text", ["7", "77", "077", "0077", "n00077", "77 p", "%", "_0", "N00077"])
async def test_a_search_finds_what_holds_it(connection: psycopg.Connection, database: Database, text: str) -> None:
    connection.execute(FILL, {"number": 500})
    query = "SELECT count(*) FROM published_studies WHERE strpos(numbers, lower(%s)) > 0"
    row = connection.execute(query, (text,)).fetchone()
    async with database.transaction() as tx:
        found = await studies_list.lines(tx, StudyFilter(text=text), Sort(), limit=1000)
    assert row == (len(found),)


async def _rows_read(tx: Transaction) -> int:
    query = b"SELECT sum(seq_tup_read + idx_tup_fetch)::int AS read FROM pg_stat_xact_user_tables"
    cursor = await tx._ask(query)
    row = await cursor.fetchone()
    assert row is not None
    return int(row["read"] or 0)
