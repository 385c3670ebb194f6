"""A whole publication whose DICOM is TLS in both directions, with PACSes that ask for our certificate."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from tests.peers import orthanc as orthancs
from tests.peers.certificates import Authority, Pair
from tests.peers.daemon import Installation, client, install, serving
from tests.peers.orthanc import Orthanc
from tests.peers.postgres import open_folder
from tests.peers.program import free_port, listens
from tests.peers.studies import make_study
from tests.peers.world import eventually

pytestmark = pytest.mark.peer

MANUAL = Path(__file__).parents[2] / "docs/tls.md"
PATIENT, ACCESSION = "PID-TLS-77", "ACSN-TLS-1"
STUDY = make_study(patient_id=PATIENT, accession_number=ACCESSION, seed=3501, instances=4)

SECTIONS = """
[clinics.pacs.tls]
ca = "{ca}"
certificate = "{certificate}"
key = "{key}"
[dicom.tls]
port = {port}
plain = false
client_ca = "{ca}"
certificate = "{certificate}"
key = "{key}"
"""


@pytest.fixture(scope="module")
def pacs(tmp_path_factory: pytest.TempPathFactory, authority: Authority) -> Iterator[Orthanc]:
    """An Orthanc with the settings of the manual: it speaks TLS alone, and believes the clinic's authority."""
    folder, its = tmp_path_factory.mktemp("orthanc-tls"), authority.issue()
    (shown,) = re.findall(r"^```json\n(.*?)^```", MANUAL.read_text("utf-8"), re.MULTILINE | re.DOTALL)
    files = {"orthanc.crt": its.certificate, "orthanc.key": its.key, "ca.crt": authority.certificate}
    for name, path in files.items():
        shown = shown.replace(f"/etc/orthanc/tls/{name}", str(path))
    more: orthancs.Settings = json.loads(shown)
    del more["DicomModalities"]  # they are kept in its database here
    with orthancs.started(folder, synchronous_c_move=True, more=more) as peer:
        peer.store(STUDY)
        yield peer


@pytest.fixture(params=["move", pytest.param("get", marks=pytest.mark.long)])
def installation(
    request: pytest.FixtureRequest, pacs: Orthanc, authority: Authority, ours: Pair
) -> Iterator[Installation]:
    port = free_port()
    sections = SECTIONS.format(ca=authority.certificate, certificate=ours.certificate, key=ours.key, port=port)
    with open_folder() as folder:
        found = install(folder, pacs=pacs.ae_title, pacs_port=pacs.port, retrieve=request.param, more=sections)
        pacs.register("STUDYPUB", "127.0.0.1", port, tls=True)
        yield found


def test_a_study_is_published_over_tls_both_ways(installation: Installation) -> None:
    checked = installation.command("doctor", "--accession", ACCESSION)
    assert any(line.startswith("✓") and "4 of 4" in line for line in checked.stdout.splitlines()), checked.stdout
    with serving(installation):
        done = installation.command("publish", "--patient-id", PATIENT, "--accession-number", ACCESSION, "--wait")
        assert done.returncode == 0, done.stderr
        task = json.loads(done.stdout)
        assert (task["status"], task["progress"]) == ("COMPLETED", {"received": 4, "expected": 4})
        metrics = httpx.get(f"{installation.url}/metrics", trust_env=False).text
        assert re.search(r'studypub_certificate_days\{use="dicom"\} (29|30)\.', metrics)
        assert 'studypub_dicom_refused_total{what="association"} 0' in metrics
        assert not listens(installation.scp_port)
    assert "PRIVATE KEY" not in (installation.folder / "log").read_text("utf-8")


@pytest.mark.parametrize("installation", ["move"], indirect=True)
def test_a_task_says_why_the_pacs_is_not_believed(
    installation: Installation, authority: Authority, stranger: Authority
) -> None:
    text = installation.file.read_text("utf-8")
    wrong = text.replace(f'ca = "{authority.certificate}"', f'ca = "{stranger.certificate}"', 1)
    installation.file.write_text(wrong, "utf-8")
    key = installation.command("apikey", "add", "--clinic", "f_Khimki", "--name", "mis").stdout.strip()
    with serving(installation), client(installation, key) as mis:
        asked = {"patient_id": PATIENT, "accession_number": ACCESSION}
        task = mis.post("/publish", json=asked).json()["task_id"]
        found = eventually(lambda: (answer := mis.get(f"/publish/{task}").json())["error"] and answer)
    assert found["error"]["code"] == "PACS_UNREACHABLE"
    assert "его сертификат подписан не тем, кто указан в ca" in json.dumps(found["error"], ensure_ascii=False)
