"""The main job between real neighbours: Orthanc and dcmqrscp, a folder and an S3 server, request to download."""

from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from io import BytesIO
from pathlib import Path
from typing import Literal
from zipfile import ZipFile

import httpx
import psycopg
import pytest
from pydicom import dcmread
from pydicom.dataset import FileDataset
from tests.peers import dcmtk
from tests.peers.database import connection, database, database_url, migrated
from tests.peers.house import ACCESSION, PATIENT, House, open_house
from tests.peers.postgres import postgres_server
from tests.peers.program import free_port
from tests.peers.queue import QueueWatch, queue_watch
from tests.peers.s3 import S3Server, radosgw
from tests.peers.studies import make_study, planted, secondary_capture, spellings, structured_report

from studypub.core import ids
from studypub.core.access import Access
from studypub.core.publication import Publication
from studypub.core.task import Status
from studypub.db.database import Database
from studypub.flows.expire import expire, sweep
from studypub.store.local import LocalStore
from studypub.store.s3 import S3Store

__all__ = ["connection", "database", "database_url", "migrated", "postgres_server", "queue_watch", "radosgw"]

pytestmark = pytest.mark.peer

PacsKind = Literal["orthanc by move", "orthanc by get", "orthanc that does not wait", "dcmqrscp"]
StoreKind = Literal["local", "s3"]
PACS_KINDS: list[PacsKind] = ["orthanc by move", "orthanc by get", "orthanc that does not wait", "dcmqrscp"]


@dataclass
class Address:
    """Where a PACS is and how it hands a study over."""

    ae_title: str
    port: int
    retrieve: Literal["move", "get"]


@pytest.fixture(scope="module")
def images() -> list[FileDataset]:
    return make_study(patient_id=PATIENT, accession_number=ACCESSION, seed=900, instances=8)


@pytest.fixture(scope="module")
def study(images: list[FileDataset]) -> list[FileDataset]:
    return [*images, structured_report(images), secondary_capture(images)]


@contextmanager
def holding(
    kind: PacsKind, request: pytest.FixtureRequest, folder: Path, study: list[FileDataset], port: int
) -> Iterator[Address]:
    """Put the study, and another patient's of nearly the same number, into a PACS that knows us at this port."""
    other = make_study(patient_id="2000000000001", accession_number=f"{ACCESSION}1", seed=901)
    with ExitStack() as stack:
        if kind == "dcmqrscp":
            qrscp = stack.enter_context(dcmtk.started(folder, {"STUDYPUB": port}))
            qrscp.store([*study, *other])
            yield Address(qrscp.ae_title, qrscp.port, "move")
            return
        asynchronous = kind == "orthanc that does not wait"
        peer = request.getfixturevalue("orthanc_async" if asynchronous else "orthanc")
        stack.callback(peer.clear)
        stack.callback(peer.forget, "STUDYPUB")
        peer.store([*study, *other])
        peer.register("STUDYPUB", "127.0.0.1", port)
        yield Address(peer.ae_title, peer.port, "get" if kind == "orthanc by get" else "move")


@pytest.fixture(params=PACS_KINDS)
def pacs_kind(request: pytest.FixtureRequest) -> PacsKind:
    kind: PacsKind = request.param
    return kind


@pytest.fixture(params=["local", "s3"])
def store_kind(request: pytest.FixtureRequest) -> StoreKind:
    kind: StoreKind = request.param
    return kind


@pytest.fixture
async def house(
    request: pytest.FixtureRequest,
    pacs_kind: PacsKind,
    store_kind: StoreKind,
    database: Database,
    queue_watch: QueueWatch,
    tmp_path: Path,
    study: list[FileDataset],
) -> AsyncIterator[House]:
    port = free_port()
    async with AsyncExitStack() as stack:
        address = stack.enter_context(holding(pacs_kind, request, tmp_path, study, port))
        house = await stack.enter_async_context(
            open_house(database, queue_watch, tmp_path, (), scp_port=port, peer_ae_title=address.ae_title)
        )
        house.set_pacs(ae_title=address.ae_title, port=address.port, retrieve=address.retrieve)
        house.set("dicom", quiet_seconds=5.0)
        if store_kind == "s3":
            server: S3Server = request.getfixturevalue("radosgw")
            house.means = replace(house.means, store=S3Store(server.config(server.new_bucket())))
        yield house


def downloaded(house: House, publication: Publication, lifetime: timedelta) -> bytes:
    """Return the archive as a patient gets it: by a presigned address, or from the file that the daemon streams."""
    url = house.store.link(publication.object_key, "study.zip", lifetime)
    if url is not None:
        answer = httpx.get(url, trust_env=False).raise_for_status()
        assert "study.zip" in answer.headers["Content-Disposition"]
        return answer.content
    path = house.store.path(publication.object_key)
    assert path is not None
    return path.read_bytes()


@pytest.mark.parametrize(
    ("pacs_kind", "store_kind"),
    [
        *((kind, "local") for kind in PACS_KINDS),
        ("orthanc by move", "s3"),
        *(pytest.param(kind, "s3", marks=pytest.mark.long) for kind in PACS_KINDS[1:]),
    ],
    indirect=True,
)
async def test_from_the_request_to_the_download_and_the_end(
    house: House, study: list[FileDataset], images: list[FileDataset], connection: psycopg.Connection
) -> None:
    task, publication = await house.published()
    assert (task.received, task.expected) == (len(study), len(study))
    assert (publication.instances, publication.left_out) == (len(images), 2)

    opened = await house.opened(publication)
    assert opened.access is Access.OPEN
    data = downloaded(house, publication, opened.lifetime)
    assert len(data) == publication.size
    _require_anonymous(data, study, len(images))

    connection.execute("UPDATE published_studies SET save_till = now()")
    assert await expire(house.database) == 1
    assert await sweep(house.database, house.store) == 2
    assert (await house.opened(publication)).access is Access.EXPIRED
    assert [key for key in house.store.stored_keys() if ids.is_object_key(key)] == []


def _require_anonymous(data: bytes, study: list[FileDataset], instances: int) -> None:
    with ZipFile(BytesIO(data)) as archive:
        assert archive.testzip() is None
        members = {name: archive.read(name) for name in archive.namelist()}
    datasets = [dcmread(BytesIO(member)) for name, member in members.items() if name.startswith("DICOM/")]
    assert len(datasets) == instances
    assert {dataset.PatientIdentityRemoved for dataset in datasets} == {"YES"}
    searched = [*members.values(), "\n".join(members).encode(), data]
    for text in planted(study):
        for spelling in spellings(text):
            assert not [member for member in searched if spelling in member], text


@pytest.mark.parametrize("store_kind", ["local"], indirect=True)
async def test_what_the_pacs_has_not(house: House) -> None:
    assert isinstance(house.store, LocalStore)
    missing = await house.settled(await house.ask(accession_number="NONE-SUCH"), Status.FAILED)
    assert missing.error_code == "STUDY_NOT_FOUND"
    theirs = await house.settled(await house.ask(patient_id="2000000000001"), Status.FAILED)
    assert theirs.error_code == "PATIENT_MISMATCH"
    assert house.stored() == []
