"""A clinic with a PACS and an old archive beside it: each study comes from whichever has it, also while one is away."""

from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest
from tests.peers import orthanc as orthancs
from tests.peers.daemon import client, install, serving
from tests.peers.orthanc import Orthanc
from tests.peers.postgres import open_folder
from tests.peers.program import free_port
from tests.peers.studies import make_study
from tests.peers.world import eventually

pytestmark = pytest.mark.peer

PATIENT = "PID-TWO-PACS"
MORE = """
[[clinics.more_pacs]]
ae_title = "OLD"
host = "127.0.0.1"
port = {port}
retrieve = "get"
"""


def run(stack: ExitStack, folder: Path, title: str, ports: tuple[int, int]) -> Orthanc:
    """Run an Orthanc with this AE title, which a daemon may come to know before."""
    folder.mkdir(exist_ok=True)
    more: orthancs.Settings = {"DicomAet": title}
    return stack.enter_context(orthancs.started(folder, synchronous_c_move=True, more=more, ports=ports))


def test_what_one_pacs_lacks_the_other_serves_and_one_that_is_away_is_waited_for(tmp_path: Path) -> None:
    accessions = ("TWO-1", "TWO-2", "TWO-3")
    studies = {
        number: make_study(patient_id=PATIENT, accession_number=number, instances=2, seed=3700 + seed)
        for seed, number in enumerate(accessions)
    }
    ports = (free_port(), free_port())
    with ExitStack() as stack, ExitStack() as first, open_folder() as folder:
        old = run(stack, tmp_path / "old", "OLD", (free_port(), free_port()))
        new = run(first, tmp_path / "new", "NEW", ports)
        installation = install(folder, pacs="NEW", pacs_port=new.port, more=MORE.format(port=old.port))
        old.store(studies["TWO-1"] + studies["TWO-2"])
        new.store(make_study(patient_id="SOMEBODY ELSE", accession_number="TWO-1", instances=1, seed=3710))
        new.register("STUDYPUB", "127.0.0.1", installation.scp_port)
        key = installation.command("apikey", "add", "--clinic", "f_Khimki", "--name", "mis").stdout.strip()
        with serving(installation), client(installation, key) as mis:

            def ask(number: str) -> str:
                asked = {"patient_id": PATIENT, "accession_number": number}
                return str(mis.post("/publish", json=asked).raise_for_status().json()["task_id"])

            def published(task: str) -> dict[str, object]:
                document = mis.get(f"/publish/{task}").json()
                assert document["status"] != "FAILED", document
                return document if document["status"] == "COMPLETED" else {}

            task = ask("TWO-1")
            assert eventually(lambda: published(task))["progress"] == {"received": 2, "expected": 2}
            first.close()
            task = ask("TWO-2")
            assert eventually(lambda: published(task))["progress"] == {"received": 2, "expected": 2}
            waiting = ask("TWO-3")
            error = eventually(lambda: mis.get(f"/publish/{waiting}").json()["error"])
            assert error["code"] == "PACS_UNREACHABLE"
            assert f"PACS NEW не отвечает по адресу 127.0.0.1:{new.port}" in error["message"]
            metrics = httpx.get(f"{installation.url}/metrics", trust_env=False).text
            assert 'studypub_pacs_up{ae_title="NEW"} 0' in metrics
            assert 'studypub_pacs_up{ae_title="OLD"} 1' in metrics
            new = run(stack, tmp_path / "new", "NEW", ports)
            new.store(studies["TWO-3"])
            assert eventually(lambda: published(waiting))["progress"] == {"received": 2, "expected": 2}
