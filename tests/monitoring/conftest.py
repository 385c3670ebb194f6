"""A daemon on its own PostgreSQL that has published, failed and refused, over studies full of marked words."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from email.message import EmailMessage
from pathlib import Path
from typing import Any, cast

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families
from pydicom import config
from pydicom.dataelem import DataElement
from pydicom.dataset import FileDataset
from tests.peers import daemon
from tests.peers.mail import MailServer, serving
from tests.peers.postgres import open_folder
from tests.peers.raw_dicom import ASSOCIATE_RJ, RawPeer, associate_rq
from tests.peers.studies import make_study, secondary_capture
from tests.peers.world import Nursery, World, eventually, nursery

from studypub.dicom.demo_pacs import DemoPacs

__all__ = ["nursery"]

# Whatever names the patient and is no number of a request; the numbers, which may stand in the log; what a request says
# besides; what opens something.
NAMED, PID, ACSN, ASIDE, SECRET = "ZCANARY", "QCANARYPID", "QCANARYAC", "WCANARY", "VCANARY"
_ALERTS = """
[mail]
host = "127.0.0.1"
port = {port}
security = "none"
sender = "studypub@clinic.example"
[alerts]
to = ["admin@clinic.example"]
disk_free_mb = 1073741824
"""
_ENDED = ("COMPLETED", "FAILED", "NEEDS_REVIEW", "CANCELLED", "EXPIRED")


def marked(accession_number: str, seed: int, patient_id: str = PID) -> list[FileDataset]:
    """Return a study in which everything that names somebody says so, and some of it against the Standard."""
    study = make_study(
        patient_id=patient_id, accession_number=accession_number, patient_name=f"{NAMED}NAME^{NAMED}GIVEN", seed=seed,
        instances=2,
    )  # fmt: skip
    for dataset in study:
        dataset.InstitutionName = f"{NAMED}HOSPITAL"
        dataset.ReferringPhysicianName = f"{NAMED}DOCTOR"
        dataset.OtherPatientIDs = f"{NAMED}OTHER"
        dataset.StudyDescription = f"{NAMED}DESCRIPTION"
        dataset.PatientComments = f"{NAMED}COMMENT"
        dataset.add(DataElement(0x00101010, "AS", f"{NAMED}AGE", validation_mode=config.IGNORE))
        dataset.add(DataElement(0x00100030, "DA", f"{NAMED}BORN", validation_mode=config.IGNORE))
    return study


@dataclass
class Run:
    """What the daemon did, and what is left of it."""

    folder: Path
    lines: list[dict[str, Any]]
    output: str
    metrics: str
    letters: list[EmailMessage]
    statuses: dict[str, str]
    secrets: list[str] = field(default_factory=list)

    @property
    def log(self) -> str:
        return (self.folder / "log").read_text("utf-8")

    def families(self) -> dict[str, Any]:
        """Return what /metrics tells, by the names of its samples' families as they are written."""
        return {family.name: family for family in text_string_to_metric_families(self.metrics)}

    def kept(self) -> dict[str, bytes]:
        """Return every file of the data folder but the spool's and the archives, by its place there."""
        data = self.folder / "data"
        files = (path for path in data.rglob("*") if path.is_file() and not path.is_symlink())
        places = {path.relative_to(data).as_posix(): path for path in files}
        return {
            place: path.read_bytes() for place, path in places.items() if not place.startswith(("spool", "storage"))
        }


@pytest.fixture(scope="session")
def run(nursery: Nursery) -> Iterator[Run]:
    with open_folder() as folder, serving(folder) as mail:
        destinations: dict[str, tuple[str, int]] = {}
        pacs = DemoPacs("DEMO", destinations=destinations, instances=())
        pacs.start()
        installation = daemon.install(folder, pacs="DEMO", pacs_port=pacs.port, more=_ALERTS.format(port=mail.port))
        destinations["STUDYPUB"] = ("127.0.0.1", installation.scp_port)
        environment = {
            "STUDYPUB_WORKERS__LEAST_FREE_MB": "0",
            "STUDYPUB_FAILPOINT_FOLDER": str(folder),
            "LC_ALL": "C.UTF-8",
        }
        world = World(installation, cast("Any", None), "", pacs, destinations, nursery, environment)
        try:
            yield _lived(world, mail)
        finally:
            world.close()
            pacs.stop()


def _lived(world: World, mail: MailServer) -> Run:
    started = world.start(f"finding:raise:1:{ACSN}5")
    key = world.installation.command("apikey", "add", "--clinic", "f_Khimki", "--name", "MIS").stdout.strip()
    world.pacs.add(marked(f"{ACSN}1", 1))
    world.pacs.add(marked(f"{ACSN}2", 2, patient_id="QCANARYPIDOTHER"))
    world.pacs.add([secondary_capture(marked(f"{ACSN}3", 3))])
    world.pacs.add(marked(f"{ACSN}5", 5))
    statuses, secrets = {}, [key, f"{SECRET}PASSWORD"]
    with daemon.client(world.installation, key) as mis:
        for number in (1, 2, 3, 4, 5):
            statuses[f"{ACSN}{number}"] = _published(mis, f"{ACSN}{number}")
        link = str(mis.get("/publish", params={"accession_number": f"{ACSN}1"}).json()["arch_link"])
        secrets.append(link.rpartition("/s/")[2])
        _visit(mis, link)
        _speak_dicom(world)
        metrics = str(eventually(lambda: _metrics(mis)))
    eventually(lambda: mail.letters)
    assert started.ends() == 0
    output = started.output.read_text("utf-8")
    return Run(world.installation.folder, started.lines(), output, metrics, mail.letters, statuses, secrets)


def _published(mis: httpx.Client, accession_number: str) -> str:
    request = {
        "patient_id": PID,
        "accession_number": accession_number,
        "emk_record_id": f"{ASIDE}EMK",
        "service_title": f"{ASIDE}TITLE",
    }
    task_id = mis.post("/publish", json=request).raise_for_status().json()["task_id"]
    task = eventually(lambda: _ended(mis, task_id), within=60)
    return str((task["error"] or {}).get("code", task["status"]))


def _ended(mis: httpx.Client, task_id: str) -> dict[str, Any] | None:
    task: dict[str, Any] = mis.get(f"/publish/{task_id}").json()
    return task if task["status"] in _ENDED else None


def _visit(mis: httpx.Client, link: str) -> None:
    """Do what people and programs do, rightly and wrongly."""
    path = httpx.URL(link).path
    assert mis.get(path).status_code == 200
    assert mis.get(f"{path}/download").status_code == 200
    assert mis.get(f"/s/{SECRET}{'A' * 15}").status_code == 404
    assert mis.get("/publish/1", headers={"Authorization": f"Bearer {SECRET}KEY"}).status_code == 401
    assert mis.post("/publish", json={"patient_id": f"{ASIDE}*", "accession_number": f"{ASIDE}?"}).status_code == 422
    assert mis.post("/publish", content=f"{ASIDE}BODY").status_code in (400, 415)
    mis.post("/login", data={"name": f"{ASIDE}LOGIN", "password": f"{SECRET}PASSWORD"})


def _metrics(mis: httpx.Client) -> str | None:
    """Return what is told of the service, once the one who was turned away is counted."""
    told = mis.get("/metrics", headers={"Authorization": ""}).text
    return told if 'refused_total{reason="unknown_calling_ae"} 1.0\n' in told else None


def _speak_dicom(world: World) -> None:
    with RawPeer(world.installation.scp_port) as peer:
        peer.send(associate_rq(calling=b"STRANGER"))
        assert peer.receive()[0] == ASSOCIATE_RJ
