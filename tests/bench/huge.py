"""Publishes a study of many instances, and a large instance, with the whole daemon: `python -m tests.bench.huge`.

That is `make huge`: an Enhanced CT of 4,000 frames (2 GB) by C-MOVE and by C-GET, and 10,000 CT slices of 512x512, all
from Orthanc; it takes minutes, and 20 GB where temporary files are. For each it prints the seconds that the
task was in each state, and the most memory that the daemon ever had, with the pages of files and without.
"""

import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

import httpx
from tests.bench.rows import Row, at_most
from tests.peers import large, orthanc
from tests.peers.daemon import Installation, client, install, serving
from tests.peers.desk import ACCESSION, PATIENT
from tests.peers.postgres import open_folder
from tests.peers.resources import own_memory, peak_memory

_SIDE = 512
_LOOK_SECONDS = 0.2
_MOST_SECONDS = 3600.0
_ENDS = ("COMPLETED", "FAILED", "NEEDS_REVIEW", "CANCELLED", "EXPIRED")


class Taken(NamedTuple):
    """Seconds in each state; the most memory of the daemon in MiB: before, meanwhile, and of that what is no file's."""

    seconds: dict[str, float]
    before: int
    peak: int
    own: int


def rows(instances: int = 10_000, frames: int = 4000) -> list[Row]:
    """Return the most memory that either takes."""
    many, long = measure(large.slices(instances, _SIDE), "move"), measure(one(frames), "move")
    return [
        at_most("memory: a study of 10,000 images", many.peak, 300, "MB"),
        at_most("memory: an image of 2 GB", long.peak, 300, "MB"),
    ]


def main(instances: int, frames: int) -> None:
    """Print the rows."""
    for retrieve in ("move", "get"):
        tell(f"{frames} frames by C-{retrieve.upper()}", measure(one(frames), retrieve))
    tell(f"{instances} instances by C-MOVE", measure(large.slices(instances, _SIDE), "move"))


def tell(name: str, taken: Taken) -> None:
    """Print what a study took."""
    told = ", ".join(f"{state} {seconds:.1f} s" for state, seconds in taken.seconds.items())
    memory = f"{taken.before} MiB before, {taken.peak} MiB at most, {taken.own} MiB of them no file's"
    print(f"{name}\n  {told}; {memory}", flush=True)  # noqa: T201


def one(frames: int) -> Iterator[bytes]:
    """Yield the file of an instance of so many frames."""
    with tempfile.TemporaryDirectory() as name:
        large.write(path := Path(name) / "large.dcm", large.multi_frame(frames, side=_SIDE))
        yield path.read_bytes()


def measure(files: Iterable[bytes], retrieve: str) -> Taken:
    """Let Orthanc hold these files, publish the study and return what that took."""
    with open_folder() as folder, orthanc.started(folder, synchronous_c_move=True) as peer:
        for file in files:
            peer.keep(file)
        installation = install(folder, pacs=peer.ae_title, pacs_port=peer.port, retrieve=retrieve)
        peer.register("STUDYPUB", "127.0.0.1", installation.scp_port)
        return published(installation)


def published(installation: Installation) -> Taken:
    """Publish the study and return what that took."""
    key = installation.command("apikey", "add", "--clinic", "f_Khimki", "--name", "МИС").stdout.strip()
    with serving(installation) as daemon, client(installation, key) as mis:
        before = peak_memory(daemon.pid)
        spent, own = watched(mis, daemon.pid)
        return Taken(spent, before >> 20, peak_memory(daemon.pid) >> 20, own >> 20)


def watched(mis: httpx.Client, pid: int) -> tuple[dict[str, float], int]:
    """Ask for the study; return for how long the task was in each state, and the most memory of the daemon's own."""
    task = mis.post("/publish", json={"patient_id": PATIENT, "accession_number": ACCESSION}).json()
    spent: dict[str, float] = {}
    own = 0
    last, end = time.monotonic(), time.monotonic() + _MOST_SECONDS
    while task["status"] not in _ENDS and last < end:
        time.sleep(_LOOK_SECONDS)
        now = time.monotonic()
        spent[task["status"]] = spent.get(task["status"], 0.0) + now - last
        last, own = now, max(own, own_memory(pid))
        task = mis.get(f"/publish/{task['task_id']}").json()
    assert task["status"] == "COMPLETED", task
    return spent, own


if __name__ == "__main__":
    main(*(map(int, sys.argv[1:3]) if len(sys.argv) > 2 else (10_000, 4000)))
