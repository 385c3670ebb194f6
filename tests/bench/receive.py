"""Measures receiving beside dcmtk's storescp: `python -m tests.bench.receive [INSTANCES]`.

The same slices come from dcmtk's storescu to each of the two in turn, each time into a folder of its own; the median of
some rounds counts.
"""

import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple
from uuid import uuid4

import numpy as np
from pydicom.filewriter import dcmwrite
from pydicom.uid import UID
from tests.bench.rows import Row, at_most
from tests.peers import dcmtk
from tests.peers.program import free_port, listens, running
from tests.peers.studies import make_study

from studypub.dicom.scp import KnownPeers, StorageScp
from studypub.dicom.spool import Spool

_ROUNDS = 5


class Measured(NamedTuple):
    """Seconds of wall time, ours and theirs; our CPU seconds; all of one study."""

    ours: float
    theirs: float
    cpu: float


def main(count: int) -> None:
    """Print the seconds that each takes, and their ratio."""
    with tempfile.TemporaryDirectory(prefix="studypub-bench-") as name:
        found = measure(Path(name), count, 512)
    for who, seconds in (("studypub", found.ours), ("storescp", found.theirs)):
        print(f"{who}  {seconds:6.2f} s  {seconds / count * 1e3:5.2f} ms each")  # noqa: T201
    print(f"studypub  {found.cpu / count * 1e3:5.2f} ms of CPU each")  # noqa: T201
    print(f"ratio     {found.ours / found.theirs:6.2f}")  # noqa: T201


def rows() -> list[Row]:
    """Return the ratios and the CPU for a CT and an MR."""
    found = []
    # Nobody deletes before all is measured: ext4 looks at each inode that was deleted in the last minutes before it
    # gives out another one, which takes longer than receiving.
    with tempfile.TemporaryDirectory(prefix="studypub-bench-") as place:
        for name, count, side in (("ct1000", 1000, 512), ("mr2000", 2000, 256)):
            measured = measure(Path(place) / name, count, side)
            found += [
                at_most(f"receiving {name} against storescp: wall time", measured.ours / measured.theirs, 1.0, "times"),
                at_most(f"receiving {name}: CPU an instance", 1e3 * measured.cpu / count, 1.5, "ms"),
            ]
    return found


def measure(folder: Path, count: int, side: int) -> Measured:
    """Receive so many square slices by turns, into this folder."""
    folder.mkdir(exist_ok=True)
    study_uid = _make_files(folder / "sent", count, side)
    theirs = _storescp(folder / "theirs")
    with _ours(folder / "ours", study_uid) as ours:
        cpu = -time.process_time()  # ours alone: the senders and storescp are other processes
        rounds = [(ours(folder / "sent"), theirs(folder / "sent")) for _ in range(_ROUNDS)]
        cpu += time.process_time()
    our_seconds, their_seconds = (statistics.median(times) for times in zip(*rounds, strict=True))
    return Measured(our_seconds, their_seconds, cpu / _ROUNDS)


def _make_files(folder: Path, count: int, side: int) -> str:
    folder.mkdir()
    study = make_study(patient_id="P1", accession_number="A1", seed=1, instances=1)
    noise = np.random.default_rng(7)
    (instance,) = study
    series = instance.SeriesInstanceUID
    instance.Rows = instance.Columns = side
    for number in range(count):
        instance.SOPInstanceUID = instance.file_meta.MediaStorageSOPInstanceUID = UID(f"{series}.{number}")
        instance.InstanceNumber = number
        instance.PixelData = noise.integers(0, 4096, (side, side), dtype="<u2").tobytes()
        dcmwrite(folder / f"{number:05d}.dcm", instance, enforce_file_format=True)
    return str(instance.StudyInstanceUID)


@contextmanager
def _ours(folder: Path, study_uid: str) -> Iterator[Callable[[Path], float]]:
    spool = Spool(folder, reserve=0)
    spool.open()
    scp = StorageScp("STUDYPUB", "127.0.0.1", 0, peers=KnownPeers(["127.0.0.1"]), peer_ae_titles=["PACS"], spool=spool)
    scp.start()

    def receive(sent: Path) -> float:
        task = folder / str(uuid4())
        task.mkdir()
        with spool.reception(study_uid, task) as reception:
            seconds = _send(sent, scp.port)
            assert reception.count == len(list(sent.iterdir()))
        return seconds

    try:
        yield receive
    finally:
        scp.stop()


def _storescp(folder: Path) -> Callable[[Path], float]:
    folder.mkdir()

    def receive(sent: Path) -> float:
        port, task = free_port(), folder / str(uuid4())
        task.mkdir()
        with running(["storescp", "-od", task, str(port)], folder.with_suffix(".log"), lambda: listens(port)):
            return _send(sent, port)

    return receive


def _send(sent: Path, port: int) -> float:
    begun = time.perf_counter()
    called = dcmtk.call(
        "storescu", "-aet", "PACS", "-aec", "STUDYPUB", "--max-send-pdu", "131072", "+sd", "127.0.0.1", str(port), sent
    )
    assert called.returncode == 0, called.stdout
    return time.perf_counter() - begun


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 200)
