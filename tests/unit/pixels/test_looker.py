import os
import select
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from tests.unit.pixels import burned_in, images

from studypub.pixels.job import Job, Outcome
from studypub.pixels.looker import Looker, Stopped

_NAME = "Zaborovskaya"


@pytest.fixture
def looker() -> Iterator[Looker]:
    with Looker(threading.Event()) as looker:
        yield looker


def _job(folder: Path, picture: burned_in.Picture, name: str = "one") -> Job:
    source = images.native(folder / f"{name}.dcm", _form(picture), picture[None, :, :, None])
    return Job(source=source, target=folder / f"{name}-covered.dcm", identifiers=(_NAME,))


def _form(picture: burned_in.Picture) -> images.Image:
    return images.Image(rows=picture.shape[0], columns=picture.shape[1])


def _with_name() -> burned_in.Picture:
    return burned_in.plant(burned_in.black(120, 240), burned_in.Planted(_NAME, height=18, x=0.5, y=0.5))[0]


def _gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


def test_one_child_serves_many_jobs_and_ends_with_the_looker(tmp_path: Path) -> None:
    with Looker(threading.Event()) as looker:
        assert looker.pid is None
        clean = looker.look(_job(tmp_path, burned_in.black(100, 100), "clean"))
        pid = looker.pid
        masked = looker.look(_job(tmp_path, _with_name(), "masked"))
        assert pid is not None
        assert looker.pid == pid
    assert (clean.outcome, masked.outcome, masked.identifiers > 0) == (Outcome.CLEAN, Outcome.MASKED, True)
    assert _gone(pid)
    assert {path.name for path in tmp_path.iterdir()} == {"clean.dcm", "masked.dcm", "masked-covered.dcm"}
    assert (tmp_path / "masked-covered.dcm").stat().st_mode & 0o077 == 0


def test_no_identifier_is_seen_in_the_process_list(looker: Looker, tmp_path: Path) -> None:
    looker.look(_job(tmp_path, _with_name()))
    process = Path("/proc", str(looker.pid))
    for name in ("cmdline", "environ"):
        assert b"pixels.nurse" in (process / "cmdline").read_bytes()
        assert _NAME.encode() not in (process / name).read_bytes()


def test_the_child_is_limited(looker: Looker, tmp_path: Path) -> None:
    looker.look(_job(tmp_path, burned_in.black(50, 50)))
    limits = Path("/proc", str(looker.pid), "limits").read_text()
    hard = {line[:25].strip(): line.split()[-2] for line in limits.splitlines()[1:]}
    assert (hard["Max address space"], hard["Max core file size"], hard["Max file size"]) == (
        str(3 << 30),
        "0",
        str(8 << 30),
    )
    assert os.getpgid(looker.pid or 0) == looker.pid


def test_a_child_that_is_killed_is_a_crash_and_the_next_job_gets_another(looker: Looker, tmp_path: Path) -> None:
    looker.look(_job(tmp_path, burned_in.black(50, 50), "first"))
    first = looker.pid
    assert first is not None
    with _once_read(_hanging(tmp_path).source, lambda: os.kill(first, signal.SIGKILL)):
        report = looker.look(_hanging(tmp_path))
    assert (report.outcome, report.why) == (Outcome.UNREADABLE, "crash")
    assert looker.look(_job(tmp_path, burned_in.black(50, 50), "next")).outcome is Outcome.CLEAN
    assert looker.pid != first


def test_a_job_that_takes_too_long_is_ended(tmp_path: Path) -> None:
    with Looker(threading.Event(), seconds=1) as looker:
        report = looker.look(_hanging(tmp_path))
        assert looker.pid is None
    assert (report.outcome, report.why) == (Outcome.UNREADABLE, "timeout")
    assert [path.name for path in tmp_path.iterdir()] == ["hangs"]


def test_a_job_is_given_up_at_once_when_nobody_waits(tmp_path: Path) -> None:
    stop = threading.Event()
    job = _hanging(tmp_path)
    with Looker(stop) as looker, _once_read(job.source, stop.set), pytest.raises(Stopped):
        looker.look(job)
    assert [path.name for path in tmp_path.iterdir()] == ["hangs"]


def test_a_parent_that_dies_takes_the_child_along(tmp_path: Path) -> None:
    job = _hanging(tmp_path)
    program = f"""
import threading
from pathlib import Path
from studypub.pixels.job import Job
from studypub.pixels.looker import Looker
Looker(threading.Event()).look(Job(source=Path({str(job.source)!r}), target=Path({str(job.target)!r})))
"""
    # From here on the child waits for bytes.
    with subprocess.Popen([sys.executable, "-c", program]) as parent, job.source.open("wb"):
        nurse = _child_of(parent.pid)
        ending = [os.pidfd_open(pid) for pid in (nurse, _child_of(nurse))]
        parent.kill()
        for pidfd in ending:
            assert select.select([pidfd], [], [], 20)[0]
            os.close(pidfd)


def test_an_image_too_large_for_the_memory_is_unreadable(looker: Looker, tmp_path: Path) -> None:
    form = images.Image(photometric="RGB", rows=65535, columns=65535)
    source = images.encapsulated(tmp_path / "bomb.dcm", form, [b"\xff\x4f\xff\x51" + bytes(60)], images.JPEG + "90")
    report = looker.look(Job(source=source, target=tmp_path / "covered.dcm"))
    assert report.outcome is Outcome.UNREADABLE
    assert looker.look(_job(tmp_path, burned_in.black(50, 50))).outcome is Outcome.CLEAN


def test_what_cannot_be_written_is_said(looker: Looker, tmp_path: Path) -> None:
    job = _job(tmp_path, _with_name())
    job.target.write_bytes(b"mine")
    report = looker.look(job)
    assert (report.outcome, report.why) == (Outcome.UNREADABLE, "io")
    assert job.target.read_bytes() == b"mine"


def _hanging(folder: Path) -> Job:
    """A source that never gives a byte."""
    source = folder / "hangs"
    if not source.exists():
        os.mkfifo(source)
    return Job(source=source, target=folder / "covered.dcm")


@contextmanager
def _once_read(source: Path, act: Callable[[], None]) -> Iterator[None]:
    """Act when the child has opened the source."""
    acted = threading.Event()

    def wait() -> None:
        with source.open("wb"):
            act()
            acted.wait(60)

    thread = threading.Thread(target=wait)
    thread.start()
    try:
        yield
    finally:
        acted.set()
        thread.join()


def _child_of(pid: int) -> int:
    return int(Path("/proc", str(pid), "task", str(pid), "children").read_text().split()[0])
