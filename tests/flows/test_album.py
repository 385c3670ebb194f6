"""What a study looks like before anybody downloads it: drawn out of what is published, while that is searched."""

import re
import shutil
import threading
from collections.abc import Iterator
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from pydicom.dataset import FileDataset
from tests.flows.test_ahead import spooled
from tests.peers.archives import members
from tests.peers.desk import ACCESSION, PATIENT, task
from tests.peers.studies import make_study, secondary_capture

from studypub.archive.companion import table_of
from studypub.config import Pixels, Preview
from studypub.core.finding import FoundStudy
from studypub.core.preview import INDEX, Picture, decoded, name_of
from studypub.core.preview import Preview as Shown
from studypub.deid.instance import Deidentifier
from studypub.deid.profile import load
from studypub.deid.reasons import Reason
from studypub.dicom.spool import Spool
from studypub.errors import PhiSuspected
from studypub.flows import album, carry_out
from studypub.flows.album import ROOM_BYTES
from studypub.flows.packing import Case
from studypub.flows.prepare import Preparation
from studypub.pixels.painter import Painter


def study(count: int, modality: str = "CT") -> list[FileDataset]:
    """Slices whose brightness tells their number; they come last first."""
    made = make_study(patient_id=PATIENT, accession_number=ACCESSION, instances=count, seed=177, modality=modality)
    for number, dataset in enumerate(made):
        dataset.InstanceNumber = number + 1
        dataset.WindowCenter, dataset.WindowWidth = 500, 1000
        dataset.RescaleSlope, dataset.RescaleIntercept = 1, 0
        dataset.PixelData = np.full((dataset.Rows, dataset.Columns), number * 20, "<u2").tobytes()
    return made[::-1]


@pytest.fixture
def work(tmp_path: Path) -> Iterator[Path]:
    work = tmp_path / "work"
    work.mkdir()
    yield work
    assert {path.name for path in work.iterdir()} <= {"study.zip", "study.view"}


def prepared(instances: list[FileDataset], tmp_path: Path, settings: Preview) -> tuple[Shown, list[bytes]]:
    preparation = preparing(instances, tmp_path, settings)
    try:
        content = preparation.finish(spooled(instances, tmp_path / "spool")).companion_path.read_bytes()
    finally:
        preparation.discard()
    found = {name: content[place.offset :][: place.length] for name, place in table_of(content).items()}
    preview = decoded(found[INDEX])
    return preview, [found[name_of(part)] for part in range(sum(name.startswith("preview/") for name in found))]


def preparing(
    instances: list[FileDataset], tmp_path: Path, settings: Preview, *, start_page: bool = False
) -> Preparation:
    uid = str(instances[0].StudyInstanceUID)
    found = FoundStudy(study_instance_uid=uid, accession_number=ACCESSION, patient_id=PATIENT)
    rules = Deidentifier(load("second-opinion"), bytes(32))
    case = Case(
        replace(task(), study_instance_uid=uid), found, rules, Pixels(), preview=settings, start_page=start_page
    )
    return Preparation(case, tmp_path / "work", threading.Event())


def brightness(parts: list[bytes], picture: Picture) -> int:
    assert picture.part is not None
    with Image.open(BytesIO(parts[picture.part])) as image:
        assert image.size == (picture.width, picture.height)
        return round(float(np.asarray(image.convert("L")).mean()) / 255 * 1000 / 20)


@pytest.mark.usefixtures("work")
def test_a_series_is_shown_in_its_order_and_a_ct_through_other_windows(tmp_path: Path) -> None:
    preview, parts = prepared(study(9), tmp_path, Preview(images_per_series=5))
    (series,) = preview.series
    assert (series.modality, series.images, series.shown, series.broken) == ("CT", 9, 5, 0)
    assert [stack.window for stack in series.stacks] == ["own", "soft", "lung", "bone", "brain"]
    own = series.stacks[0].pictures
    assert [picture.image for picture in own] == [1, 3, 5, 7, 9]
    assert [brightness(parts, picture) + 1 for picture in own] == [1, 3, 5, 7, 9]
    lung = series.stacks[2].pictures
    assert brightness(parts, lung[0]) == round((0 + 600.5 + 749.5) / 1499 * 50)
    assert series.thumbnail is not None
    assert Image.open(BytesIO(parts[series.thumbnail])).width <= 160


@pytest.mark.usefixtures("work")
@pytest.mark.parametrize("hands", [0, 1])
def test_a_second_process_draws_where_there_is_one_to_be_had(
    hands: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun: list[Painter] = []

    class Counted(Painter):
        def __init__(self, stop: threading.Event) -> None:
            super().__init__(stop)
            begun.append(self)

    monkeypatch.setattr(album, "Painter", Counted)
    monkeypatch.setattr(album, "_SECOND_HANDS", threading.Semaphore(hands))
    preview, parts = prepared(study(30), tmp_path, Preview(images_per_series=30))
    assert len(begun) == 1 + hands
    assert album._SECOND_HANDS.acquire(blocking=False) is bool(hands)
    (series,) = preview.series
    own = series.stacks[0].pictures
    assert [picture.image for picture in own] == [brightness(parts, picture) + 1 for picture in own]
    assert [picture.image for picture in own] == list(range(1, 31))
    shown = {picture.part for stack in series.stacks for picture in stack.pictures} | {series.thumbnail}
    assert shown == set(range(len(parts)))


@pytest.mark.usefixtures("work")
def test_a_start_page_shows_the_same_pictures_in_the_archive(tmp_path: Path) -> None:
    instances = [*study(9), secondary_capture(study(1))]
    preparation = preparing(instances, tmp_path, Preview(images_per_series=5), start_page=True)
    try:
        made = preparation.finish(spooled(instances, tmp_path / "spool"))
        content = made.companion_path.read_bytes()
        found = members(made.path.read_bytes())
    finally:
        preparation.discard()
    place = table_of(content)
    parts = {name: content[one.offset :][: one.length] for name, one in place.items()}
    own = decoded(parts[INDEX]).series[0].stacks[0].pictures
    names = [f"PREVIEW/S01I{number:04}.JPG" for number in range(1, 6)]
    assert [found.pop(name) for name in names] == [parts[name_of(one.part)] for one in own if one.part is not None]
    page = found.pop("INDEX.HTM").decode()
    assert re.findall(r'src="(.+?)"', page) == names
    assert "<script" not in page
    assert Reason.SECONDARY_CAPTURE.sentence.ru in page
    assert Reason.SECONDARY_CAPTURE.sentence.en in page
    assert "INDEX.HTM" in found.pop("README.txt").decode()
    assert {name for name in found if not name.startswith("DICOM/")} == {"DICOMDIR"}
    assert found.keys() - {"DICOMDIR"} == {f"DICOM/S0001/I{number:07}" for number in range(1, 10)}


@pytest.mark.usefixtures("work")
def test_the_switch_turns_it_off(tmp_path: Path) -> None:
    instances = study(2, "MR")
    preparation = preparing(instances, tmp_path, Preview(enabled=False))
    try:
        content = preparation.finish(spooled(instances, tmp_path / "spool")).companion_path.read_bytes()
    finally:
        preparation.discard()
    assert not any(name.startswith("preview") for name in table_of(content))


@pytest.mark.parametrize(("room", "is_shown"), [(2 * ROOM_BYTES, True), (ROOM_BYTES // 2, False)])
def test_there_are_no_pictures_where_only_the_study_has_room(tmp_path: Path, room: int, *, is_shown: bool) -> None:
    spool = Spool(tmp_path, reserve=shutil.disk_usage(tmp_path).free - room)
    with spool.room_for(0) as promise:
        assert carry_out._preview(Preview(), promise, 0).enabled is is_shown
        assert carry_out._preview(Preview(enabled=False), promise, 0).enabled is False


@pytest.mark.usefixtures("work")
def test_nothing_is_left_where_the_gate_objects(tmp_path: Path) -> None:
    instances = study(3)
    instances[0].OtherPatientNames = "Preobrazhenskaya^Vladlena"
    instances[2].BitsStored, instances[2].HighBit = 16, 15  # no bit of a sample is to be cleared
    instances[2].PixelData = b"Preobrazhenskaya^Vladlena".ljust(len(instances[2].PixelData), b"\0")
    preparation = preparing(instances, tmp_path, Preview())
    try:
        with pytest.raises(PhiSuspected):
            preparation.finish(spooled(instances, tmp_path / "spool"))
    finally:
        preparation.discard()
