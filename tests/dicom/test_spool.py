"""Where received instances lie until their study is whole."""

import threading
from pathlib import Path

import pytest

from studypub.dicom.spool import Reception, Spool, StudyIsBusy
from studypub.errors import DiskFull

QUIET = 60.0  # never reached: a test that waits for it hangs


@pytest.fixture
def spool(tmp_path: Path) -> Spool:
    spool = Spool(tmp_path / "spool", reserve=0)
    spool.open()
    return spool


def add(reception: Reception, number: int, dataset: bytes = b"pixels") -> None:
    reception.add(f"1.2.{number}", "1.2.3", b"header", dataset)


def test_what_an_earlier_process_left_is_gone(spool: Spool, tmp_path: Path) -> None:
    left = tmp_path / "spool" / "task" / "00000001.dcm"
    left.parent.mkdir()
    left.write_bytes(b"pixels")
    spool.open()
    assert list((tmp_path / "spool").iterdir()) == []


def test_a_task_s_folder_goes_with_all_that_is_in_it(spool: Spool, tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), spool.work_folder("task") as folder:  # noqa: PT012
        (folder / "file").write_bytes(b"pixels")
        raise ZeroDivisionError
    assert list((tmp_path / "spool").iterdir()) == []


def test_f45_without_room_there_is_no_folder(tmp_path: Path) -> None:
    full = Spool(tmp_path / "spool", reserve=2**62)
    full.open()
    with pytest.raises(DiskFull), full.work_folder("task"):
        pass
    (tmp_path / "spool").rmdir()
    with pytest.raises(DiskFull), full.work_folder("task"):
        pass


def test_a_study_is_received_by_one_task_at_a_time(spool: Spool, tmp_path: Path) -> None:
    with spool.reception("1.2", tmp_path) as reception:
        assert spool.expecting("1.2") is reception
        assert spool.expecting("1.3") is None
        with pytest.raises(StudyIsBusy), spool.reception("1.2", tmp_path):
            pass
        assert spool.expecting("1.2") is reception
    assert spool.expecting("1.2") is None


def test_f05_what_cannot_be_written_leaves_nothing(tmp_path: Path) -> None:
    reception = Reception(tmp_path)
    (tmp_path / "00000001.dcm").mkdir()  # in the way
    with pytest.raises(OSError, match=r"00000001|directory"):
        add(reception, 1)
    assert reception.count == 0
    assert not list(tmp_path.glob("*.part"))


def test_many_threads_at_once(tmp_path: Path) -> None:
    """Each instance comes from three threads; each is kept once."""
    reception = Reception(tmp_path)
    together = threading.Barrier(6)

    def send(first: int) -> None:
        together.wait()
        for number in range(40):
            add(reception, (first + number) % 40)

    threads = [threading.Thread(target=send, args=(first,)) for first in (0, 0, 0, 20, 20, 20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (reception.count, reception.conflict) == (40, None)
    assert sorted(tmp_path.iterdir()) == sorted(one.path for one in reception.instances())


def waiting(reception: Reception, uids: frozenset[str], count: int, quiet: float = QUIET) -> threading.Thread:
    thread = threading.Thread(target=reception.wait_for, args=(uids, count), kwargs={"quiet": quiet})
    thread.start()
    return thread


def test_waiting_ends_with_the_last_instance(tmp_path: Path) -> None:
    reception = Reception(tmp_path)
    thread = waiting(reception, frozenset({"1.2.1", "1.2.2"}), 2)
    add(reception, 1)
    add(reception, 3)
    assert thread.is_alive()  # two are here, one of the two that are listed is not
    add(reception, 2)
    thread.join(10)
    assert not thread.is_alive()


def test_waiting_ends_when_nothing_comes(tmp_path: Path) -> None:
    reception = Reception(tmp_path)
    thread = waiting(reception, frozenset(), 1, quiet=0.05)
    thread.join(10)
    assert not thread.is_alive()


def test_waiting_ends_with_the_reception(spool: Spool, tmp_path: Path) -> None:
    with spool.reception("1.2", tmp_path) as reception:
        thread = waiting(reception, frozenset(), 1)
    thread.join(10)
    assert not thread.is_alive()
