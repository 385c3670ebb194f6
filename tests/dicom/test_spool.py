"""Where received instances lie until their study is whole."""

import shutil
import threading
from pathlib import Path
from uuid import UUID

import pytest

from studypub.dicom.reception import Reception
from studypub.dicom.spool import Spool, StudyIsBusy
from studypub.errors import DiskFull

STUDY, TASK, OTHER = "1.2.3", UUID(int=1), UUID(int=2)
QUIET = 60.0  # never reached: a test that waits for it hangs


@pytest.fixture
def spool(tmp_path: Path) -> Spool:
    spool = Spool(tmp_path / "spool", reserve=0)
    spool.open()
    return spool


def add(reception: Reception, number: int, dataset: bytes = b"pixels") -> None:
    reception.add(f"1.2.{number}", "1.2.3", b"header", dataset)


def test_of_what_an_earlier_process_left_only_what_tasks_received_stays(spool: Spool, tmp_path: Path) -> None:
    with spool.task_folder(TASK) as kept:
        (kept / "00000001.dcm").write_bytes(b"pixels")
    folder = tmp_path / "spool"
    for name in ("task", "task-x", f"{TASK}", f"task-{TASK.hex}"):
        (folder / name).mkdir()
        (folder / name / "00000001.dcm").write_bytes(b"pixels")
    (folder / "file").write_bytes(b"")
    (folder / f"task-{OTHER}").write_bytes(b"")
    spool.open()
    assert list(folder.iterdir()) == [kept]
    assert spool.task_ids() == [TASK]
    assert spool.forget(TASK)
    assert spool.forget(TASK)
    assert list(folder.iterdir()) == []


def test_a_task_s_folder_stays_while_an_attempt_works_in_it(spool: Spool) -> None:
    with spool.task_folder(TASK) as first:
        with spool.task_folder(TASK) as second:
            assert first == second
        assert not spool.forget(TASK)
        assert first.is_dir()
    assert spool.forget(TASK)
    assert not first.exists()


def received(folder: Path, numbers: range) -> Reception:
    reception = Reception(folder, STUDY, lasting=True)
    for number in numbers:
        add(reception, number)
    return reception


def recalled(folder: Path, study: str = STUDY) -> Reception:
    reception = Reception(folder, study, lasting=True)
    reception.recall()
    return reception


def test_f04_what_was_received_is_taken_up_again(tmp_path: Path) -> None:
    before = received(tmp_path, range(3))
    after = recalled(tmp_path)
    assert after.instances() == before.instances()
    add(after, 1)  # it comes once more
    add(after, 7)
    assert (after.count, after.conflict) == (4, None)
    assert {path for path in tmp_path.iterdir() if path.suffix} == {one.path for one in after.instances()}
    assert recalled(tmp_path).count == 4


def files_size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.iterdir() if path.name != "received")


def test_the_size_is_of_what_is_here_and_of_what_is_coming(tmp_path: Path) -> None:
    reception = received(tmp_path, range(3))
    add(reception, 1)  # it comes once more
    coming = reception.begin("1.2.9", "1.2.3", b"header")
    coming.write(b"x" * 1000)
    assert reception.size == files_size(tmp_path) > 1000
    coming.discard()
    coming.discard()
    assert reception.size == files_size(tmp_path) < 1000
    assert recalled(tmp_path).size == reception.size


@pytest.mark.parametrize("spoil", ["bytes", "header", "length", "empty", "record", "no record", "study", "nothing"])
def test_f04_what_is_not_what_was_received_is_dropped(tmp_path: Path, spoil: str) -> None:
    path = received(tmp_path, range(2)).instances()[0].path
    journal = tmp_path / "received"
    data, (empty, first, second) = path.read_bytes(), journal.read_bytes().split(b"\n")
    # What the file and its record become; None: they are gone.
    spoilt: dict[str, tuple[bytes | None, bytes | None]] = {
        "bytes": (data[:-1] + b"?", first),
        "header": (b"?" + data[1:], first),
        "length": (data + b"?", first),
        "empty": (b"", first),  # as after a power failure
        "record": (data, bytes(10)),
        "no record": (data, None),
        "study": (data, first.replace(STUDY.encode(), b"1.2.9")),
        "nothing": (None, first),
    }
    becomes, noted = spoilt[spoil]
    path.unlink()
    if becomes is not None:
        path.write_bytes(becomes)
    journal.write_bytes(b"\n".join(line for line in (empty, noted, second) if line is not None))
    after = recalled(tmp_path)
    assert [one.sop_instance_uid for one in after.instances()] == ["1.2.1"]
    assert not path.exists()


def test_f04_a_record_that_was_not_written_to_its_end_spoils_no_other(tmp_path: Path) -> None:
    received(tmp_path, range(2))
    journal = tmp_path / "received"
    journal.write_bytes(journal.read_bytes()[:-20])
    after = recalled(tmp_path)
    add(after, 1)
    add(after, 2)
    assert recalled(tmp_path).uids() == {"1.2.0", "1.2.1", "1.2.2"}


def test_f04_another_study_s_files_are_dropped(tmp_path: Path) -> None:
    received(tmp_path, range(2))
    assert recalled(tmp_path, "1.2.9").count == 0
    assert [path for path in tmp_path.iterdir() if path.suffix] == []


def test_f04_what_comes_while_the_files_are_looked_through(tmp_path: Path) -> None:
    """It is not lost, and another under the same name is noticed."""
    received(tmp_path, range(2))
    after = Reception(tmp_path, STUDY, lasting=True)
    add(after, 0)
    add(after, 1, b"other pixels")
    after.recall()
    assert (after.count, after.conflict) == (2, "1.2.1")
    assert {path for path in tmp_path.iterdir() if path.suffix} == {one.path for one in after.instances()}


def test_f04_without_a_record_it_is_received_all_the_same(tmp_path: Path) -> None:
    reception = Reception(tmp_path, STUDY, lasting=True)
    (tmp_path / "received").mkdir()  # in the way
    add(reception, 1)
    assert reception.count == 1
    (tmp_path / "received").rmdir()
    assert recalled(tmp_path).count == 0


def test_f41_what_nobody_expects_is_counted(spool: Spool) -> None:
    for _ in range(3):
        assert spool.expecting("1.2.9") is None
    assert (spool.unexpected(), spool.unexpected()) == (3, 0)


def test_a_task_s_folder_goes_with_all_that_is_in_it(spool: Spool, tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), spool.work_folder("task") as folder:  # noqa: PT012
        (folder / "file").write_bytes(b"pixels")
        raise ZeroDivisionError
    assert list((tmp_path / "spool").iterdir()) == []


def test_f45_room_is_promised_once_and_given_back(spool: Spool, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = shutil.disk_usage(spool._folder)._replace(free=100)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
    with spool.room_for(60) as promise:
        with pytest.raises(DiskFull), spool.room_for(40):
            pass
        promise(30)  # it is smaller than was feared
        with spool.room_for(40), pytest.raises(DiskFull):
            promise(60)
        promise(90)
        with pytest.raises(DiskFull):
            promise(100)
    with spool.room_for(99):
        pass


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


def test_f50_an_instance_that_is_still_arriving_is_no_silence(tmp_path: Path) -> None:
    reception = Reception(tmp_path)
    add(reception, 1)
    long = reception.begin("1.2.2", "1.2.3", b"header")
    again = reception.begin("1.2.1", "1.2.3", b"header")
    reception._last_change -= 100
    again.write(b"pixels")
    assert reception.quiet_for() >= 100
    long.write(b"pixels")
    assert reception.quiet_for() < 100
    for part in (long, again):
        part.discard()


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
