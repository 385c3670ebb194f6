"""The main job, from the request to the link and to its end: a small PACS, a real database, a local store."""

import asyncio
import hashlib
import sys
import threading
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from io import BytesIO
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import psycopg
import pytest
from pydicom import dcmread
from pydicom.dataset import FileDataset
from pynetdicom import evt
from tests.peers.archives import form_of
from tests.peers.archives import members as opened_by_others
from tests.peers.house import ACCESSION, PATIENT, House, open_house
from tests.peers.program import deaf_port
from tests.peers.queue import QueueWatch
from tests.peers.studies import make_study, planted, secondary_capture, spellings, structured_report
from tests.unit.archive.instances import in_file_set

from studypub.config import Config
from studypub.core import ids
from studypub.core.access import Access
from studypub.core.publication import Part, Publication, State
from studypub.core.task import LeaseLost, Status, Task
from studypub.db import audit, events, studies, tasks
from studypub.db.database import Database
from studypub.dicom.demo_pacs import DemoPacs
from studypub.errors import AlreadyInProgress, Refused, StorageUnavailable
from studypub.flows import cancel as cancelling
from studypub.flows import withdraw as withdrawing
from studypub.flows.carry_out import carry_out
from studypub.flows.expire import expire, sweep
from studypub.flows.publish_received import publish_received
from studypub.flows.retrieve import Progress
from studypub.store.base import Sent, Stream
from studypub.store.local import LocalStore

MINUTE = timedelta(minutes=1)
NOT_WHOLE = "Здесь не всё исследование"


@pytest.fixture(scope="module")
def study() -> list[FileDataset]:
    return make_study(patient_id=PATIENT, accession_number=ACCESSION, seed=100)


@pytest.fixture(scope="module")
def companions(study: list[FileDataset]) -> list[FileDataset]:
    return [structured_report(study), secondary_capture(study)]


def members(path: Path | None) -> dict[str, bytes]:
    assert path is not None
    with ZipFile(path) as archive:
        assert archive.testzip() is None
        assert archive.comment == b""
        return {name: archive.read(name) for name in archive.namelist()}


def readme_of(house: House, publication: Publication) -> str:
    return members(house.archive(publication))["README.txt"].decode("utf-8-sig")


def left_out(task: Task) -> dict[str, int]:
    return {group.reason: group.count for group in task.left_out}


async def audited(house: House) -> list[str]:
    async with house.database.transaction() as tx:
        assert await audit.first_broken(tx) is None
        return [entry.action for entry in reversed(await audit.newest(tx, limit=100, offset=0))]


async def test_a_study_is_published(house: House, study: list[FileDataset], companions: list[FileDataset]) -> None:
    house.pacs.add([*study, *companions])
    task, publication = await house.published()
    assert (task.received, task.expected, task.attempt, task.error_code) == (7, 7, 1, None)
    assert task.received_bytes > sum(len(instance.get("PixelData", b"")) for instance in study)
    assert task.study_date == datetime(2025, 2, 3, 6, 17, 33, tzinfo=UTC)
    assert sorted(task.modalities) == ["CT", "OT", "SR"]
    assert left_out(task) == {"structured_report": 1, "secondary_capture": 1}
    assert (publication.instances, publication.left_out, publication.modalities) == (5, 2, ("CT",))
    assert NOT_WHOLE in readme_of(house, publication)
    assert abs(publication.save_till - publication.upload_date - timedelta(days=30)) < MINUTE
    opened = await house.opened(publication)
    assert (opened.access, opened.publication) == (Access.OPEN, publication)
    assert await audited(house) == ["task.queued", "study.published"]
    assert house.spooled() == []


async def test_what_is_stored_is_what_is_linked(house: House, study: list[FileDataset]) -> None:
    house.pacs.add(study)
    _, publication = await house.published()
    path = house.archive(publication)
    assert path is not None
    data = path.read_bytes()
    assert (len(data), hashlib.sha256(data).digest()) == (publication.size, publication.sha256)
    assert house.stored() == house.behind(publication)


async def test_nothing_is_removed_by_the_thread_that_answers_browsers(house: House, study: list[FileDataset]) -> None:
    """A large archive takes the system as long as a page."""
    house.pacs.add(study)
    removed: list[str] = []
    watched = [threading.current_thread()]

    def note(event: str, arguments: tuple[Any, ...]) -> None:
        if event in {"os.remove", "os.rmdir", "shutil.rmtree"} and threading.current_thread() in watched:
            removed.append(f"{event} {arguments[0]}")

    sys.addaudithook(note)
    try:
        await house.published()
    finally:
        watched.clear()  # the hook stays as long as the process
    assert removed == []
    assert house.spooled() == []


async def test_the_archive_opens(house: House, study: list[FileDataset], tmp_path: Path) -> None:
    house.pacs.add(study)
    _, publication = await house.published()
    path = house.archive(publication)
    contents = members(path)
    instances = {name for name in contents if name.startswith("DICOM/")}
    assert set(contents) == {*instances, "DICOMDIR", "README.txt"}
    with ZipFile(path or "") as archive:
        archive.extractall(tmp_path / "opened")
    listed = in_file_set(tmp_path / "opened" / "DICOMDIR", lambda instance: instance.load())
    assert len(listed) == len(instances) == len(study)
    for dataset in listed:
        assert isinstance(dataset, FileDataset)
        assert dataset.PatientIdentityRemoved == "YES"
        assert dataset.pixel_array.shape == (64, 64)
    assert len({dataset.StudyInstanceUID for dataset in listed}) == 1
    assert {dataset.StudyInstanceUID for dataset in listed}.isdisjoint({study[0].StudyInstanceUID})


async def test_all_that_is_stored_of_a_clinic_lies_below_its_prefix(house: House, study: list[FileDataset]) -> None:
    house.pacs.add(study)
    house.set_clinic(storage_prefix="khimki/")
    _, publication = await house.published()
    assert publication.companion is not None
    keys = {publication.object_key, publication.companion.key}
    assert set(house.store.stored_keys()) == keys
    assert all(key.startswith("khimki/") and ids.is_object_key(key, {"khimki/"}) for key in keys)
    house.set_clinic(storage_prefix="")
    assert NOT_WHOLE not in readme_of(house, publication), "it is read all the same"
    await withdrawing.withdraw(house.database, publication.study_id, actor="test", clinic_code=None)
    await sweep(house.database, house.store)
    assert list(house.store.stored_keys()) == []


@pytest.mark.parametrize("asked", [None, "tar.zst"])
async def test_the_clinic_s_form_of_the_archive_holds_unless_the_request_names_another(
    house: House, study: list[FileDataset], asked: str | None
) -> None:
    house.pacs.add(study)
    house.set_clinic(archive_format="iso", retention_days=400)
    _, publication = await house.published(archive_format=asked)
    assert publication.archive_format == (asked or "iso")
    assert abs(publication.save_till - publication.upload_date - timedelta(days=365)) < MINUTE, "no longer than any"
    assert ids.is_object_key(publication.object_key)
    content = house.store.read(publication.object_key, 0, publication.size)
    assert form_of(content) is publication.archive_format
    found = opened_by_others(content)
    assert len([name for name in found if name.startswith("DICOM/")]) == publication.instances == len(study)
    for text in planted(study):
        for spelling in spellings(text):
            assert not [name for name, member in [*found.items(), ("all", content)] if spelling in member], text


@pytest.mark.parametrize("way", ["utf-8", "cp1251", "misdeclared"])
async def test_x13_nothing_that_was_planted_is_in_the_archive(house: House, way: str) -> None:
    character_set = {"utf-8": "ISO_IR 192", "cp1251": "ISO_IR 144", "misdeclared": "ISO_IR 192"}[way]
    original = make_study(
        patient_id=PATIENT,
        accession_number=ACCESSION,
        seed=101,
        character_set=character_set,
        misdeclared=way == "misdeclared",
    )
    house.pacs.add([*original, structured_report(original), secondary_capture(original)])
    _, publication = await house.published()
    path = house.archive(publication)
    contents = members(path)
    # Members are searched unpacked, the names of the members and the whole file as it is.
    bytes_of = [
        *contents.items(),
        ("names", "\n".join(contents).encode()),
        ("file", path.read_bytes() if path else b""),
    ]
    found = {
        (text, name)
        for text in [*planted(original), PATIENT, ACCESSION]
        for spelling in spellings(text)
        for name, data in bytes_of
        if spelling in data
    }
    assert found == set()
    assert str(original[0].StudyInstanceUID) not in publication.object_key


async def test_two_publications_cannot_be_linked(house: House, study: list[FileDataset]) -> None:
    """The same study anew has other identifiers: nobody can tell that they are the same."""
    house.pacs.add(study)
    _, first = await house.published()
    seen = _uids(members(house.archive(first)))
    await withdrawing.withdraw(house.database, first.study_id, actor="user:a", clinic_code=None)
    _, second = await house.published()
    assert seen.isdisjoint(_uids(members(house.archive(second))))
    assert first.token != second.token


def _uids(contents: dict[str, bytes]) -> set[str]:
    datasets = [dcmread(BytesIO(data)) for name, data in contents.items() if name.startswith("DICOM/")]
    keywords = ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID", "FrameOfReferenceUID", "PatientID")
    return {str(dataset.get(keyword)) for dataset in datasets for keyword in keywords}


async def test_c_get_is_as_good(house: House, study: list[FileDataset]) -> None:
    house.pacs.add(study)
    house.set_pacs(retrieve="get")
    task, publication = await house.published()
    assert (task.received, publication.instances) == (5, 5)


async def test_a_study_known_already_is_answered_with_what_is_known(house: House, study: list[FileDataset]) -> None:
    house.pacs.add(study)
    task, publication = await house.published()
    again = await house.ask()
    assert again.task_id == task.task_id
    assert await house.publication(again.task_id) == publication
    assert await audited(house) == ["task.queued", "study.published"]


async def test_f52_a_study_that_is_not_there_yet_is_waited_for(house: House, study: list[FileDataset]) -> None:
    house.set("workers", search_minutes=10.0)
    task = await house.ask()
    async with house.working() as loop:
        waiting = await house.watch.until(task.task_id, lambda now: now.error_code is not None, loop.wake)
        assert (waiting.status, waiting.error_code) == (Status.QUEUED, "STUDY_NOT_FOUND")
        house.pacs.add(study)
        done = await house.watch.until(task.task_id, Status.COMPLETED, loop.wake)
    assert done.attempt == 1


async def test_f52_a_study_that_never_comes(house: House) -> None:
    failed = await house.settled(await house.ask(), Status.FAILED)
    assert failed.error_code == "STUDY_NOT_FOUND"
    assert failed.error_text is not None
    assert ACCESSION in failed.error_text.ru


async def test_f52_several_studies_of_one_number(house: House, study: list[FileDataset]) -> None:
    house.pacs.add([*study, *make_study(patient_id=PATIENT, accession_number=ACCESSION, modality="MR", seed=102)])
    failed = await house.settled(await house.ask(), Status.FAILED)
    assert (failed.error_code, failed.attempt, failed.received) == ("AMBIGUOUS_ACCESSION", 1, 0)
    assert house.stored() == []


async def test_x15_another_patient_s_study(house: House) -> None:
    house.pacs.add(make_study(patient_id="2000000000001", accession_number=ACCESSION, seed=103))
    failed = await house.settled(await house.ask(), Status.FAILED)
    assert (failed.error_code, failed.attempt, failed.received) == ("PATIENT_MISMATCH", 1, 0)
    assert failed.error_text is not None
    assert "2000000000001" not in failed.error_text.ru + failed.error_text.en


async def test_x15_an_instance_of_another_patient_in_the_study(house: House) -> None:
    """The PACS's index says one patient, one of its files another."""
    mixed = make_study(patient_id=PATIENT, accession_number=ACCESSION, seed=104)
    mixed[3].PatientID = "2000000000001"
    house.pacs.add(mixed)
    failed = await house.settled(await house.ask(), Status.FAILED)
    assert failed.error_code in ("PATIENT_MISMATCH", "AMBIGUOUS_ACCESSION")
    assert house.stored() == []
    assert house.spooled() == []


async def test_f31_a_pacs_that_is_down_is_waited_for(house: House, study: list[FileDataset]) -> None:
    house.pacs.add(study)
    task, as_it_is = await house.ask(), house.means
    with deaf_port() as port:
        house.set_pacs(port=port)
        async with house.working() as loop:
            await house.watch.until(task.task_id, lambda now: now.error_code == "PACS_UNREACHABLE", loop.wake)
    house.means = as_it_is
    assert (await house.settled(task, Status.COMPLETED)).attempt == 1


async def test_f33_a_pacs_that_does_not_know_us(house: House, study: list[FileDataset]) -> None:
    house.pacs.add(study)
    house.set("dicom", ae_title="STUDYPUB2")
    failed = await house.settled(await house.ask(), Status.FAILED)
    assert (failed.error_code, failed.attempt) == ("PACS_REFUSED", 1)
    assert failed.error_text is not None
    assert "STUDYPUB2" in failed.error_text.ru


async def test_f34_a_pacs_that_cannot_reach_us(house: House, study: list[FileDataset]) -> None:
    house.pacs.add(study)
    house.scp.stop()
    failed = await house.settled(await house.ask(), Status.FAILED)
    assert (failed.error_code, failed.received) == ("PACS_REFUSED", 0)


async def test_nothing_that_may_be_published(house: House, companions: list[FileDataset]) -> None:
    house.pacs.add(companions)
    failed = await house.settled(await house.ask(), Status.FAILED)
    assert (failed.error_code, failed.attempt) == ("NOTHING_TO_PUBLISH", 1)
    assert sum(group.count for group in failed.left_out) == len(companions)
    assert house.stored() == []


class Forgetful(DemoPacs):
    """Lists all instances and leaves the last one out when it sends."""

    def _move(self, event: evt.Event) -> Iterator[Any]:
        yield from _without(super()._move(event), {self._instances[-1].SOPInstanceUID})

    def _get(self, event: evt.Event) -> Iterator[Any]:
        yield from _without(super()._get(event), {self._instances[-1].SOPInstanceUID})


def _without(steps: Iterator[Any], missing: set[str]) -> Iterator[Any]:
    for step in steps:
        if isinstance(step, int) and step > 0:
            yield step - len(missing)
        elif not (isinstance(step, tuple) and getattr(step[1], "SOPInstanceUID", None) in missing):
            yield step


@pytest.mark.parametrize("retrieve", ["move", "get"])
async def test_f36_fewer_instances_than_the_pacs_lists_are_never_published(
    database: Database, queue_watch: QueueWatch, tmp_path: Path, study: list[FileDataset], retrieve: str
) -> None:
    async with open_house(database, queue_watch, tmp_path, study, Forgetful) as house:
        house.set_pacs(retrieve=retrieve)
        house.set("dicom", quiet_seconds=0.3)
        failed = await house.settled(await house.ask(), Status.FAILED)
        assert (failed.error_code, failed.expected, failed.attempt) == ("INCOMPLETE_RETRIEVE", 5, 3)
        assert failed.received == 4  # exactly, however short the attempt was
        async with database.transaction() as tx:
            told = [one.sentence for one in await events.of_task(tx, failed.task_id) if one.sentence]
        # Nobody is told to wait for a try that does not come.
        assert ["повторится само" in sentence.ru for sentence in told] == [True, True, False]
        assert ["tried again by itself" in sentence.en for sentence in told] == [True, True, False]
        assert failed.error_text is not None
        assert "4 из 5" in failed.error_text.ru
        assert await house.publication(failed.task_id) is None
        assert house.stored() == []
        assert house.spooled() == []


async def test_f36_a_part_that_an_administrator_allows_is_published_as_one(
    database: Database, queue_watch: QueueWatch, tmp_path: Path, study: list[FileDataset]
) -> None:
    async with open_house(database, queue_watch, tmp_path, study, Forgetful) as house:
        house.set("dicom", quiet_seconds=0.3)
        failed = await house.settled(await house.ask(), Status.FAILED)
        by: dict[str, Any] = {"actor": "user:a", "clinic_code": "c", "search_time": MINUTE}
        await publish_received(database, failed.task_id, "Серия испорчена", **by)
        task = await house.settled(failed, Status.COMPLETED)
        publication = await house.publication(task.task_id)
        assert publication is not None
        assert (publication.part, publication.instances) == (Part(missing=1), 4)
        assert (task.received, task.expected) == (4, 5)
        assert NOT_WHOLE in readme_of(house, publication)


async def test_a_study_that_came_whole_after_all_is_no_part(house: House, study: list[FileDataset]) -> None:
    house.pacs.add(study[:3])
    failed = await house.ask()
    async with house.database.transaction() as tx:
        await tx.run("cancel_task", task_id=failed.task_id)
        await tx.run(
            "requeue_task", task_id=failed.task_id, search_time=MINUTE, partial_reason="x", **{"from": "CANCELLED"}
        )
    task = await house.settled(failed, Status.COMPLETED)
    publication = await house.publication(task.task_id)
    assert publication is not None
    assert (publication.part, task.received, task.expected) == (None, 3, 3)
    assert NOT_WHOLE not in readme_of(house, publication)


class Growing(DemoPacs):
    """A study to which instances are added while it is sent."""

    late: list[FileDataset]

    def _move(self, event: evt.Event) -> Iterator[Any]:
        yield from super()._move(event)
        self.add(self.late)
        self.late = []


async def test_f51_what_is_added_meanwhile_is_fetched_too(
    database: Database, queue_watch: QueueWatch, tmp_path: Path, study: list[FileDataset]
) -> None:
    async with open_house(database, queue_watch, tmp_path, study[:3], Growing) as house:
        assert isinstance(house.pacs, Growing)
        house.pacs.late = study[3:]
        task, publication = await house.published()
        assert (task.received, task.expected, publication.instances) == (5, 5, 5)


class Slow(DemoPacs):
    """Sends one instance and then waits to be told to go on."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self.sending = threading.Event()
        self.go_on = threading.Event()

    def _move(self, event: evt.Event) -> Iterator[Any]:
        for number, step in enumerate(super()._move(event)):
            yield step
            if number == 2:
                self.sending.set()
                self.go_on.wait(30)

    def stop(self) -> None:
        self.go_on.set()
        super().stop()


@pytest.fixture
async def slow_house(
    database: Database, queue_watch: QueueWatch, tmp_path: Path, study: list[FileDataset]
) -> AsyncIterator[House]:
    async with open_house(database, queue_watch, tmp_path, study, Slow) as opened:
        yield opened


async def _sending(house: House) -> Slow:
    assert isinstance(house.pacs, Slow)
    assert await asyncio.to_thread(house.pacs.sending.wait, 20)
    return house.pacs


async def test_f38_a_retrieval_has_a_deadline(slow_house: House) -> None:
    slow_house.set("dicom", retrieve_timeout_seconds=1.0)
    slow_house.set("workers", max_attempts=1)
    failed = await slow_house.settled(await slow_house.ask(), Status.FAILED)
    assert (failed.error_code, failed.expected) == ("INCOMPLETE_RETRIEVE", 5)
    assert slow_house.spooled() == []


async def test_cancel_while_it_runs(slow_house: House) -> None:
    slow_house.set("workers", lease_seconds=1.0)
    task = await slow_house.ask()
    async with slow_house.working():
        pacs = await _sending(slow_house)
        running = await slow_house.watch.until(task.task_id, lambda now: now.received > 0)
        assert (running.status, running.expected) == (Status.RETRIEVING, 5)
        assert running.received_bytes > 0
        await cancelling.cancel(slow_house.database, task.task_id, actor="user:a", clinic_code="c")
        async with asyncio.timeout(10):
            while slow_house.spooled():  # noqa: ASYNC110 - a folder tells nobody
                await asyncio.sleep(0)
        pacs.go_on.set()
    assert (await slow_house.watch.task(task.task_id)).status is Status.CANCELLED
    assert slow_house.stored() == []
    again = await cancelling.try_again(
        slow_house.database, task.task_id, actor="user:a", clinic_code="c", search_time=MINUTE
    )
    await slow_house.settled(again, Status.COMPLETED)
    assert await audited(slow_house) == ["task.queued", "task.cancelled", "task.retried", "study.published"]


async def test_f12_the_daemon_stops_in_the_middle(slow_house: House) -> None:
    task = await slow_house.ask()
    async with slow_house.working():
        pacs = await _sending(slow_house)
        stopping = asyncio.get_running_loop().time()
    assert asyncio.get_running_loop().time() - stopping < 10
    given_back = await slow_house.watch.task(task.task_id)
    assert (given_back.status, given_back.attempt, given_back.crashes) == (Status.QUEUED, 0, 0)
    assert {path.suffix for path in slow_house.spooled() if path.is_file()} == {".dcm", ""}  # for the next attempt
    pacs.go_on.set()
    done = await slow_house.settled(task, Status.COMPLETED)
    assert done.attempt == 1
    assert slow_house.spooled() == []


async def test_f12_no_thread_waits_for_images_that_nobody_wants(slow_house: House) -> None:
    """At the end of the process every thread is waited for."""
    slow_house.set("dicom", quiet_seconds=3600.0)
    loop, threads = asyncio.get_running_loop(), ThreadPoolExecutor(8)
    loop.set_default_executor(threads)
    try:
        await slow_house.ask()
        async with slow_house.working():
            pacs = await _sending(slow_house)
        pacs.go_on.set()
        ending = threading.Thread(target=threads.shutdown)
        ending.start()
        ending.join(10)
        assert not ending.is_alive()
    finally:
        loop.set_default_executor(ThreadPoolExecutor(8))


def whole(stream: Stream) -> bytes:
    return b"".join(iter(lambda: stream.read(1 << 20), b""))


class Pausing(LocalStore):
    """Waits in the middle of an upload."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.putting = threading.Event()
        self.go_on = threading.Event()

    def put(self, key: str, stream: Stream) -> Sent:
        content = whole(stream)
        self.putting.set()
        self.go_on.wait(30)
        return super().put(key, BytesIO(content))


def with_store(house: House, store: LocalStore) -> None:
    house.means = replace(house.means, store=store)


async def test_f14_zombie_worker_cannot_publish(
    house: House, study: list[FileDataset], tmp_path: Path, connection: psycopg.Connection
) -> None:
    """A worker that slept through its lease wakes after another has published the study."""
    house.pacs.add(study)
    paused = Pausing(tmp_path / "storage")
    with_store(house, paused)
    task = await house.ask()
    async with house.database.transaction() as tx:
        zombie = await tasks.claim(tx, worker_id=task.task_id, lease=timedelta(hours=1))
    assert zombie is not None
    asleep = asyncio.create_task(carry_out(house.means, zombie, Progress()))
    assert await asyncio.to_thread(paused.putting.wait, 20)
    connection.execute("UPDATE tasks SET due_at = now()")
    with_store(house, LocalStore(tmp_path / "storage"))
    done = await house.settled(task, Status.COMPLETED)
    assert (done.attempt, done.crashes) == (2, 1)
    publication = await house.publication(task.task_id)
    paused.go_on.set()
    with pytest.raises(LeaseLost):
        await asleep
    assert await house.publication(task.task_id) == publication
    assert connection.execute("SELECT count(*) FROM published_studies").fetchone() == (1,)
    assert len(house.stored()) == 4  # the zombie's, which the sweep takes away
    connection.execute("UPDATE stored_objects SET created_at = created_at - interval '2 hours'")
    assert await sweep(house.database, house.store) == 2
    assert publication is not None
    assert house.stored() == house.behind(publication)


class Failing(LocalStore):
    """Fails twice: once while the study comes, and once when it is whole."""

    failures = 2

    def put(self, key: str, stream: Stream) -> Sent:
        if self.failures:
            self.failures -= 1
            raise StorageUnavailable("away")
        return super().put(key, stream)


class Lying(LocalStore):
    """Says yes and stores something else, of an archive or of a companion."""

    def __init__(self, folder: Path, of: str) -> None:
        super().__init__(folder)
        self._of = of

    def put(self, key: str, stream: Stream) -> Sent:
        return super().put(key, BytesIO(whole(stream)[:-1] + b"?") if key.endswith(self._of) else stream)


async def test_f53_a_store_that_is_away_is_tried_again(house: House, study: list[FileDataset], tmp_path: Path) -> None:
    house.pacs.add(study)
    with_store(house, Failing(tmp_path / "storage"))
    task, publication = await house.published()
    assert task.attempt == 2
    assert house.stored() == house.behind(publication)


@pytest.mark.parametrize("of", [".zip", ".view"])
async def test_f57_what_is_stored_wrong_is_never_linked(
    house: House, study: list[FileDataset], tmp_path: Path, of: str
) -> None:
    house.pacs.add(study)
    with_store(house, Lying(tmp_path / "storage", of))
    failed = await house.settled(await house.ask(), Status.FAILED)
    assert (failed.error_code, failed.attempt) == ("STORAGE_UNAVAILABLE", 3)
    assert await house.publication(failed.task_id) is None


async def test_f45_a_full_disk_is_waited_out(house: House, study: list[FileDataset]) -> None:
    house.pacs.add(study)
    house.means.spool._reserve = 2**62
    task = await house.ask()
    house.set("workers", max_attempts=1000)
    async with house.working() as loop:
        waiting = await house.watch.until(task.task_id, lambda now: now.error_code is not None, loop.wake)
        assert waiting.error_code == "DISK_FULL"
        house.means.spool._reserve = 0
        await house.watch.until(task.task_id, Status.COMPLETED, loop.wake)


async def test_f43_several_studies_of_one_patient_at_once(house: House) -> None:
    originals = {f"ACC-{n}": make_study(patient_id=PATIENT, accession_number=f"ACC-{n}", seed=200 + n, instances=n)
                 for n in range(1, 7)}  # fmt: skip
    for instances in originals.values():
        house.pacs.add(instances)
    asked = {number: (await house.ask(accession_number=number)).task_id for number in originals}
    async with house.working() as loop:
        for number, task_id in asked.items():
            await house.watch.until(task_id, Status.COMPLETED, loop.wake)
            publication = await house.publication(task_id)
            assert publication is not None
            assert publication.instances == len(originals[number])


async def test_f42_the_same_study_asked_for_under_two_numbers_is_not_mixed(
    house: House, study: list[FileDataset]
) -> None:
    """While one task receives a study, another one waits for its turn."""
    house.pacs.add(study)
    task = await house.ask()
    with house.means.spool.reception(study[0].StudyInstanceUID, house.means.config.spool_dir):
        async with house.working() as loop:
            waiting = await house.watch.until(
                task.task_id, lambda now: now.status is Status.QUEUED and now.study_instance_uid is not None, loop.wake
            )
        assert (waiting.attempt, waiting.error_code) == (0, None)


async def aged(connection: psycopg.Connection, publication: Publication) -> None:
    """Let the publication's date come."""
    connection.execute(
        "UPDATE published_studies SET save_till = now() - interval '1 second' WHERE study_id = %s",
        (publication.study_id,),
    )


async def test_when_its_date_has_come(house: House, study: list[FileDataset], connection: psycopg.Connection) -> None:
    house.pacs.add(study)
    task, publication = await house.published()
    assert await expire(house.database) == 0
    assert await sweep(house.database, house.store) == 0
    await aged(connection, publication)
    assert (await house.opened(publication)).access is Access.EXPIRED  # at once, swept or not
    assert await expire(house.database) == 1
    assert await expire(house.database) == 0
    assert (await house.watch.task(task.task_id)).status is Status.EXPIRED
    closed = (await house.opened(publication)).publication
    assert closed is not None
    assert closed.state is State.EXPIRED
    assert len(house.stored()) == 2
    assert await sweep(house.database, house.store) == 2
    assert await sweep(house.database, house.store) == 0
    assert house.stored() == []
    assert (await house.opened(publication)).access is Access.EXPIRED
    assert await audited(house) == ["task.queued", "study.published", "study.expired"]


async def test_f30_many_expire_at_once_and_each_once(
    house: House, study: list[FileDataset], connection: psycopg.Connection
) -> None:
    house.pacs.add(study)
    _, publication = await house.published()
    await aged(connection, publication)
    assert sorted(await asyncio.gather(*(expire(house.database) for _ in range(3)))) == [0, 0, 1]


async def test_published_anew_after_its_date(
    house: House, study: list[FileDataset], connection: psycopg.Connection
) -> None:
    """Whether or not housekeeping has been there before."""
    house.pacs.add(study)
    first_task, first = await house.published()
    await aged(connection, first)
    task, second = await house.published()
    assert task.task_id != first_task.task_id
    assert (await house.opened(first)).access is Access.EXPIRED
    assert (await house.opened(second)).access is Access.OPEN
    assert (await house.watch.task(first_task.task_id)).status is Status.EXPIRED
    assert await sweep(house.database, house.store) == 2
    assert house.stored() == house.behind(second)


async def test_withdraw(house: House, study: list[FileDataset]) -> None:
    house.pacs.add(study)
    task, publication = await house.published()
    with pytest.raises(Refused):
        await withdrawing.withdraw(house.database, publication.study_id, actor="user:a", clinic_code="other")
    withdrawn = await withdrawing.withdraw(house.database, publication.study_id, actor="user:a", clinic_code="c")
    assert withdrawn.state is State.WITHDRAWN
    assert (await house.opened(publication)).access is Access.WITHDRAWN
    assert (await house.watch.task(task.task_id)).status is Status.CANCELLED
    with pytest.raises(Refused):
        await withdrawing.withdraw(house.database, publication.study_id, actor="user:a", clinic_code="c")
    assert await sweep(house.database, house.store) == 2
    assert house.stored() == []
    assert await audited(house) == ["task.queued", "study.published", "study.withdrawn"]


async def test_what_was_withdrawn_is_asked_for_anew_not_retried(house: House, study: list[FileDataset]) -> None:
    house.pacs.add(study)
    task, publication = await house.published()
    await withdrawing.withdraw(house.database, publication.study_id, actor="user:a", clinic_code="c")
    with pytest.raises(Refused) as raised:
        await cancelling.try_again(house.database, task.task_id, actor="user:a", clinic_code="c", search_time=MINUTE)
    assert "withdrawn" in raised.value.sentence.en
    other, second = await house.published()
    assert other.task_id != task.task_id
    assert (await house.opened(second)).access is Access.OPEN


async def test_a_failed_task_is_not_retried_beside_a_live_publication(house: House, study: list[FileDataset]) -> None:
    failed = await house.settled(await house.ask(), Status.FAILED)
    house.pacs.add(study)
    await house.published()
    with pytest.raises(AlreadyInProgress):
        await cancelling.try_again(house.database, failed.task_id, actor="user:a", clinic_code="c", search_time=MINUTE)


async def test_the_date_can_be_moved(house: House, study: list[FileDataset], connection: psycopg.Connection) -> None:
    house.pacs.add(study)
    _, publication = await house.published()
    year = timedelta(days=365)

    async def keep(till: datetime) -> Publication:
        return await withdrawing.keep_until(
            house.database, publication.study_id, till, longest=year, actor="user:a", clinic_code="c"
        )

    now = publication.upload_date
    longer = now + timedelta(days=100)
    assert (await keep(longer)).save_till == longer
    for refused in (now - MINUTE, now + year + timedelta(days=1)):
        with pytest.raises(Refused):
            await keep(refused)
    await aged(connection, publication)
    with pytest.raises(Refused):
        await keep(longer)


async def test_it_is_kept_until_the_date_that_was_asked_for(house: House, study: list[FileDataset]) -> None:
    house.pacs.add(study)
    till = datetime.now(UTC).replace(microsecond=0) + timedelta(days=3)
    _, publication = await house.published(till=till)
    assert publication.save_till == till


async def test_a_date_that_comes_before_the_study_is_ready(
    house: House, study: list[FileDataset], connection: psycopg.Connection
) -> None:
    house.pacs.add(study)
    task = await house.ask(till=datetime.now(UTC) + timedelta(days=1))
    connection.execute("UPDATE tasks SET requested_till = now()")
    expired = await house.settled(task, Status.EXPIRED)
    assert await house.publication(expired.task_id) is None
    connection.execute("UPDATE stored_objects SET created_at = created_at - interval '2 hours'")
    assert await sweep(house.database, house.store) == 2
    assert house.stored() == []


async def test_the_sweep_leaves_an_upload_that_may_still_be_under_way(
    house: House, study: list[FileDataset], tmp_path: Path, connection: psycopg.Connection
) -> None:
    """A cancelled task's upload ends on its own: what it stores then must not be forgotten."""
    house.pacs.add(study)
    house.set("workers", lease_seconds=4.0)
    paused = Pausing(tmp_path / "storage")
    with_store(house, paused)
    task = await house.ask()
    async with house.working():
        assert await asyncio.to_thread(paused.putting.wait, 20)
        await cancelling.cancel(house.database, task.task_id, actor="user:a", clinic_code="c")
    assert await sweep(house.database, house.store) == 0
    paused.go_on.set()
    connection.execute("UPDATE stored_objects SET created_at = created_at - interval '2 hours'")
    async with house.database.transaction() as tx:
        assert len(await studies.objects_to_delete(tx, upload=timedelta(hours=1), limit=10)) == 1


async def test_an_object_that_the_store_does_not_let_go_stays_on_the_list(
    house: House, study: list[FileDataset], tmp_path: Path
) -> None:
    house.pacs.add(study)
    _, publication = await house.published()
    await withdrawing.withdraw(house.database, publication.study_id, actor="user:a", clinic_code="c")

    class Stubborn(LocalStore):
        def delete(self, key: str) -> None:
            raise StorageUnavailable(key)

    assert await sweep(house.database, Stubborn(tmp_path / "storage")) == 0
    assert await sweep(house.database, house.store) == 2


async def test_a_clinic_that_is_no_longer_configured(house: House) -> None:
    task = await house.ask()
    house.means = replace(house.means, config=Config())
    failed = await house.settled(task, Status.FAILED)
    assert failed.error_code == "REFUSED"


async def test_a_sweep_takes_all_that_attempts_left_however_many_there_were(
    house: House, study: list[FileDataset], connection: psycopg.Connection
) -> None:
    house.pacs.add(study)
    task, publication = await house.published()
    connection.execute(
        "INSERT INTO stored_objects (object_key, task_id, created_at)"
        " SELECT 'left-' || n, %s, now() - interval '2 hours' FROM generate_series(1, 250) n",
        (task.task_id,),
    )
    assert await sweep(house.database, house.store) == 250
    assert house.stored() == house.behind(publication)
