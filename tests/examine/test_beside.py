"""The doctor beside a daemon: what it asks, who may ask, and what it finds with a real Orthanc."""

import json
import os
import socket
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.examine.conftest import by_code, failures, one_clinic
from tests.peers.daemon import Installation, install, started
from tests.peers.orthanc import Orthanc
from tests.peers.postgres import open_folder
from tests.peers.program import free_port
from tests.peers.studies import make_study

from studypub.config import Dicom, Pacs, load
from studypub.flows import doctor
from studypub.flows.examine.beside import Beside, NoAnswer, fingerprint
from studypub.flows.examine.probes import Probes, Seen

ACCESSION = "DOCTOR7301"


@pytest.fixture(scope="module")
def installation(orthanc: Orthanc) -> Iterator[Installation]:
    with open_folder() as folder:
        found = install(folder, pacs=orthanc.ae_title, pacs_port=orthanc.port)
        orthanc.store(make_study(patient_id="P7301", accession_number=ACCESSION, seed=7301, instances=3))
        with started(found):
            yield found


def told(installation: Installation, *arguments: str) -> dict[str, dict[str, Any]]:
    done = installation.command("doctor", "--json", *arguments)
    assert done.stderr == ""
    found = {each["code"]: each for each in map(json.loads, done.stdout.splitlines())}
    assert done.returncode == (0 if all(each["passed"] for each in found.values()) else 1)
    return found


def failing(found: dict[str, dict[str, Any]]) -> set[str]:
    return {code for code, each in found.items() if not each["passed"]}


@pytest.mark.peer
@pytest.mark.slow
def test_the_daemon_fetches_for_us_what_its_own_port_receives(installation: Installation, orthanc: Orthanc) -> None:
    orthanc.register("STUDYPUB", "127.0.0.1", installation.scp_port)
    try:
        found = told(installation, "--accession", ACCESSION)
        assert failing(found) == set()
        assert "3 of 3" in found["TRANSFER_COMPLETE"]["en"]
        assert found["TRANSFER_COMPLETE"]["clinic"] == "f_Khimki"
        assert found["ADDRESS_REACHED"]["passed"]
        orthanc.register("STUDYPUB", "127.0.0.1", free_port())
        assert failing(told(installation, "--accession", ACCESSION)) == {"TRANSFER_NOBODY_CAME"}
    finally:
        orthanc.forget("STUDYPUB")
    text = installation.file.read_text()
    try:
        installation.file.write_text(text.replace('code = "f_Khimki"', 'code = "f_Tver"'))
        found = told(installation, "--accession", ACCESSION)
        assert failing(found) == {"TRANSFER_OTHER_SETTINGS"}
        assert found["CONFIG_CHANGED"]["warned"]
    finally:
        installation.file.write_text(text)
    spool = load(installation.file, {}).spool_dir
    assert [path for path in spool.rglob("*") if path.is_file()] == []


@pytest.mark.peer
def test_only_the_daemon_s_user_may_ask(installation: Installation) -> None:
    config = load(installation.file, {})
    beside = Beside(config.database.data_dir)
    assert stat.S_IMODE((config.database.data_dir / "doctor.sock").stat().st_mode) == 0o600
    assert beside.settings() == fingerprint(config)
    if os.geteuid() == 0:
        os.seteuid(65534)
        try:
            assert beside.runs() is None
            with pytest.raises(NoAnswer):
                beside.settings()
        finally:
            os.seteuid(0)
    assert beside.runs() is True
    assert beside.seen(beside.new()) is None


@pytest.mark.peer
@pytest.mark.parametrize(
    "said", [b"\n", b"nonsense\n", b'{"about":"all"}\n', b"", b'{"about":"seen","nonce":7}\n', b"x" * 100]
)
def test_nonsense_is_not_answered_and_harms_nobody(installation: Installation, said: bytes) -> None:
    data_dir = load(installation.file, {}).database.data_dir
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(10)
        connection.connect(str(data_dir / "doctor.sock"))
        connection.sendall(said)
        connection.shutdown(socket.SHUT_WR)
        assert connection.recv(100) == b""
    assert Beside(data_dir).runs()


def test_without_a_daemon_nobody_answers(tmp_path: Path) -> None:
    assert Beside(tmp_path).runs() is False
    assert Beside(tmp_path / "nowhere").runs() is False
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(tmp_path / "doctor.sock"))  # of a daemon that was killed
    assert Beside(tmp_path).runs() is False
    with pytest.raises(NoAnswer):
        Beside(tmp_path).new()


@pytest.mark.peer
def test_a_port_that_another_program_has_is_told(orthanc: Orthanc) -> None:
    orthanc.store(make_study(patient_id="P7302", accession_number="DOCTOR7302", seed=7302, instances=1))
    config = one_clinic(Pacs(ae_title=orthanc.ae_title, host="127.0.0.1", port=orthanc.port))
    with socket.create_server(("127.0.0.1", 0)) as other:
        dicom = Dicom(host="127.0.0.1", port=other.getsockname()[1])
        config = msgspec.structs.replace(config, dicom=dicom)
        found = by_code(list(doctor._transfer(config, config.clinics[0], "DOCTOR7302", None)))
    assert failures(found) == {"TRANSFER_PORT_TAKEN"}
    assert f"port {dicom.port}: Address already in use" in found["TRANSFER_PORT_TAKEN"].sentence.en


@pytest.mark.peer
def test_only_the_clinic_that_is_named_is_looked_at(installation: Installation) -> None:
    done = installation.command("doctor", "--clinic", "nowhere")
    assert (done.returncode, done.stdout) == (1, "")
    assert "nowhere" in done.stderr


def test_probes_are_seen_once_and_only_where_they_are_waited_for() -> None:
    probes, seen = Probes(), Seen(peer="127.0.0.1", is_trusted=True, scheme="http")
    probes.note("nobody waits", seen)
    assert probes.seen("nobody waits") is None
    nonce = probes.new()
    assert probes.new() != nonce
    probes.note(nonce, seen)
    probes.note(nonce, Seen(peer="10.0.0.1", is_trusted=False, scheme="http"))
    assert probes.seen(nonce) == seen
    assert probes.seen(nonce) is None
    first = probes.new()
    for _ in range(100):
        probes.new()
    probes.note(first, seen)
    assert probes.seen(first) is None
