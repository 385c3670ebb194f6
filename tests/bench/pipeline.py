"""Measures the whole way beside what one would build from Orthanc: `python -m tests.bench.pipeline [KIND:COUNT ...]`.

From a request to an archive in object storage, out of the same PACS (Orthanc) into the same store (Ceph's radosgw), in
turn; the median of some rounds counts. CPU is that of the daemon, or of the gateway and its script; that of PACS, store
and database counts for nobody. Whether the study is published the database is asked, which costs the daemon nothing.
KIND is CT (slices of 512x512) or MR (256x256).

Both have published a small study before, as whoever runs for months has; and each round's folder lies elsewhere on the
disk, for of an inode that was deleted in the last minutes ext4 makes sure that it is, one by one, before it gives out
another near it.
"""

import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from itertools import chain
from pathlib import Path
from typing import NamedTuple

import httpx
import psycopg
from pydicom.dataset import FileDataset
from tests.bench.phantoms import study
from tests.bench.rows import Row, at_least, at_most
from tests.bench.usage import cpu_seconds, forget_peak, peak_megabytes, spread
from tests.peers import daemon, orthanc, s3
from tests.peers.orthanc import Orthanc
from tests.peers.restartable import Restartable, restartable
from tests.peers.s3 import S3Server

from studypub.config import Workers

_ROUNDS = 3
_FIRST = "FIRST"
_LOOK_SECONDS = 0.02
# Tests look several times a second whether a PACS that was away is back.
_AS_SHIPPED = {"STUDYPUB_WORKERS__RETRY_BASE_SECONDS": str(Workers().retry_base_seconds)}
_MOST_SECONDS = 600.0


class Measured(NamedTuple):
    """Seconds of wall time and of CPU; the most memory, MB."""

    wall: float
    cpu: float
    memory: float


Way = Callable[[Path, Orthanc, S3Server, str], Measured]


def main(sets: list[str]) -> None:
    """Print a row for each study and way, and the ratios."""
    print(f"{'study':10} {'way':10} {'wall s':>8} {'CPU s':>8} {'RSS MB':>8}")  # noqa: T201
    for name, found in measure(sets):
        for way, measured in found.items():
            print(f"{name:10} {way:10} {measured.wall:8.2f} {measured.cpu:8.2f} {measured.memory:8.0f}")  # noqa: T201
        own, other = found.values()
        print(f"{name:10} {'ratio':10} {other.wall / own.wall:8.1f} {other.cpu / own.cpu:8.1f}", flush=True)  # noqa: T201


def rows() -> list[Row]:
    """Return the ratios for a large study and a small one, and the memory of the large one."""
    (_, large), (_, small) = measure(["CT:1000", "CT:10"])
    own, gateway = large.values()
    return [
        at_least("C-FIND to live link, ct1000, against Orthanc as a gateway: wall time", gateway.wall / own.wall, 10),
        at_least("the same: CPU", gateway.cpu / own.cpu, 10),
        at_least("small10 against the same: wall time", small["gateway"].wall / small["studypub"].wall, 2.5),
        at_most("memory: ct1000", own.memory, 250, "MB"),
    ]


def measure(sets: list[str]) -> Iterator[tuple[str, dict[str, Measured]]]:
    """Yield for each study what either way took."""
    with surroundings() as (folder, pacs, store, postgres):
        ways: dict[str, Way] = {"studypub": partial(ours, postgres), "gateway": _gateway}
        for number, each in enumerate(sets, 1):
            kind, _, count = each.partition(":")
            accession = f"ACC{number}"
            load(pacs, study(kind, int(count), accession, number))
            yield each, compare(ways, folder, pacs, store, accession)
            pacs.clear()


@contextmanager
def surroundings() -> Iterator[tuple[Path, Orthanc, S3Server, Restartable]]:
    """Give a folder for each round's folder, a PACS, a store and a database's server."""
    with tempfile.TemporaryDirectory(prefix="studypub-bench-") as name:
        folder = Path(name)
        folder.chmod(0o711)
        spread(folder)
        (folder / "pacs").mkdir()
        with (
            orthanc.started(folder / "pacs", synchronous_c_move=True) as pacs,
            s3.started("radosgw", folder) as store,
            restartable() as postgres,
        ):
            yield folder, pacs, store, postgres


def compare(
    ways: Mapping[str, Way], folder: Path, pacs: Orthanc, store: S3Server, accession: str
) -> dict[str, Measured]:
    """Let both publish the study in turn, each time as if for the first time; return what that took."""
    rounds = [
        {way: run(Path(tempfile.mkdtemp(dir=folder)), pacs, store, accession) for way, run in ways.items()}
        for _ in range(_ROUNDS)
    ]
    return {way: Measured(*map(statistics.median, zip(*(each[way] for each in rounds), strict=True))) for way in ways}


def load(pacs: Orthanc, datasets: Iterable[FileDataset]) -> None:
    """Give a PACS a study, of which one instance at a time is in memory, and the one that is published before."""
    for dataset in chain(study("CT", 2, _FIRST, 1000), datasets):
        pacs.store([dataset])


def ours(postgres: Restartable, folder: Path, pacs: Orthanc, store: S3Server, accession: str) -> Measured:
    """Return what a daemon takes for a study; it has published a small one before."""
    more = f'\n[storage]\nkind = "s3"\n[storage.s3]\nendpoint = "{store.endpoint}"\nregion = "{store.region}"\n'
    more += f'bucket = "{store.new_bucket()}"\naccess_key = "{store.access_key}"\nsecret_key = "{store.secret_key}"\n'
    installation = daemon.install(folder, pacs=pacs.ae_title, pacs_port=pacs.port, more=more)
    pacs.register("STUDYPUB", "127.0.0.1", installation.scp_port)
    url = postgres.database()
    with (
        daemon.serving(installation, STUDYPUB_DATABASE__URL=url, **_AS_SHIPPED) as process,
        daemon.client(installation, postgres.key) as mis,
        psycopg.connect(url, autocommit=True) as database,
    ):
        publish(mis, database, _FIRST)
        return _measured(process.pid, lambda: publish(mis, database, accession))


def publish(mis: httpx.Client, database: psycopg.Connection, accession: str) -> None:
    """Ask for a study, and wait until it is published."""
    mis.post("/publish", json={"patient_id": "P1", "accession_number": accession}).raise_for_status()
    end = time.monotonic() + _MOST_SECONDS
    status = "SELECT status FROM tasks WHERE accession_number = %s"
    while (row := database.execute(status, [accession]).fetchone()) != ("COMPLETED",):
        assert row not in (("FAILED",), ("NEEDS_REVIEW",)), row
        assert time.monotonic() < end, row
        time.sleep(_LOOK_SECONDS)


def _gateway(folder: Path, pacs: Orthanc, store: S3Server, accession: str) -> Measured:
    with orthanc.started(folder, synchronous_c_move=True) as gateway:
        pacs.register("ORTHANC", "127.0.0.1", gateway.port)
        gateway.register("PACS", "127.0.0.1", pacs.port, ae_title=pacs.ae_title)
        bucket = store.new_bucket()

        def publish(accession: str) -> None:
            study = gateway.fetch("PACS", accession)
            gateway.archive(gateway.anonymize(study), folder / "study.zip")
            store.client().fput_object(bucket, f"{accession}.zip", str(folder / "study.zip"))

        publish(_FIRST)
        gateway.clear()
        own = time.process_time()
        measured = _measured(gateway.pid, lambda: publish(accession))
        return measured._replace(cpu=measured.cpu + time.process_time() - own)


def _measured(pid: int, publish: Callable[[], None]) -> Measured:
    forget_peak(pid)
    cpu, begun = cpu_seconds(pid), time.monotonic()
    publish()
    wall = time.monotonic() - begun
    return Measured(wall, cpu_seconds(pid) - cpu, peak_megabytes(pid))


if __name__ == "__main__":
    main(sys.argv[1:] or ["CT:10", "CT:1000", "MR:2000"])
