"""A result by HL7 becomes a link: the daemon as it is installed, and a real PACS."""

import json
import socket

import httpx
import pytest
from tests.peers import daemon
from tests.peers.orthanc import Orthanc
from tests.peers.postgres import open_folder
from tests.peers.program import free_port
from tests.peers.studies import make_study

pytestmark = [pytest.mark.peer, pytest.mark.slow]

PATIENT, ACCESSION = "1000001158664", "KP125706548L"


def sent(port: int, message: bytes) -> bytes:
    with socket.create_connection(("127.0.0.1", port), 20) as sender:
        sender.settimeout(20)
        sender.sendall(b"\x0b" + message + b"\x1c\r")
        with sender.makefile("rb") as answer:
            return answer.read(1) + b"".join(iter(lambda: answer.read(1), b"\x1c"))


def test_a_result_by_hl7_becomes_a_link(orthanc: Orthanc) -> None:
    port = free_port()
    message = "\r".join(
        [
            r"MSH|^~\&|MIS|F|STUDYPUB|X|20250201||ORU^R01^ORU_R01|17|P|2.5",
            f"PID|1||{PATIENT}^^^MIS||Иванов^Иван",
            f"OBR|1|||A01^МРТ суставов||||||||||||||{ACCESSION}|||||||F",
        ]
    ).encode("windows-1251")
    orthanc.store(make_study(patient_id=PATIENT, accession_number=ACCESSION, seed=4400, instances=2))
    with open_folder() as folder:
        more = f"[hl7]\nport = {port}\n"
        installation = daemon.install(folder, pacs=orthanc.ae_title, pacs_port=orthanc.port, more=more)
        orthanc.register("STUDYPUB", "127.0.0.1", installation.scp_port)
        try:
            with daemon.serving(installation):
                assert b"MSA|AA|17" in sent(port, message)
                # Asked for again by hand: answered with the task that the message has made.
                done = installation.command(
                    "publish", "--patient-id", PATIENT, "--accession-number", ACCESSION, "--wait"
                )
                task = json.loads(done.stdout)
                assert task["status"] == "COMPLETED"
                page = httpx.get(task["arch_link"], trust_env=False)
                assert "МРТ суставов" in page.text
        finally:
            orthanc.clear()
            orthanc.forget("STUDYPUB")
        written = installation.file.with_name("log").read_text("utf-8")
    assert written.count("поставлено в очередь") == 1
    assert "Иванов" not in written
