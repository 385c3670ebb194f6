"""Measures how soon the daemon serves, and how soon it asks the PACS: `python -m tests.bench.start`.

With its own PostgreSQL, whose data exist already.
"""

import statistics
import time
from collections.abc import Iterator
from typing import Any

import httpx
from pynetdicom import AE, evt
from pynetdicom.sop_class import StudyRootQueryRetrieveInformationModelFind  # type: ignore[attr-defined]
from tests.bench.rows import Row, at_most
from tests.peers.daemon import Installation, client, install, serving
from tests.peers.postgres import open_folder

from studypub.dicom.nodelay import send_at_once

_STARTS, _REQUESTS = 5, 40
_MOST_SECONDS = 30


class Asked:
    """When the PACS was asked."""

    moment = 0.0

    def find(self, event: evt.Event) -> Iterator[Any]:
        """Answer that there is nothing."""
        del event
        self.moment = self.moment or time.perf_counter()
        yield from ()


def rows() -> list[Row]:
    """Return both."""
    asked, entity = Asked(), AE("PACS")
    entity.add_supported_context(StudyRootQueryRetrieveInformationModelFind)
    handlers: list[Any] = [(evt.EVT_CONN_OPEN, send_at_once), (evt.EVT_C_FIND, asked.find)]
    server = entity.start_server(("127.0.0.1", 0), block=False, evt_handlers=handlers)
    assert server is not None
    try:
        with open_folder() as folder:
            installation = install(folder, pacs="PACS", pacs_port=server.server_address[1])
            key = installation.command("apikey", "add", "--clinic", "f_Khimki", "--name", "bench").stdout.strip()
            starts = [_start(installation) for _ in range(_STARTS)]
            with serving(installation), client(installation, key) as mis:
                waits = [_ask(mis, asked, number) for number in range(_REQUESTS)]
    finally:
        entity.shutdown()
    return [
        at_most("`studypub serve` to ready, its database existing", statistics.median(starts), 2, "s"),
        at_most("`POST /publish` to the PACS's first C-FIND, p50", statistics.median(waits), 20, "ms"),
    ]


def _start(installation: Installation) -> float:
    begun = time.perf_counter()
    with serving(installation):
        return time.perf_counter() - begun


def _ask(mis: httpx.Client, asked: Asked, number: int) -> float:
    asked.moment = 0.0
    begun = time.perf_counter()
    mis.post("/publish", json={"patient_id": "P1", "accession_number": f"A{number}"}).raise_for_status()
    while not asked.moment:
        assert time.perf_counter() - begun < _MOST_SECONDS
        time.sleep(0.01)
    return 1000 * (asked.moment - begun)


if __name__ == "__main__":
    print(*rows(), sep="\n")  # noqa: T201
