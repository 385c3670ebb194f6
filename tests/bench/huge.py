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

import httpx
from tests.peers import large, orthanc
from tests.peers.daemon import Installation, client, install, serving
from tests.peers.desk import ACCESSION, PATIENT
from tests.peers.postgres import open_folder
from tests.peers.resources import own_memory, peak_memory

_SIDE = 512
_LOOK_SECONDS = 0.2
_MOST_SECONDS = 3600.0
_ENDS = ("COMPLETED", "FAILED", "NEEDS_REVIEW", "CANCELLED", "EXPIRED")


def main(instances: int, frames: int) -> None:
    """Print the rows."""
    for retrieve in ("move", "get"):
        measure(f"{frames} frames by C-{retrieve.upper()}", one(frames), retrieve)
    measure(f"{instances} instances by C-MOVE", large.slices(instances, _SIDE), "move")


def one(frames: int) -> Iterator[bytes]:
    """Yield the file of an instance of so many frames."""
    with tempfile.TemporaryDirectory() as name:
        large.write(path := Path(name) / "large.dcm", large.multi_frame(frames, side=_SIDE))
        yield path.read_bytes()


def measure(name: str, files: Iterable[bytes], retrieve: str) -> None:
    """Let Orthanc hold these files, publish the study and print what that took."""
    with open_folder() as folder, orthanc.started(folder, synchronous_c_move=True) as peer:
        for file in files:
            peer.keep(file)
        installation = install(folder, pacs=peer.ae_title, pacs_port=peer.port, retrieve=retrieve)
        peer.register("STUDYPUB", "127.0.0.1", installation.scp_port)
        print(f"{name}\n  {published(installation)}", flush=True)  # noqa: T201


def published(installation: Installation) -> str:
    """Publish the study and return what that took."""
    key = installation.command("apikey", "add", "--clinic", "f_Khimki", "--name", "МИС").stdout.strip()
    with serving(installation) as daemon, client(installation, key) as mis:
        before = peak_memory(daemon.pid)
        spent, own = watched(mis, daemon.pid)
        peak = peak_memory(daemon.pid)
    told = ", ".join(f"{state} {seconds:.1f} s" for state, seconds in spent.items())
    return f"{told}; {before >> 20} MiB before, {peak >> 20} MiB at most, {own >> 20} MiB of them no file's"


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
