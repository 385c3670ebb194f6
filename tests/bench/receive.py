"""Measures receiving beside dcmtk's storescp: `python -m tests.bench.receive [INSTANCES]`.

The same CT slices of 512 KiB come from dcmtk's storescu to each of the two in turn; the median of some rounds counts.
"""

import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from pydicom.filewriter import dcmwrite
from tests.peers import dcmtk
from tests.peers.program import free_port, listens, running
from tests.peers.studies import make_study

from studypub.dicom.scp import KnownPeers, StorageScp
from studypub.dicom.spool import Spool

_ROUNDS = 5
_SIDE = 512


def main(count: int) -> None:
    """Print the seconds that each takes, and their ratio."""
    with tempfile.TemporaryDirectory(prefix="studypub-bench-") as name:
        folder = Path(name)
        study_uid = _make_files(folder / "sent", count)
        with _ours(folder / "ours", study_uid) as ours, _storescp(folder / "theirs") as theirs:
            cpu = -time.process_time()  # ours alone: the senders and storescp are other processes
            rounds = [(ours(folder / "sent"), theirs(folder / "sent")) for _ in range(_ROUNDS)]
            cpu += time.process_time()
        our_seconds, their_seconds = (statistics.median(times) for times in zip(*rounds, strict=True))
    megabytes = count * 2 * _SIDE * _SIDE / 1e6
    for who, seconds in (("studypub", our_seconds), ("storescp", their_seconds)):
        print(f"{who}  {seconds:6.2f} s  {megabytes / seconds:6.0f} MB/s  {seconds / count * 1e3:5.2f} ms each")  # noqa: T201
    print(f"studypub  {cpu / count / _ROUNDS * 1e3:5.2f} ms of CPU each")  # noqa: T201
    print(f"ratio     {our_seconds / their_seconds:6.2f}")  # noqa: T201


def _make_files(folder: Path, count: int) -> str:
    folder.mkdir()
    study = make_study(patient_id="P1", accession_number="A1", seed=1, instances=count)
    noise = np.random.default_rng(7)
    for number, instance in enumerate(study):
        instance.Rows = instance.Columns = _SIDE
        instance.PixelData = noise.integers(0, 4096, (_SIDE, _SIDE), dtype="<u2").tobytes()
        dcmwrite(folder / f"{number:05d}.dcm", instance, enforce_file_format=True)
    return str(study[0].StudyInstanceUID)


@contextmanager
def _ours(folder: Path, study_uid: str) -> Iterator[Callable[[Path], float]]:
    spool = Spool(folder, reserve=0)
    spool.open()
    scp = StorageScp("STUDYPUB", "127.0.0.1", 0, peers=KnownPeers(["127.0.0.1"]), peer_ae_titles=["PACS"], spool=spool)
    scp.start()

    def receive(sent: Path) -> float:
        with spool.work_folder("task") as task, spool.reception(study_uid, task) as reception:
            seconds = _send(sent, scp.port)
            assert reception.count == len(list(sent.iterdir()))
        return seconds

    try:
        yield receive
    finally:
        scp.stop()


@contextmanager
def _storescp(folder: Path) -> Iterator[Callable[[Path], float]]:
    folder.mkdir()
    port = free_port()
    with running(["storescp", "-od", folder, str(port)], folder.with_suffix(".log"), lambda: listens(port)):
        yield lambda sent: _send(sent, port)


def _send(sent: Path, port: int) -> float:
    begun = time.perf_counter()
    called = dcmtk.call(
        "storescu", "-aet", "PACS", "-aec", "STUDYPUB", "--max-send-pdu", "131072", "+sd", "127.0.0.1", str(port), sent
    )
    assert called.returncode == 0, called.stdout
    return time.perf_counter() - begun


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 200)
