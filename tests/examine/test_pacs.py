"""A PACS that does not answer as it should: each reason by its own code, on real connections."""

import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
from pynetdicom import AE, evt
from pynetdicom.sop_class import StudyRootQueryRetrieveInformationModelFind  # type: ignore[attr-defined]
from tests.examine.conftest import by_the_daemon, failures
from tests.peers.dcmtk import Dcmqrscp
from tests.peers.dcmtk import started as started_dcmqrscp
from tests.peers.desk import ACCESSION
from tests.peers.facing import Facing
from tests.peers.orthanc import Orthanc
from tests.peers.orthanc import started as started_orthanc
from tests.peers.program import deaf_port, free_port, listens, running
from tests.peers.scripted_pacs import Answers, Behaviour, Search
from tests.peers.studies import make_study

from studypub.dicom.demo_pacs import shut_down
from studypub.flows.examine.causes import pacs as causes


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("honest", None),
        ("rejects our title", "PACS_CALLING_UNKNOWN"),
        ("rejects its own title", "PACS_CALLED_UNKNOWN"),
        ("rejects its own title for now", "PACS_CALLED_UNKNOWN"),
        ("rejects without a reason", "PACS_REJECTED"),
        ("rejects the application context", "PACS_REJECTED"),
        ("is congested", "PACS_FULL"),
        ("is full for good", "PACS_FULL"),
        ("search A700", "PACS_BUSY"),
        ("search C001", "PACS_FIND_REFUSED"),
        ("searches in silence", "PACS_BROKE_OFF"),
        ("a path for a study", "PACS_BAD_ANSWER"),
        ("1e5 rows", "PACS_BAD_ANSWER"),
    ],
)
@pytest.mark.filterwarnings("ignore:Invalid value for VR UI")
def test_what_a_pacs_answers_is_named(facing: Facing, name: str, code: str | None) -> None:
    facing.become(name)
    if name == "1e5 rows":  # read up to where they are too many
        facing.desk.set(search_timeout_seconds=60.0)
    assert failures(by_the_daemon(facing.desk)) == ({code} - {None})


def test_the_numbers_of_a_rejection_are_told(facing: Facing) -> None:
    facing.become("rejects without a reason")
    assert "source 1, reason 1" in by_the_daemon(facing.desk)["PACS_REJECTED"].sentence.en


def test_where_no_pacs_is(facing: Facing) -> None:
    """`.invalid` is nobody's (RFC 6761)."""
    with deaf_port() as closed:
        found = by_the_daemon(facing.desk, port=closed)
        assert failures(found) == {"PACS_PORT_CLOSED"}
        assert f"its port {closed} is closed" in found["PACS_PORT_CLOSED"].sentence.en
    assert failures(by_the_daemon(facing.desk, host="pacs.invalid")) == {"PACS_NAME_UNKNOWN"}
    assert failures(by_the_daemon(facing.desk, host="x" * 70)) == {"PACS_NAME_UNKNOWN"}


def test_where_a_firewall_drops_what_we_send(facing: Facing) -> None:
    """A listener whose queue is full answers as little as a firewall that drops."""
    facing.desk.set(connect_seconds=1.0)
    with socket.socket() as listener, ExitStack() as stack:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for _ in range(3):
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(listener.getsockname())
        assert failures(by_the_daemon(facing.desk, port=listener.getsockname()[1])) == {"PACS_SILENT"}


def test_what_is_no_pacs(facing: Facing, orthanc: Orthanc) -> None:
    facing.desk.set(connect_seconds=1.0)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        assert failures(by_the_daemon(facing.desk, port=silent.getsockname()[1])) == {"PACS_NO_DICOM"}
    http_port = orthanc._rest.base_url.port
    assert failures(by_the_daemon(facing.desk, port=http_port)) == {"PACS_HANGS_UP"}


def test_a_listener_on_loopback_is_told_where_the_pacs_is_elsewhere() -> None:
    assert causes.is_out_of_reach("127.0.0.1", "10.0.0.7", "10.0.0.5")
    assert not causes.is_out_of_reach("127.0.0.1", "127.0.0.1", "127.0.0.1")
    assert not causes.is_out_of_reach("127.0.0.1", "10.0.0.7", "10.0.0.7")  # it is on this machine
    assert not causes.is_out_of_reach("0.0.0.0", "10.0.0.7", "10.0.0.5")  # noqa: S104 - nobody listens
    assert not causes.is_out_of_reach("10.0.0.7", "10.0.0.7", "10.0.0.5")


@contextmanager
def only_storing(folder: Path) -> Iterator[int]:
    """Run dcmtk's storescp, which takes images and C-ECHO, and answers no queries."""
    port = free_port()
    command: list[str | Path] = ["storescp", "--output-directory", folder, str(port)]
    with running(command, folder / "storescp.log", lambda: listens(port)):
        yield port


@pytest.mark.peer
def test_a_node_that_only_takes_images(tmp_path: Path, facing: Facing) -> None:
    with only_storing(tmp_path) as port:
        found = by_the_daemon(facing.desk, port=port)
    assert "PACS_ECHO" in found
    assert failures(found) == {"PACS_NO_FIND"}


@pytest.mark.peer
def test_dcmqrscp_knows_by_which_title_it_is_called(tmp_path: Path, facing: Facing) -> None:
    with started_dcmqrscp(tmp_path, {}) as pacs:
        assert failures(by_the_daemon(facing.desk, port=pacs.port, ae_title="DCMQRSPC")) == {"PACS_CALLED_UNKNOWN"}
        assert failures(by_the_daemon(facing.desk, "NOPE", port=pacs.port, ae_title=Dcmqrscp.ae_title)) == {
            "TRANSFER_NO_SUCH_STUDY"
        }


@pytest.mark.peer
def test_orthanc_that_leaves_cyrillic_letters_out(tmp_path: Path, facing: Facing) -> None:
    with started_orthanc(tmp_path, synchronous_c_move=True, encoding="Latin1") as pacs:
        pacs.store(make_study(patient_id="7", accession_number="LATIN1", seed=7201, instances=1))
        found = by_the_daemon(facing.desk, "LATIN1", port=pacs.port, ae_title=pacs.ae_title)
    assert "PACS_LETTERS_LOST" in found
    assert found["PACS_LETTERS_LOST"].warned


@pytest.mark.filterwarnings("ignore:Invalid value for VR CS", "ignore:Unknown encoding")
def test_a_character_set_that_nobody_knows_is_a_warning(facing: Facing) -> None:
    def answer(search: Search) -> Answers:
        for row in search.rows():
            row.SpecificCharacterSet = "WINDOWS-1251"
            yield 0xFF00, row

    facing.pacs.become(Behaviour(find=answer), facing.study)
    found = by_the_daemon(facing.desk, ACCESSION)
    assert "WINDOWS-1251" in found["PACS_CHARSET_UNKNOWN"].sentence.ru
    assert found["PACS_CHARSET_UNKNOWN"].warned


@contextmanager
def only_searching() -> Iterator[int]:
    """Answer C-FIND, with nothing, and know no C-ECHO."""
    ae = AE("SCRIPT")
    ae.add_supported_context(StudyRootQueryRetrieveInformationModelFind)
    handlers: list[Any] = [(evt.EVT_C_FIND, lambda _: iter(()))]
    server = ae.start_server(("127.0.0.1", 0), block=False, evt_handlers=handlers)
    assert server is not None
    yield server.server_address[1]
    shut_down(ae)


def test_no_echo_is_no_failure(facing: Facing) -> None:
    with only_searching() as port:
        found = by_the_daemon(facing.desk, "NOPE", port=port)
    assert found["PACS_NO_ECHO"].warned
    assert failures(found) == {"TRANSFER_NO_SUCH_STUDY"}


def test_no_name_of_a_patient_is_told(facing: Facing) -> None:
    facing.become("honest")
    for finding in by_the_daemon(facing.desk).values():
        assert "Ковалевская" not in str(finding)
        assert facing.study[0].PatientID not in str(finding)
