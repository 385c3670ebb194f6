"""The demo PACS against pynetdicom and dcmtk, and the sample study against dciodvfy."""

import re
import socket
from collections.abc import Iterator
from io import BytesIO
from itertools import pairwise
from pathlib import Path

import pytest
from pydicom import dcmread
from pydicom.dataset import Dataset, FileDataset
from pydicom.uid import RLELossless
from pynetdicom import AE, evt
from pynetdicom.presentation import build_context, build_role
from pynetdicom.sop_class import (  # type: ignore[attr-defined]  # the classes are made at import
    CTImageStorage,
    StudyRootQueryRetrieveInformationModelFind,
    StudyRootQueryRetrieveInformationModelGet,
    StudyRootQueryRetrieveInformationModelMove,
)
from tests.peers import dcmtk
from tests.peers.program import deaf_port, free_port
from tests.peers.resources import becomes_true, threads
from tests.peers.studies import make_study

from studypub.dicom import demo_study
from studypub.dicom.demo_pacs import DemoPacs

AE_TITLE = "DEMOPACS"
PATIENT_NAME = "Ковалевская^Софья^Юрьевна"


@pytest.fixture(scope="module")
def study() -> list[FileDataset]:
    return make_study(patient_id="PID-000417", accession_number="ACC-000417", patient_name=PATIENT_NAME)


@pytest.fixture(scope="module")
def compressed() -> list[FileDataset]:
    return make_study(patient_id="PID-000418", accession_number="ACC-000418", seed=1, transfer_syntax=RLELossless)


@pytest.fixture(scope="module")
def move_port() -> int:
    return free_port()


@pytest.fixture(scope="module")
def pacs(study: list[FileDataset], compressed: list[FileDataset], move_port: int) -> Iterator[DemoPacs]:
    with deaf_port() as deaf:
        destinations = {"MOVESCU": ("127.0.0.1", move_port), "NOBODY": ("127.0.0.1", deaf)}
        peer = DemoPacs(AE_TITLE, destinations=destinations, instances=[*study, *compressed])
        peer.start()
        yield peer
        peer.stop()


def address(pacs: DemoPacs) -> tuple[str, str, str, str]:
    return "-aec", pacs.ae_title, pacs.host, str(pacs.port)


def keys(level: str, **values: str) -> list[str]:
    pairs = {"QueryRetrieveLevel": level, **values}
    return [part for keyword, value in pairs.items() for part in ("-k", f"{keyword}={value}" if value else keyword)]


def query(pacs: DemoPacs, identifier: Dataset) -> list[tuple[int, Dataset | None]]:
    contexts = [build_context(StudyRootQueryRetrieveInformationModelFind)]
    association = AE().associate(pacs.host, pacs.port, contexts, pacs.ae_title)
    assert association.is_established
    try:
        answers = association.send_c_find(identifier, StudyRootQueryRetrieveInformationModelFind)
        return [(status.Status, answer) for status, answer in answers]
    finally:
        association.release()


def test_echo_is_answered(pacs: DemoPacs) -> None:
    result = dcmtk.call("echoscu", *address(pacs))
    assert result.returncode == 0, result.stdout


def test_a_call_by_another_name_is_refused(pacs: DemoPacs) -> None:
    result = dcmtk.call("echoscu", "-aec", "SOMEBODY", pacs.host, str(pacs.port))
    assert "Called AE Title Not Recognized" in result.stdout


def test_findscu_finds_a_study_by_its_accession_number(
    pacs: DemoPacs, study: list[FileDataset], tmp_path: Path
) -> None:
    wanted = keys("STUDY", AccessionNumber="ACC-000417", PatientName="", PatientID="", StudyInstanceUID="")
    wanted += ["-k", "NumberOfStudyRelatedInstances", "-k", "ModalitiesInStudy"]
    result = dcmtk.call("findscu", "-S", *wanted, "-X", "-od", tmp_path, *address(pacs))
    assert result.returncode == 0, result.stdout
    (answer,) = (dcmread(file) for file in tmp_path.iterdir())
    assert answer.PatientID == "PID-000417"
    assert answer.PatientName == PATIENT_NAME
    assert answer.StudyInstanceUID == study[0].StudyInstanceUID
    assert (answer.NumberOfStudyRelatedInstances, answer.ModalitiesInStudy) == (5, "CT")


def test_findscu_lists_the_images_of_a_study(pacs: DemoPacs, study: list[FileDataset], tmp_path: Path) -> None:
    wanted = keys("IMAGE", StudyInstanceUID=study[0].StudyInstanceUID, SeriesInstanceUID=study[0].SeriesInstanceUID)
    result = dcmtk.call("findscu", "-S", *wanted, "-k", "SOPInstanceUID", "-X", "-od", tmp_path, *address(pacs))
    assert result.returncode == 0, result.stdout
    found = {dcmread(file).SOPInstanceUID for file in tmp_path.iterdir()}
    assert found == {instance.SOPInstanceUID for instance in study}


@pytest.mark.parametrize("character_set", ["ISO_IR 192", "ISO_IR 144"])
def test_a_name_is_found_in_whatever_character_set_it_is_asked(pacs: DemoPacs, character_set: str) -> None:
    identifier = Dataset()
    identifier.SpecificCharacterSet = character_set
    identifier.QueryRetrieveLevel = "STUDY"
    identifier.PatientName = "ковалевская*"
    identifier.PatientID = "PID-000417"
    (pending, answer), (final, _) = query(pacs, identifier)
    assert (pending, final) == (0xFF00, 0x0000)
    assert answer is not None
    assert answer.PatientName == PATIENT_NAME


def test_a_study_nobody_has_gives_no_answer_and_success(pacs: DemoPacs) -> None:
    identifier = Dataset()
    identifier.QueryRetrieveLevel = "STUDY"
    identifier.AccessionNumber = "ACC-0"
    assert query(pacs, identifier) == [(0x0000, None)]


def test_images_without_their_study_are_refused(pacs: DemoPacs) -> None:
    identifier = Dataset()
    identifier.QueryRetrieveLevel = "IMAGE"
    identifier.SOPInstanceUID = "1.2.3"
    assert query(pacs, identifier) == [(0xA900, None)]


@pytest.mark.parametrize("which", ["study", "compressed"])
def test_movescu_receives_every_image(
    pacs: DemoPacs, move_port: int, which: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    sent: list[FileDataset] = request.getfixturevalue(which)
    accepted = "+xr" if which == "compressed" else "+xe"
    wanted = keys("STUDY", StudyInstanceUID=sent[0].StudyInstanceUID)
    own: list[str | Path] = ["-aet", "MOVESCU", "-aem", "MOVESCU", "+P", str(move_port), accepted, "-od", tmp_path]
    result = dcmtk.call("movescu", "-S", *own, *wanted, *address(pacs))
    assert result.returncode == 0, result.stdout
    assert_same(tmp_path, sent)


def test_getscu_receives_every_image(pacs: DemoPacs, study: list[FileDataset], tmp_path: Path) -> None:
    wanted = keys("STUDY", StudyInstanceUID=study[0].StudyInstanceUID)
    result = dcmtk.call("getscu", "-S", *wanted, "+B", "-od", tmp_path, *address(pacs))
    assert result.returncode == 0, result.stdout
    assert_same(tmp_path, study)


def test_pynetdicom_gets_one_series(pacs: DemoPacs, study: list[FileDataset]) -> None:
    received: list[str] = []

    def store(event: evt.Event) -> int:
        received.append(event.dataset.SOPInstanceUID)
        return 0x0000

    contexts = [build_context(StudyRootQueryRetrieveInformationModelGet), build_context(CTImageStorage)]
    role = build_role(CTImageStorage, scp_role=True)
    association = AE().associate(
        pacs.host, pacs.port, contexts, pacs.ae_title, ext_neg=[role], evt_handlers=[(evt.EVT_C_STORE, store)]
    )
    identifier = Dataset()
    identifier.QueryRetrieveLevel = "SERIES"
    identifier.StudyInstanceUID = study[0].StudyInstanceUID
    identifier.SeriesInstanceUID = study[0].SeriesInstanceUID
    *_, (status, _) = association.send_c_get(identifier, StudyRootQueryRetrieveInformationModelGet)
    association.release()
    assert (status.Status, status.NumberOfCompletedSuboperations) == (0x0000, 5)
    assert sorted(received) == sorted(instance.SOPInstanceUID for instance in study)


# pynetdicom leaves the socket of a refused connection to the garbage collector.
@pytest.mark.filterwarnings("ignore:.*socket.socket:pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("destination", ["STRANGER", "NOBODY"])
def test_a_move_to_where_nobody_listens_is_refused(pacs: DemoPacs, study: list[FileDataset], destination: str) -> None:
    contexts = [build_context(StudyRootQueryRetrieveInformationModelMove)]
    association = AE().associate(pacs.host, pacs.port, contexts, pacs.ae_title)
    identifier = Dataset()
    identifier.QueryRetrieveLevel = "STUDY"
    identifier.StudyInstanceUID = study[0].StudyInstanceUID
    model = StudyRootQueryRetrieveInformationModelMove
    *_, (final, _) = association.send_c_move(identifier, destination, model)
    association.release()
    assert final.Status == 0xA801


def test_a_study_may_grow(study: list[FileDataset]) -> None:
    growing = DemoPacs(AE_TITLE, destinations={}, instances=study[:3])
    growing.start()
    try:
        identifier = Dataset()
        identifier.QueryRetrieveLevel = "STUDY"
        identifier.StudyInstanceUID = study[0].StudyInstanceUID
        identifier.NumberOfStudyRelatedInstances = ""
        assert count(query(growing, identifier)) == 3
        growing.add(study[3:])
        assert count(query(growing, identifier)) == 5
    finally:
        growing.stop()


def count(answers: list[tuple[int, Dataset | None]]) -> int:
    first = answers[0][1]
    assert first is not None
    return int(first.NumberOfStudyRelatedInstances)


def assert_same(folder: Path, sent: list[FileDataset]) -> None:
    received = {instance.SOPInstanceUID: instance for instance in map(dcmread, folder.iterdir())}
    assert received.keys() == {instance.SOPInstanceUID for instance in sent}
    for instance in sent:
        arrived = received[instance.SOPInstanceUID]
        assert arrived.file_meta.TransferSyntaxUID == instance.file_meta.TransferSyntaxUID
        assert arrived == instance


@pytest.fixture(scope="module")
def slices() -> list[FileDataset]:
    return list(demo_study.slices())


def test_every_slice_is_a_valid_ct_image(slices: list[FileDataset], tmp_path: Path) -> None:
    for instance in slices[::20]:
        file = tmp_path / f"{instance.InstanceNumber}.dcm"
        instance.save_as(file, enforce_file_format=True)
        report = dcmtk.call("dciodvfy", "-new", file).stdout
        assert "CTImage" in report
        assert not re.findall("^Error.*", report, re.MULTILINE)


def test_it_is_one_volume_of_evenly_spaced_slices(slices: list[FileDataset]) -> None:
    heights = [float(instance.ImagePositionPatient[2]) for instance in slices]
    assert {round(upper - lower, 3) for lower, upper in pairwise(heights)} == {5.0}
    assert len({instance.SOPInstanceUID for instance in slices}) == len(slices) == 60
    assert len({instance.SeriesInstanceUID for instance in slices}) == 1
    assert {tuple(instance.ImageOrientationPatient) for instance in slices} == {(1, 0, 0, 0, 1, 0)}


def test_its_pixels_are_air_fat_soft_tissue_and_bone(slices: list[FileDataset]) -> None:
    units = slices[30].pixel_array.astype(int) + int(slices[30].RescaleIntercept)
    shares = [((units >= low) & (units < high)).mean() for low, high in ((-1024, -900), (-150, -50), (20, 150))]
    assert all(share > 0.05 for share in shares), shares
    assert (units > 300).any()


def test_it_is_the_same_at_every_call(slices: list[FileDataset]) -> None:
    again = next(iter(demo_study.slices()))
    assert encoded(again) == encoded(slices[0])


def test_it_belongs_to_the_patient_it_is_asked_for(slices: list[FileDataset]) -> None:
    identities = {(instance.PatientID, instance.AccessionNumber) for instance in slices}
    assert identities == {(demo_study.PATIENT_ID, demo_study.ACCESSION_NUMBER)}
    assert str(slices[0].PatientName) == "Иванова^Мария^Петровна"


def encoded(instance: FileDataset) -> bytes:
    file = BytesIO()
    instance.save_as(file, enforce_file_format=True)
    return file.getvalue()


def test_it_stops_also_while_somebody_has_connected_and_said_nothing(study: list[FileDataset]) -> None:
    """The library's thread must not end with an error: whoever tests or tries the program would read it."""
    pacs = DemoPacs("DEMOPACS", destinations={}, instances=study)
    pacs.start()
    with socket.create_connection(("127.0.0.1", pacs.port)) as silent:
        assert becomes_true(lambda: "AcceptorThread" in " ".join(threads()))
        pacs.stop()
        assert silent.recv(1) == b""
    assert becomes_true(lambda: "AcceptorThread" not in " ".join(threads()))
