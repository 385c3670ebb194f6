"""A daemon that is killed in the middle of a transfer, and its successor."""

import json
import signal

import pytest
from pydicom.dataset import FileDataset
from tests.peers.daemon import END_SECONDS, install, serving, started
from tests.peers.desk import ACCESSION, PATIENT
from tests.peers.pacs_behaviours import BEHAVIOURS
from tests.peers.postgres import open_folder
from tests.peers.scripted_pacs import ScriptedPacs


def test_f04_a_daemon_that_is_killed_midway(study: list[FileDataset], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STUDYPUB_WORKERS__LEASE_SECONDS", "2")
    asked = ("publish", "--patient-id", PATIENT, "--accession-number", ACCESSION)
    pacs = ScriptedPacs(("127.0.0.1", 1))
    pacs.become(BEHAVIOURS["stops midway"], study)
    pacs.start()
    try:
        with open_folder() as folder:
            installation = install(folder, pacs=pacs.ae_title, pacs_port=pacs.port)
            pacs.destination = ("127.0.0.1", installation.scp_port)
            with started(installation) as process:
                assert installation.command(*asked).returncode == 0
                assert pacs.holding.wait(30)
                process.send_signal(signal.SIGKILL)
                process.wait(END_SECONDS)
            with serving(installation):
                done = installation.command(*asked, "--wait")
            assert done.returncode == 0, done.stderr
            assert json.loads(done.stdout)["progress"] == {"received": 5, "expected": 5}
            assert pacs.asked == ["STUDY", "IMAGE 3"]
            assert len(pacs.stored) == 5
            assert list((folder / "data" / "spool").iterdir()) == []
    finally:
        pacs.stop()
