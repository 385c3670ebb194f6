"""The PACSes of the tests do what the tests rely on: they hold studies, find them and send them."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydicom import dcmread
from pydicom.dataset import FileDataset
from tests.peers import dcmtk
from tests.peers.dcmtk import Dcmqrscp
from tests.peers.orthanc import Orthanc
from tests.peers.orthanc import started as orthanc_started
from tests.peers.program import free_port, listens
from tests.peers.studies import make_study, secondary_capture, structured_report, ultrasound

pytestmark = pytest.mark.peer

RECEIVER = "RECEIVER"


@pytest.fixture(scope="module")
def study() -> list[FileDataset]:
    """Images, and what travels with them in a real study."""
    images = make_study(patient_id="PID-7001", accession_number="ACC-7001", seed=7001)
    return [*images, structured_report(images), secondary_capture(images), ultrasound(images)]


@pytest.fixture(scope="module")
def dcmqrscp(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Dcmqrscp, int]]:
    port = free_port()
    with dcmtk.started(tmp_path_factory.mktemp("dcmqrscp"), {RECEIVER: port}) as peer:
        yield peer, port


def move(pacs: Orthanc | Dcmqrscp, port: int, study: list[FileDataset], folder: Path) -> None:
    """Find the study by its accession number, have it sent, and compare."""
    found = folder / "found"
    received = folder / "received"
    for directory in (found, received):
        directory.mkdir()
    address = ["-S", "-aet", RECEIVER, "-aec", pacs.ae_title, pacs.host, str(pacs.port)]
    keys = ["-k", "QueryRetrieveLevel=STUDY", "-k", "AccessionNumber=ACC-7001", "-k", "StudyInstanceUID"]
    assert dcmtk.call("findscu", *address, *keys, "-k", "PatientName", "-X", "-od", found).returncode == 0
    (answer,) = map(dcmread, found.iterdir())
    assert answer.PatientName == study[0].PatientName
    one = ["-k", "QueryRetrieveLevel=STUDY", "-k", f"StudyInstanceUID={answer.StudyInstanceUID}"]
    result = dcmtk.call("movescu", *address, "-aem", RECEIVER, "+P", str(port), "+xe", *one, "-od", received)
    assert result.returncode == 0, result.stdout
    arrived = {instance.SOPInstanceUID: instance for instance in map(dcmread, received.iterdir())}
    assert arrived.keys() == {instance.SOPInstanceUID for instance in study}
    assert all(arrived[instance.SOPInstanceUID] == instance for instance in study)


def test_orthanc_sends_a_study(orthanc: Orthanc, study: list[FileDataset], tmp_path: Path) -> None:
    port = free_port()
    orthanc.store(study)
    orthanc.register(RECEIVER, "127.0.0.1", port)
    try:
        move(orthanc, port, study, tmp_path)
    finally:
        orthanc.forget(RECEIVER)
        orthanc.clear()


def test_orthanc_that_does_not_wait_reports_success_though_nobody_listens(
    orthanc_async: Orthanc, study: list[FileDataset]
) -> None:
    orthanc_async.store(study)
    orthanc_async.register(RECEIVER, "127.0.0.1", free_port())
    keys = ["-k", "QueryRetrieveLevel=STUDY", "-k", f"StudyInstanceUID={study[0].StudyInstanceUID}"]
    address = ["-aec", orthanc_async.ae_title, "-aem", RECEIVER, orthanc_async.host, str(orthanc_async.port)]
    try:
        result = dcmtk.call("movescu", "-S", "-d", *keys, *address)
        assert "0x0000: Success" in result.stdout
    finally:
        orthanc_async.forget(RECEIVER)
        orthanc_async.clear()


def test_orthanc_as_shipped_leaves_cyrillic_out_of_its_answers(study: list[FileDataset], tmp_path: Path) -> None:
    keys = ["-k", "QueryRetrieveLevel=STUDY", "-k", "AccessionNumber=ACC-7001", "-k", "PatientName", "-k", "PatientID"]
    found = tmp_path / "found"
    found.mkdir()
    with orthanc_started(tmp_path, synchronous_c_move=True, encoding="Latin1") as shipped:
        shipped.store(study)
        address = ["-aec", shipped.ae_title, shipped.host, str(shipped.port)]
        assert dcmtk.call("findscu", "-S", *keys, "-X", "-od", found, *address).returncode == 0
    (answer,) = map(dcmread, found.iterdir())
    assert (answer.PatientID, answer.PatientName) == ("PID-7001", "^^")


def test_dcmqrscp_sends_a_study(dcmqrscp: tuple[Dcmqrscp, int], study: list[FileDataset], tmp_path: Path) -> None:
    pacs, port = dcmqrscp
    pacs.store(study)
    move(pacs, port, study, tmp_path)


def test_a_peer_is_gone_when_its_user_has_failed(tmp_path: Path) -> None:
    ports = []

    def fail() -> None:
        with dcmtk.started(tmp_path, {}) as peer:
            ports.append(peer.port)
            assert listens(peer.port)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail()
    assert not listens(ports[0])


def test_the_programs_are_installed() -> None:
    missing = [name for name in ("dcmqrscp", "findscu", "movescu", "dciodvfy", "setpriv") if not shutil.which(name)]
    assert not missing
