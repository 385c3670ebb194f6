"""The same PACSes before the whole worker: the queue, the links, the audit log, and what stays in the spool."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from uuid import UUID, uuid4
from zipfile import ZipFile

import msgspec
import pytest
from pydicom.dataset import FileDataset
from tests.peers.house import MIS, PATIENT, House, open_house
from tests.peers.pacs_behaviours import BEHAVIOURS
from tests.peers.program import deaf_port
from tests.peers.queue import QueueWatch
from tests.peers.scripted_pacs import ScriptedPacs
from tests.peers.studies import make_study

from studypub.config import Clinic
from studypub.core.publication import Publication
from studypub.core.request import PublishRequest
from studypub.core.task import Status, Task
from studypub.db import audit
from studypub.db.database import Database
from studypub.flows import cancel as cancelling
from studypub.flows.request import request_publication
from studypub.flows.tidy_spool import note_unexpected, tidy
from studypub.worker import loop as worker_loop

NOT_AUTHORIZED = 0x0124


@dataclass
class Ward:
    """A house whose PACS behaves as told."""

    house: House
    pacs: ScriptedPacs
    study: list[FileDataset]
    other: list[FileDataset]

    def become(self, name: str, study: list[FileDataset] | None = None) -> None:
        self.pacs.become(BEHAVIOURS[name], study or self.study, self.other)

    async def publication(self, task: Task) -> Publication:
        publication = await self.house.publication(task.task_id)
        assert publication is not None
        return publication

    def files(self) -> list[Path]:
        return [path for path in self.house.spooled() if path.is_file()]


@pytest.fixture
async def ward(
    database: Database, queue_watch: QueueWatch, tmp_path: Path, study: list[FileDataset], other: list[FileDataset]
) -> AsyncIterator[Ward]:
    async with open_house(database, queue_watch, tmp_path, (), peer_ae_title=ScriptedPacs.ae_title) as house:
        pacs = ScriptedPacs(("127.0.0.1", house.scp.port))
        pacs.start()
        house.set_pacs(ae_title=pacs.ae_title, port=pacs.port)
        house.set("dicom", quiet_seconds=0.3, stall_seconds=1.0, connect_seconds=3.0, retrieve_timeout_seconds=15.0)
        try:
            yield Ward(house, pacs, study, other)
        finally:
            pacs.stop()


def images(path: Path | None) -> int:
    assert path is not None
    with ZipFile(path) as archive:
        return sum(name.startswith("DICOM/") for name in archive.namelist())


async def test_f36_a_partial_study_is_never_published(ward: Ward) -> None:
    ward.become("drops one for ever")
    failed = await ward.house.settled(await ward.house.ask(), Status.FAILED)
    assert (failed.error_code, failed.expected, failed.attempt) == ("INCOMPLETE_RETRIEVE", 5, 3)
    assert failed.error_text is not None
    assert "4 из 5" in failed.error_text.ru
    # The study is asked for once; from then on only what is missing, in further attempts, too.
    assert ward.pacs.asked == ["STUDY"] + 8 * ["IMAGE 1"]
    assert len(ward.pacs.stored) == 4
    assert await ward.house.publication(failed.task_id) is None
    assert (ward.house.stored(), ward.house.spooled()) == ([], [])


async def test_f36_what_was_missing_has_come_at_last(ward: Ward) -> None:
    ward.become("drops three")
    task, publication = await ward.house.published()
    assert (task.received, task.expected, publication.instances) == (5, 5, 5)
    assert ward.pacs.asked == ["STUDY", "IMAGE 3"]
    assert ward.house.spooled() == []


async def test_f04_a_daemon_that_ends_goes_on_where_it_was(ward: Ward, tmp_path: Path) -> None:
    """Its successor fetches what is missing, and what is not what it was."""
    ward.house.set("dicom", stall_seconds=60.0)
    ward.become("stops midway")
    task = await ward.house.ask()
    async with ward.house.working():
        await ward.house.watch.until(task.task_id, lambda now: now.received == 2)
    whole, spoilt = sorted((tmp_path / "spool" / f"task-{task.task_id}").glob("*.dcm"))
    data = spoilt.read_bytes()
    spoilt.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
    (whole.parent / "00000009.part").write_bytes(b"half")
    (whole.parent / "00000008.dcm").write_bytes(b"without a record")
    (tmp_path / "spool" / str(uuid4())).mkdir()  # an attempt's folder
    ward.house.means.spool.open()  # as the successor does
    assert [path.name for path in (tmp_path / "spool").iterdir()] == [f"task-{task.task_id}"]
    done = await ward.house.settled(task, Status.COMPLETED)
    assert (done.attempt, done.received) == (1, 5)
    assert ward.pacs.asked == ["STUDY", "IMAGE 4"]
    assert images(ward.house.archive(await ward.publication(done))) == 5
    assert ward.house.spooled() == []


@pytest.mark.parametrize("ended", ["cancelled", "unknown", "in progress"])
async def test_f04_what_nobody_needs_any_more_is_swept(ward: Ward, ended: str) -> None:
    """What a process left that did not come to the end of its work."""
    task = await ward.house.ask()
    spool = ward.house.means.spool
    task_id = uuid4() if ended == "unknown" else task.task_id
    with spool.task_folder(task_id) as folder:
        (folder / "00000001.dcm").write_bytes(b"pixels")
        if ended == "cancelled":
            await cancelling.cancel(ward.house.database, task_id, actor="user:a", clinic_code="c")
        assert await tidy(ward.house.database, spool) == 0  # somebody is at it
    spool.open()
    swept = 0 if ended == "in progress" else 1
    assert await tidy(ward.house.database, spool) == swept
    assert len(ward.files()) == 1 - swept


async def test_f39_what_comes_after_publication_changes_nothing(ward: Ward) -> None:
    ward.become("sends one more later")
    _, publication = await ward.house.published()
    path = ward.house.archive(publication)
    assert path is not None
    before = path.read_bytes()
    ward.pacs.go_on.set()
    await asyncio.to_thread(ward.pacs.join)
    assert ward.pacs.stored[-1] == NOT_AUTHORIZED
    assert path.read_bytes() == before
    assert ward.house.spooled() == []


async def test_f40_a_conflict_is_for_people(ward: Ward) -> None:
    ward.become("sends another under the same name")
    failed = await ward.house.settled(await ward.house.ask(), Status.FAILED)
    assert (failed.error_code, failed.attempt) == ("CONFLICTING_INSTANCES", 1)
    assert failed.error_text is not None
    assert "два разных изображения" in failed.error_text.ru
    assert (ward.house.stored(), ward.house.spooled()) == ([], [])


async def test_f41_what_nobody_asked_for_is_in_the_audit_log(ward: Ward) -> None:
    ward.become("sends another study too")
    _, publication = await ward.house.published()
    assert images(ward.house.archive(publication)) == 5
    assert await note_unexpected(ward.house.database, ward.house.means.spool) == 2
    assert await note_unexpected(ward.house.database, ward.house.means.spool) == 0
    async with ward.house.database.transaction() as tx:
        (entry,) = [one for one in await audit.newest(tx, limit=10, offset=0) if one.action.startswith("dicom.")]
    assert (entry.action, entry.details) == ("dicom.unexpected_instances", {"count": 2})


async def test_f42_two_clinics_publish_one_study_at_once(ward: Ward, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker_loop, "_BUSY_DELAY", timedelta(seconds=0.1))
    (clinic,) = ward.house.means.config.clinics
    second = Clinic(code="d", name="Вторая", pacs=clinic.pacs)
    config = msgspec.structs.replace(ward.house.means.config, clinics=(clinic, second))
    ward.house.means = replace(ward.house.means, config=config)
    ward.become("honest")
    tasks = [await _asked(ward, code) for code in ("c", "d")]
    async with ward.house.working() as loop:
        for task_id in tasks:
            await ward.house.watch.until(task_id, Status.COMPLETED, loop.wake)
    publications = [await ward.house.publication(task_id) for task_id in tasks]
    assert len({one.token for one in publications if one}) == 2
    assert [images(ward.house.archive(one)) for one in publications if one] == [5, 5]
    assert ward.house.spooled() == []


async def _asked(ward: Ward, clinic_code: str) -> UUID:
    accession_number = str(ward.study[0].AccessionNumber)
    request = PublishRequest(patient_id=PATIENT, accession_number=accession_number, clinic_code=clinic_code)
    asked = await request_publication(ward.house.database, request, MIS, search_time=timedelta(0))
    return asked.task.task_id


async def test_f43_eight_studies_of_one_patient_are_not_mixed(ward: Ward) -> None:
    ward.house.set("workers", concurrency=8)
    studies = {
        f"ACC-{number}": make_study(
            patient_id=PATIENT, accession_number=f"ACC-{number}", seed=760 + number, instances=number
        )
        for number in range(3, 11)
    }
    ward.become("one association", [instance for study in studies.values() for instance in study])
    tasks = {number: (await ward.house.ask(accession_number=number)).task_id for number in studies}
    async with ward.house.working() as loop:
        for number, task_id in tasks.items():
            await ward.house.watch.until(task_id, Status.COMPLETED, loop.wake)
            publication = await ward.house.publication(task_id)
            assert publication is not None
            assert images(ward.house.archive(publication)) == len(studies[number])
    assert ward.house.spooled() == []


async def test_f31_the_task_names_the_pacs_and_since_when(ward: Ward) -> None:
    task = await ward.house.ask()
    with deaf_port() as port:
        ward.house.set_pacs(port=port)
        async with ward.house.working() as loop:
            waiting = await ward.house.watch.until(task.task_id, lambda now: now.error_text is not None, loop.wake)
    assert (waiting.status, waiting.error_code, waiting.attempt) == (Status.QUEUED, "PACS_UNREACHABLE", 0)
    assert waiting.error_text is not None
    assert f"PACS SCRIPT не отвечает по адресу 127.0.0.1:{port} с " in waiting.error_text.ru
    assert " MSK" in waiting.error_text.ru


async def test_f32_what_is_a_matter_of_settings_is_not_tried_again(ward: Ward) -> None:
    ward.become("rejects our title")
    failed = await ward.house.settled(await ward.house.ask(), Status.FAILED)
    assert (failed.error_code, failed.attempt) == ("PACS_REFUSED", 1)
