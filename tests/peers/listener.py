"""Our Storage SCP as the tests run it, and what a sender needs to misuse it."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

from pydicom.dataset import Dataset, FileDataset
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_dataset
from pydicom.uid import UID, CTImageStorage, ExplicitVRLittleEndian
from pynetdicom import AE, build_context, evt
from pynetdicom.association import Association
from pynetdicom.dimse_primitives import C_STORE

from studypub.dicom.reception import Reception
from studypub.dicom.scp import KnownPeers, Limits, StorageScp
from studypub.dicom.secure import SecurePort
from studypub.dicom.spool import Spool
from studypub.dicom.waiting import leave_answers
from studypub.metrics import Metrics


@dataclass
class Listener:
    """A running SCP, its spool and the folder that a study is received into."""

    scp: StorageScp
    spool: Spool
    folder: Path
    metrics: Metrics

    @contextmanager
    def expecting(self, study: list[FileDataset]) -> Iterator[Reception]:
        with self.spool.reception(study[0].StudyInstanceUID, self.folder) as reception:
            yield reception

    @contextmanager
    def associated(self, *syntaxes: str, sop_class: str = CTImageStorage) -> Iterator[Association]:
        contexts = [build_context(sop_class, [syntax]) for syntax in syntaxes or (ExplicitVRLittleEndian,)]
        handlers: list[Any] = [(evt.EVT_CONN_OPEN, leave_answers)]
        association = AE("PACS").associate("127.0.0.1", self.scp.port, contexts, "STUDYPUB", evt_handlers=handlers)
        yield association
        association.release()

    def files(self) -> list[Path]:
        return sorted(path for path in self.folder.parent.rglob("*") if path.is_file())


@contextmanager
def listening(
    folder: Path,
    *,
    peers: KnownPeers | None = None,
    limits: Limits = Limits(),  # noqa: B008 - it is frozen
    secure: SecurePort | None = None,
    plain: bool = True,
) -> Iterator[Listener]:
    """Run the SCP on a port of its own; the port that speaks TLS is the last one."""
    spool = Spool(folder / "spool", reserve=0)
    spool.open()
    known, metrics = peers or KnownPeers(["127.0.0.1"]), Metrics()
    scp = StorageScp(
        "STUDYPUB",
        "127.0.0.1",
        0 if plain else None,
        peers=known,
        peer_ae_titles=["PACS", "STORESCU"],
        spool=spool,
        limits=limits,
        secure=secure,
        metrics=metrics,
    )
    scp.start()
    try:
        with spool.work_folder("task") as work:
            yield Listener(scp, spool, work, metrics)
    finally:
        scp.stop()
    assert not scp.is_listening()


def encoded(dataset: Dataset, *, implicit: bool = False) -> bytes:
    buffer = DicomBytesIO()
    buffer.is_little_endian, buffer.is_implicit_VR = True, implicit
    write_dataset(buffer, dataset)
    return buffer.getvalue()


def send(association: Association, dataset: bytes, *, uid: str, sop_class: str = CTImageStorage) -> int:
    """Send these very bytes under this UID, whatever the data set says; return the status."""
    request = C_STORE()
    request.MessageID, request.Priority = 1, 2
    request.AffectedSOPClassUID, request.AffectedSOPInstanceUID = UID(sop_class), UID(uid)
    request.DataSet = BytesIO(dataset)
    (context, *_) = association.accepted_contexts
    association._reactor_checkpoint.clear()
    association.dimse.send_msg(request, context.context_id or 1)
    _, answer = association.dimse.get_msg(block=True)
    association._reactor_checkpoint.set()
    assert answer is not None
    assert answer.Status is not None
    return answer.Status


def header(study_uid: str, instance_uid: str, sop_class: str = CTImageStorage) -> bytes:
    """Write a data set of three elements by hand, so that nothing checks them on our side."""
    elements = ((0x0008, 0x0016, sop_class), (0x0008, 0x0018, instance_uid), (0x0020, 0x000D, study_uid))
    written = b""
    for group, element, value in elements:
        raw = value.encode("latin-1")
        raw += b"\0" * (len(raw) % 2)
        written += group.to_bytes(2, "little") + element.to_bytes(2, "little") + b"UI"
        written += len(raw).to_bytes(2, "little") + raw
    return written
