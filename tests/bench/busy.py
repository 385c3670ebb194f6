"""Measures the web while four studies are published at once: `python -m tests.bench.busy [INSTANCES]`.

A hundred thousand tasks and publications lie in the tables. Every tenth of a second a MIS asks for a study, and a
registrator's browser for the queue.
"""

import asyncio
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

import httpx
import psycopg
from tests.bench.pages import FILL
from tests.bench.phantoms import study
from tests.bench.rows import Row, at_most, percentile
from tests.bench.usage import forget_peak, peak_megabytes
from tests.peers import daemon, orthanc, panel
from tests.peers.restartable import restartable

from studypub.core.clinics import EVERY_CLINIC
from studypub.db.database import Database

_STUDIES, _TASKS = 4, 100_000
_PAUSE_SECONDS = 0.1
_MOST_SECONDS = 600


def rows(instances: int = 500) -> list[Row]:
    """Return how long the web takes, and how much memory all that."""
    with tempfile.TemporaryDirectory(prefix="studypub-bench-") as name:
        folder = Path(name)
        folder.chmod(0o711)
        (folder / "pacs").mkdir()
        with orthanc.started(folder / "pacs", synchronous_c_move=True) as pacs, restartable() as postgres:
            for number in range(_STUDIES):
                pacs.store(study("CT", instances, f"ACC{number}", number + 1))
            url = postgres.database()
            fill(url, tasks=_TASKS)
            more = f"[workers]\nconcurrency = {_STUDIES}\n"
            installation = daemon.install(folder, pacs=pacs.ae_title, pacs_port=pacs.port)
            installation.file.write_text(installation.file.read_text("utf-8").replace("[workers]\n", more), "utf-8")
            pacs.register("STUDYPUB", "127.0.0.1", installation.scp_port)
            with (
                daemon.serving(installation, STUDYPUB_DATABASE__URL=url) as process,
                daemon.client(installation, postgres.key) as mis,
                httpx.Client(base_url=installation.url, timeout=60, trust_env=False) as registrator,
                psycopg.connect(url, autocommit=True) as database,
            ):
                form = {"name": panel.REGISTRATOR, "password": panel.PASSWORD}
                assert registrator.post("/login", data=form).status_code == 303
                assert registrator.get("/queue").status_code == 200
                forget_peak(process.pid)
                for number in range(_STUDIES):
                    _request(mis, f"ACC{number}")
                asked, shown = _meanwhile(
                    lambda number: _request(mis, f"NONE{number}"),
                    lambda _: registrator.get("/queue").raise_for_status(),
                    lambda: _published(database),
                )
                memory = peak_megabytes(process.pid)
    return [
        at_most("`POST /publish` while four studies are published, p99", percentile(asked, 99), 100, "ms"),
        at_most("queue page of 100,000 tasks meanwhile, p99", percentile(shown, 99), 150, "ms"),
        at_most("memory: four studies at once", memory, 400, "MB"),
    ]


def fill(url: str, *, tasks: int) -> None:
    """Put so many tasks and publications into the tables, and people who may look at them."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(FILL, {"number": tasks})
        connection.execute("ANALYZE")

    async def people() -> None:
        async with Database(url, size=1, name="bench", sees=EVERY_CLINIC) as database:
            await panel.add_people(database)

    asyncio.run(people())


def _request(mis: httpx.Client, accession_number: str) -> httpx.Response:
    document = {"patient_id": "P1", "accession_number": accession_number, "clinic_code": panel.KHIMKI}
    return mis.post("/publish", json=document).raise_for_status()


def _published(database: psycopg.Connection) -> bool:
    row = database.execute(
        "SELECT status, count(*) FROM tasks WHERE accession_number LIKE 'ACC%' GROUP BY 1"
    ).fetchall()
    assert not {status for status, _ in row} & {"FAILED", "NEEDS_REVIEW"}, row
    return row == [("COMPLETED", _STUDIES)]


def _meanwhile(
    ask: Callable[[int], object], show: Callable[[int], object], ended: Callable[[], bool]
) -> tuple[list[float], list[float]]:
    """Do both again and again until it has ended; return the milliseconds that each took."""
    over = threading.Event()
    spans: tuple[list[float], list[float]] = ([], [])
    threads = [
        threading.Thread(target=_again, args=(do, found, over)) for do, found in zip((ask, show), spans, strict=True)
    ]
    for thread in threads:
        thread.start()
    try:
        end = time.monotonic() + _MOST_SECONDS
        while not ended():
            assert time.monotonic() < end
            time.sleep(_PAUSE_SECONDS)
    finally:
        over.set()
        for thread in threads:
            thread.join()
    return spans


def _again(do: Callable[[int], object], spans: list[float], over: threading.Event) -> None:
    number = 0
    while not over.wait(_PAUSE_SECONDS):
        number += 1
        begun = time.perf_counter()
        do(number)
        spans.append(1000 * (time.perf_counter() - begun))


if __name__ == "__main__":
    print(*rows(*map(int, sys.argv[1:])), sep="\n")  # noqa: T201
