"""Finding and fetching as the worker does it, with a real listener and a real spool, and without a database."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import msgspec
from tests.peers.scripted_pacs import ScriptedPacs

from studypub.config import Dicom, Pacs
from studypub.core.publication import Part
from studypub.core.task import Origin, Status, Task
from studypub.dicom.caller import Patience
from studypub.dicom.kept import SpooledInstance
from studypub.dicom.scp import KnownPeers, StorageScp
from studypub.dicom.scu import PacsClient
from studypub.dicom.spool import Spool, StudyIsBusy
from studypub.errors import StudypubError
from studypub.flows.find import Found, find
from studypub.flows.retrieve import Progress, Retrieved, Way, retrieve

PATIENT, ACCESSION = "1000001158664", "KP125706548L"
OTHER_HOST, OTHER_TITLE = "127.0.0.2", "OTHER"  # another PACS, which we know too
NOW = datetime(2025, 2, 1, 12, tzinfo=UTC)
# Short enough for a test, long enough for a slow machine.
QUICK = Dicom(
    host="127.0.0.1",
    connect_seconds=3.0,
    search_timeout_seconds=3.0,
    quiet_seconds=0.3,
    stall_seconds=1.0,
    retrieve_timeout_seconds=15.0,
)


def task(accession_number: str = ACCESSION, patient_id: str = PATIENT) -> Task:
    """Return a task as a worker has claimed it."""
    return Task(
        task_id=uuid4(),
        clinic_code="c",
        patient_id=patient_id,
        accession_number=accession_number,
        emk_record_id=None,
        service_code=None,
        service_title=None,
        archive_format=None,
        origin=Origin.MIS,
        requested_by="key:abcdefgh",
        requested_date=None,
        requested_till=None,
        till_was_cut=False,
        status=Status.SEARCHING,
        attempt=1,
        crashes=0,
        due_at=NOW,
        search_until=NOW,
        lease_token=uuid4(),
        study_instance_uid=None,
        study_date=None,
        modalities=(),
        received=0,
        received_bytes=0,
        expected=None,
        left_out=(),
        covered=0,
        chosen_study_uid=None,
        partial_reason=None,
        faces=0,
        error_code=None,
        error_text=None,
        created_at=NOW,
        updated_at=NOW,
    )


@dataclass
class Outcome:
    """What came of an attempt: the instances that would be published, or why there are none."""

    instances: list[SpooledInstance] = field(default_factory=list)
    part: Part | None = None
    error: StudypubError | StudyIsBusy | None = None

    @property
    def uids(self) -> set[str]:
        return {instance.sop_instance_uid for instance in self.instances}

    @property
    def said(self) -> tuple[str, str]:
        """The error's class and the English sentence."""
        assert isinstance(self.error, StudypubError), self
        return type(self.error).__name__, self.error.sentence.en

    @property
    def retry(self) -> bool:
        assert isinstance(self.error, StudypubError), self
        return self.error.retry


@dataclass
class Desk:
    """Our side: a listener, a spool and settings."""

    scp: StorageScp
    spool: Spool
    folder: Path
    dicom: Dicom
    pacs: Pacs

    def set(self, **values: Any) -> None:
        self.dicom = msgspec.structs.replace(self.dicom, **values)

    def client(self) -> PacsClient:
        patience = Patience(
            self.dicom.connect_seconds, self.dicom.search_timeout_seconds, self.dicom.retrieve_timeout_seconds
        )
        return PacsClient(self.pacs, self.dicom.ae_title, patience)

    async def fetch(self, wanted: Task | None = None, progress: Progress | None = None) -> Outcome:
        """Make one attempt at a task, as carry_out does up to the point where all has been received."""
        wanted = wanted or task()
        client = self.client()
        try:
            found = await find(client, wanted)
            retrieved = await self.retrieve(client, wanted, found, progress or Progress())
            return Outcome(retrieved.instances, retrieved.part)
        except (StudypubError, StudyIsBusy) as error:
            return Outcome(error=error)
        finally:
            client.abort()

    async def retrieve(self, client: PacsClient, wanted: Task, found: Found, progress: Progress) -> Retrieved:
        wanted = replace(wanted, study_instance_uid=found.study.study_instance_uid)
        with self.spool.task_folder(wanted.task_id) as folder:
            way = Way(self.pacs, client, self.dicom, self.spool)
            return await retrieve(way, wanted, found, folder, progress)

    def kept(self, task_id: UUID) -> list[Path]:
        """Return the files that a task has received."""
        return sorted((self.folder / "spool" / f"task-{task_id}").glob("*.dcm"))


@contextmanager
def open_desk(
    folder: Path, pacs_title: str, pacs_port: int, *, scp_port: int = 0, spool: Spool | None = None
) -> Iterator[Desk]:
    """Listen, and know one PACS."""
    spool = spool or Spool(folder / "spool", reserve=0)
    spool.open()
    scp = StorageScp(
        "STUDYPUB",
        "127.0.0.1",
        scp_port,
        peers=KnownPeers(["127.0.0.1", OTHER_HOST]),
        peer_ae_titles=[pacs_title, OTHER_TITLE],
        spool=spool,
    )
    scp.start()
    try:
        pacs = Pacs(ae_title=pacs_title, host="127.0.0.1", port=pacs_port)
        yield Desk(scp, spool, folder, msgspec.structs.replace(QUICK, port=scp.port), pacs)
    finally:
        scp.stop()


@contextmanager
def facing_a_scripted_pacs(folder: Path) -> Iterator[tuple[Desk, ScriptedPacs]]:
    """Open a desk that knows one scripted PACS, which can become any other."""
    with open_desk(folder, ScriptedPacs.ae_title, 1) as desk:
        pacs = ScriptedPacs(("127.0.0.1", desk.scp.port))
        pacs.start()
        desk.pacs = msgspec.structs.replace(desk.pacs, port=pacs.port)
        try:
            yield desk, pacs
        finally:
            pacs.stop()
