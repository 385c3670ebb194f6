"""Whatever an image does to the process that draws it, the others are drawn."""

import os
import select
import signal
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from tests.unit.pixels import images

from studypub.pixels.drawing import Drawing, Piece, Shot, Slide
from studypub.pixels.painter import Painter, Stopped

_FORM = images.Image(rows=30, columns=40, frames=3)


_AMPLE_SECONDS = 120.0  # the child that draws lets everything else on the machine go first


@pytest.fixture
def painter() -> Iterator[Painter]:
    with Painter(threading.Event(), _AMPLE_SECONDS) as painter:
        yield painter
    assert painter.pid is None


@pytest.fixture
def good(tmp_path: Path) -> Drawing:
    return drawing(images.native(tmp_path / "good", _FORM, _FORM.noise()))


@pytest.fixture
def hanging(tmp_path: Path) -> Drawing:
    os.mkfifo(tmp_path / "hangs")
    return Drawing(pieces=(Piece(tmp_path / "hangs", 0, 9),), shots=(Shot(0, (None,)),), side=100)


def drawing(path: Path) -> Drawing:
    shots = tuple(Shot(number, (None,)) for number in range(3))
    return Drawing(pieces=(Piece(path, 0, path.stat().st_size),), shots=shots, side=100)


def drawn(painter: Painter, drawing: Drawing) -> list[int]:
    return [len(slide.pictures) for slide in painter.draw(drawing)]


def test_one_child_draws_all_and_is_nice_and_limited(painter: Painter, good: Drawing) -> None:
    pid = painter.pid
    assert pid is not None
    assert [drawn(painter, good) for _ in range(2)] == [[1, 1, 1]] * 2
    assert painter.pid == pid
    assert os.getpriority(os.PRIO_PROCESS, pid) == min(19, os.getpriority(os.PRIO_PROCESS, 0) + 10)
    assert str(3 << 30) in Path(f"/proc/{pid}/limits").read_text()


def test_a_crash_costs_the_pictures_that_were_to_come(painter: Painter, good: Drawing) -> None:
    slides = painter.draw(good)
    assert len(next(slides).pictures) == 1
    assert painter.pid
    _kill(painter.pid)
    assert len(list(slides)) == 2
    assert drawn(painter, good) == [1, 1, 1]
    assert painter.pid
    _kill(painter.pid)  # when it has nothing to do
    assert drawn(painter, good) == [1, 1, 1]


def test_what_hangs_is_ended(good: Drawing, hanging: Drawing) -> None:
    with Painter(threading.Event(), seconds=1) as painter:
        assert list(painter.draw(hanging)) == [Slide(is_unfinished=True)]
        assert painter.pid is None
    with Painter(threading.Event(), _AMPLE_SECONDS) as painter:
        assert drawn(painter, good) == [1, 1, 1]


def test_nobody_waits_for_what_is_stopped(hanging: Drawing) -> None:
    stop = threading.Event()
    with Painter(stop) as painter:
        stop.set()
        with pytest.raises(Stopped):
            list(painter.draw(hanging))


def test_a_bomb_is_not_drawn_and_what_follows_is(painter: Painter, good: Drawing, tmp_path: Path) -> None:
    form = images.Image(photometric="RGB", rows=65535, columns=65535)
    bomb = images.encapsulated(tmp_path / "bomb", form, [b"\xff\x4f\xff\x51" + bytes(60)], images.JPEG + "90")
    assert drawn(painter, drawing(bomb)) == [0, 0, 0]
    assert drawn(painter, good) == [1, 1, 1]


def test_a_fresh_child_is_forked_for_each_study_and_none_is_left(good: Drawing) -> None:
    pids, nurse = [], 0
    for _ in range(2):
        with Painter(threading.Event()) as painter:
            assert drawn(painter, good) == [1, 1, 1]
            assert painter.pid is not None
            pids.append(painter.pid)
            nurse = _parent(painter.pid)
            # Its own two pipes, nobody else's, and no way to the nurse.
            assert sorted(_connections(painter.pid)) == ["pipe", "pipe"]
    assert pids[0] != pids[1]
    assert nurse not in {os.getpid(), *pids}
    assert not Path("/proc", str(nurse), "task", str(nurse), "children").read_text().split()


def test_two_studies_are_drawn_at_once(good: Drawing, hanging: Drawing) -> None:
    stop = threading.Event()
    with Painter(stop) as one, Painter(threading.Event()) as other:
        with ThreadPoolExecutor() as threads:
            stuck = threads.submit(list, one.draw(hanging))
            assert drawn(other, good) == [1, 1, 1]
            assert not stuck.done()
            stop.set()
        assert isinstance(stuck.exception(), Stopped)


def test_a_nurse_that_has_died_is_replaced(painter: Painter, good: Drawing) -> None:
    assert drawn(painter, good) == [1, 1, 1]
    assert painter.pid is not None
    nurse, ended = _parent(painter.pid), os.pidfd_open(painter.pid)
    _kill(nurse)
    assert select.select([ended], [], [], 20)[0], "the children outlive what they were forked from"
    os.close(ended)
    assert drawn(painter, good) == [1, 1, 1]
    assert _parent(painter.pid) != nurse


def _kill(pid: int) -> None:
    ended = os.pidfd_open(pid)
    os.killpg(pid, signal.SIGKILL)
    assert select.select([ended], [], [], 20)[0]
    os.close(ended)


def _parent(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()[1])


def _connections(pid: int) -> list[str]:
    targets = [str(path.readlink()) for path in Path(f"/proc/{pid}/fd").iterdir()]
    return [target.partition(":")[0] for target in targets if ":" in target]
