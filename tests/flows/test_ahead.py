"""A study is prepared while it comes; what comes out is what would come out of it once it is all here."""

import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from zipfile import ZipFile

import pytest
from pydicom.dataset import FileDataset
from pydicom.filewriter import dcmwrite
from tests.peers.desk import ACCESSION, PATIENT, task
from tests.peers.resources import becomes_true
from tests.peers.studies import make_study

from studypub.config import Pixels
from studypub.core.finding import FoundStudy
from studypub.core.publication import Part
from studypub.deid.instance import Deidentifier
from studypub.deid.profile import load
from studypub.dicom.kept import SpooledInstance
from studypub.dicom.reception import Reception
from studypub.errors import PatientMismatch, PhiSuspected
from studypub.flows.packing import Case, Prepared
from studypub.flows.prepare import Preparation
from studypub.flows.turns import TURNS

FILES = ["DICOMDIR", "README.txt"]


@pytest.fixture
def study() -> list[FileDataset]:
    return make_study(patient_id=PATIENT, accession_number=ACCESSION, instances=5, seed=77)


@pytest.fixture
def preparation(study: list[FileDataset], tmp_path: Path) -> Iterator[Preparation]:
    uid = str(study[0].StudyInstanceUID)
    found = FoundStudy(study_instance_uid=uid, accession_number=ACCESSION, patient_id=PATIENT)
    rules = Deidentifier(load("second-opinion"), bytes(32))
    work = tmp_path / "work"
    work.mkdir()
    made = Preparation(Case(replace(task(), study_instance_uid=uid), found, rules, Pixels()), work, threading.Event())
    yield made
    made.discard()
    assert {path.name for path in work.iterdir()} <= {"study.zip", "study.view"}


def spooled(study: list[FileDataset], folder: Path) -> list[SpooledInstance]:
    folder.mkdir(exist_ok=True)
    found = []
    for number, dataset in enumerate(study):
        path = folder / f"{number}.dcm"
        dcmwrite(path, dataset, enforce_file_format=True)
        found.append(SpooledInstance(dataset.SOPInstanceUID, dataset.SOPClassUID, path, b"%d" % number))
    return found


def members(prepared: Prepared) -> dict[str, bytes]:
    with ZipFile(prepared.path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def test_what_has_come_is_prepared_when_the_last_is_here(
    preparation: Preparation, study: list[FileDataset], tmp_path: Path
) -> None:
    instances = spooled(study, tmp_path / "spool")
    (tmp_path / "reception").mkdir()
    reception = Reception(tmp_path / "reception")
    following = threading.Thread(target=preparation.follow, args=(reception.arriving(),))
    following.start()
    for instance in instances:
        reception.admit(instance)
    reception.close()
    following.join()
    assert preparation.holds(instances)
    ahead = members(preparation.finish(instances))
    preparation.discard()
    assert not preparation.holds(instances)
    assert members(preparation.finish(instances)) == ahead
    assert len(ahead) == len(study) + len(FILES)


def test_an_instance_waits_for_its_turn_unless_it_is_long(
    preparation: Preparation, study: list[FileDataset], tmp_path: Path
) -> None:
    """Long ones wait for the disk more than they compute, and would keep everybody waiting."""
    study[0].Rows = study[0].Columns = 2100
    study[0].PixelData = bytes(2 * 2100 * 2100)
    long, short = spooled(study[:2], tmp_path / "spool")
    following = threading.Thread(target=preparation.follow, args=(iter([long, short]),))
    with TURNS.mine():
        following.start()
        assert becomes_true(lambda: len(TURNS._waiting) == 1)
        assert preparation._packing is not None
        assert preparation._packing._archive._names == ["DICOM/S0001/I0000001"]
    following.join(20)
    assert preparation.holds([long, short])


def test_only_what_was_retrieved_is_published_though_more_has_come(
    preparation: Preparation, study: list[FileDataset], tmp_path: Path
) -> None:
    instances = spooled(study, tmp_path / "spool")
    preparation.follow(iter(instances))
    assert not preparation.holds(instances[1:])
    prepared = preparation.finish(instances[1:], Part(missing=1))
    assert prepared.summary.instances == len(study) - 1
    assert "не всё исследование" in members(prepared)["README.txt"].decode()


def test_what_only_a_later_image_tells_is_searched_for_in_all(
    preparation: Preparation, study: list[FileDataset], tmp_path: Path
) -> None:
    name = "Preobrazhenskaya^Vladlena"
    study[1].BitsStored, study[1].HighBit = 16, 15  # no bit of a sample is to be cleared
    pixels = bytearray(study[1].PixelData)
    pixels[1000 : 1000 + len(name)] = name.encode()
    study[1].PixelData = bytes(pixels)
    study[-1].OtherPatientNames = name
    instances = spooled(study, tmp_path / "spool")
    preparation.follow(iter(instances))
    assert preparation.holds(instances)
    with pytest.raises(PhiSuspected) as told:
        preparation.finish(instances)
    assert told.value.parameters["member"] == "DICOM/S0001/I0000002"


def test_another_patients_image_ends_it_however_early_it_comes(
    preparation: Preparation, study: list[FileDataset], tmp_path: Path
) -> None:
    study[2].PatientID = "SOMEBODY-ELSE"
    instances = spooled(study, tmp_path / "spool")
    preparation.follow(iter(instances))
    assert not preparation.holds(instances)
    with pytest.raises(PatientMismatch):
        preparation.finish(instances)


def test_nothing_is_left_where_nobody_waits_any_more(
    preparation: Preparation, study: list[FileDataset], tmp_path: Path
) -> None:
    instances = spooled(study, tmp_path / "spool")

    def coming() -> Iterator[SpooledInstance]:
        yield from instances[:2]
        raise ConnectionError

    preparation.follow(coming())
    assert not preparation.holds(instances[:2])
    assert list((tmp_path / "work").iterdir()) == []
