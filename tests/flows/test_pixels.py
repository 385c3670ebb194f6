"""Images that may show text or a person: covered, held, or left out, as the clinic has chosen."""

from collections.abc import Iterator
from io import BytesIO
from zipfile import ZipFile

import numpy as np
import pytest
from pydicom import dcmread
from pydicom.dataset import FileDataset
from tests.peers.house import ACCESSION, PATIENT, House
from tests.peers.studies import BANNER, make_study, scan_with_banner, secondary_capture, with_region

from studypub.core.publication import Publication
from studypub.core.review import Decision
from studypub.core.task import Status, Task
from studypub.db import audit, review
from studypub.flows.review import decide
from studypub.pixels.nursery import NURSERY

PRINTED = f"КОВАЛЕВСКАЯ С.Ю. {PATIENT}"


@pytest.fixture(scope="module")
def study() -> list[FileDataset]:
    return make_study(patient_id=PATIENT, accession_number=ACCESSION, seed=100, instances=2)


@pytest.fixture(scope="module")
def scan(study: list[FileDataset]) -> FileDataset:
    return with_region(scan_with_banner(study, printed=PRINTED))


def published(house: House, publication: Publication, modality: str) -> list[FileDataset]:
    path = house.archive(publication)
    assert path is not None
    with ZipFile(path) as archive:
        members = [archive.read(name) for name in archive.namelist() if name.startswith("DICOM/")]
    return [dataset for dataset in map(dcmread, map(BytesIO, members)) if dataset.Modality == modality]


def left_out(task: Task) -> dict[str, int]:
    return {group.reason: group.count for group in task.left_out}


async def test_ultrasound_is_published_with_its_banner_covered(
    house: House, study: list[FileDataset], scan: FileDataset
) -> None:
    house.pacs.add([*study, scan])
    task, publication = await house.published()
    assert (task.covered, left_out(task)) == (1, {})
    (new,) = published(house, publication, "US")
    assert not new.pixel_array[:BANNER].any()
    kept = new.pixel_array[BANNER:] == scan.pixel_array[BANNER:]
    assert kept.mean() > 0.97
    assert new.BurnedInAnnotation == "NO"
    assert "113101" in [item.CodeValue for item in new.DeidentificationMethodCodeSequence]
    (slice_, _) = published(house, publication, "CT")
    assert "113101" not in [item.CodeValue for item in slice_.DeidentificationMethodCodeSequence]


async def test_reading_alone_is_not_certain(house: House, study: list[FileDataset]) -> None:
    house.pacs.add([*study, scan_with_banner(study, printed=PRINTED)])
    task, _ = await house.published()
    assert (task.covered, left_out(task)) == (0, {"text_may_remain": 1})


async def test_a_clinic_may_trust_reading_alone(house: House, study: list[FileDataset]) -> None:
    house.set_pixels(trust_reading=True)
    house.pacs.add([*study, scan_with_banner(study, printed=PRINTED)])
    task, publication = await house.published()
    assert (task.covered, left_out(task)) == (1, {})
    (new,) = published(house, publication, "US")
    assert not (new.pixel_array[:BANNER] > 128).any()


@pytest.fixture
def without_ocr(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Nothing to read with is found; what looks at pixels is forked from a process that knows the path of its start."""
    monkeypatch.setenv("PATH", "/nowhere")
    NURSERY.close()
    yield
    NURSERY.close()


@pytest.mark.usefixtures("without_ocr")
async def test_without_ocr_nothing_that_may_show_text_is_published(
    house: House, study: list[FileDataset], scan: FileDataset
) -> None:
    house.pacs.add([*study, scan])
    task, publication = await house.published()
    assert left_out(task) == {"text_not_read": 1}
    assert published(house, publication, "US") == []


async def test_a_clinic_may_leave_ultrasound_out(house: House, study: list[FileDataset], scan: FileDataset) -> None:
    house.set_pixels(ultrasound="leave_out")
    house.pacs.add([*study, scan])
    task, _ = await house.published()
    assert left_out(task) == {"ultrasound": 1}


@pytest.mark.parametrize(
    ("decision", "covered", "kept"),
    [(Decision.RELEASE, 0, True), (Decision.MASK, 1, True), (Decision.LEAVE_OUT, 0, False)],
)
async def test_what_is_held_goes_by_the_decision(
    house: House, study: list[FileDataset], scan: FileDataset, *, decision: Decision, covered: int, kept: bool
) -> None:
    house.set_pixels(ultrasound="review")
    house.pacs.add([*study, scan])
    held = await house.settled(await house.ask(), Status.NEEDS_REVIEW)
    assert house.stored() == []
    async with house.database.transaction() as tx:
        (waiting,) = await review.of_task(tx, held.task_id)
        picture = await review.thumbnail(tx, waiting.held_id, clinic_code=None)
    assert (waiting.uid, waiting.reason) == (scan.SOPInstanceUID, "ultrasound")
    assert picture is not None
    assert picture.startswith(b"\x89PNG")
    queued = await decide(house.database, held.task_id, [waiting.held_id], decision, actor="user:a", clinic_code=None)
    task = await house.settled(queued, Status.COMPLETED)
    publication = await house.publication(task.task_id)
    assert publication is not None
    found = published(house, publication, "US")
    assert (task.covered, bool(found)) == (covered, kept)
    if decision is Decision.RELEASE:
        assert np.array_equal(found[0].pixel_array, scan.pixel_array)
    async with house.database.transaction() as tx:
        actions = [entry.action for entry in await audit.newest(tx, limit=100, offset=0)]
    assert {"task.held", f"held.{decision.value}", "study.published"} <= set(actions)


@pytest.mark.usefixtures("without_ocr")
async def test_what_is_unsure_is_held_where_the_clinic_says_so(
    house: House, study: list[FileDataset], scan: FileDataset
) -> None:
    house.set_pixels(unsure="review")
    house.pacs.add([*study, scan])
    await house.settled(await house.ask(), Status.NEEDS_REVIEW)


async def test_captures_are_left_out_unless_the_clinic_chooses(house: House, study: list[FileDataset]) -> None:
    house.pacs.add([*study, secondary_capture(study)])
    task, _ = await house.published()
    assert left_out(task) == {"secondary_capture": 1}


@pytest.fixture(scope="module")
def head() -> list[FileDataset]:
    slices = make_study(patient_id=PATIENT, accession_number=ACCESSION, seed=101, instances=3)
    for each in slices:
        each.BodyPartExamined = "HEAD"
        each.SliceThickness = "1.0"
    return slices


async def test_slices_of_a_head_are_published_and_counted(house: House, head: list[FileDataset]) -> None:
    house.pacs.add(head)
    task, publication = await house.published()
    assert (task.faces, publication.instances) == (3, 3)


async def test_slices_of_a_head_are_held_as_a_series(house: House, head: list[FileDataset]) -> None:
    house.set_pixels(faces="review")
    house.pacs.add(head)
    held = await house.settled(await house.ask(), Status.NEEDS_REVIEW)
    async with house.database.transaction() as tx:
        (waiting,) = await review.of_task(tx, held.task_id)
    assert (waiting.uid, waiting.instances, waiting.reason) == (head[0].SeriesInstanceUID, 3, "face")
    assert waiting.has_thumbnail
    queued = await decide(
        house.database, held.task_id, [waiting.held_id], Decision.RELEASE, actor="user:a", clinic_code=None
    )
    task = await house.settled(queued, Status.COMPLETED)
    assert task.faces == 3


async def test_slices_of_a_head_may_be_left_out(house: House, head: list[FileDataset]) -> None:
    house.set_pixels(faces="leave_out")
    house.pacs.add(head)
    failed = await house.settled(await house.ask(), Status.FAILED)
    assert failed.error_code == "NOTHING_TO_PUBLISH"
    assert left_out(failed) == {"face": 3}
