"""A study with something of every kind, published into each kind of store and served there."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from dicomweb_client.api import DICOMwebClient
from pydicom import dcmread
from pydicom.dataset import FileDataset
from pydicom.uid import NuclearMedicineImageStorage, RLELossless
from tests.peers import panel
from tests.peers.archives import members
from tests.peers.database import connection, database, database_url, migrated
from tests.peers.house import ACCESSION, PATIENT, House, open_house
from tests.peers.postgres import postgres_server
from tests.peers.queue import QueueWatch, queue_watch
from tests.peers.s3 import S3Server, radosgw
from tests.peers.studies import make_study

from studypub.core.archive_format import ArchiveFormat
from studypub.core.publication import Publication
from studypub.db.database import Database
from studypub.store.s3 import S3Store

__all__ = ["connection", "database", "database_url", "migrated", "postgres_server", "queue_watch", "radosgw"]

FRAMES = 5


def study() -> list[FileDataset]:
    """Return a CT of two series, one of them compressed, and an instance of several frames."""
    raw = make_study(patient_id=PATIENT, accession_number=ACCESSION, seed=960, instances=70)
    packed = make_study(
        patient_id=PATIENT, accession_number=ACCESSION, seed=961, instances=2, transfer_syntax=RLELossless
    )
    (frames,) = make_study(patient_id=PATIENT, accession_number=ACCESSION, seed=962, instances=1)
    frames.SOPClassUID = frames.file_meta.MediaStorageSOPClassUID = NuclearMedicineImageStorage
    frames.Modality, frames.NumberOfFrames = "NM", FRAMES
    frames.Rows, frames.Columns, frames.BitsAllocated = 64, 48, 16
    frames.BitsStored, frames.HighBit, frames.SamplesPerPixel, frames.PixelRepresentation = 12, 11, 1, 0
    frames.PhotometricInterpretation = "MONOCHROME2"
    frames.PixelData = np.random.default_rng(1).integers(0, 4096, (FRAMES, 64, 48), dtype="<u2").tobytes()
    for dataset in (*packed, frames):
        for keyword in ("PatientID", "PatientName", "AccessionNumber", "StudyInstanceUID", "StudyDate"):
            setattr(dataset, keyword, getattr(raw[0], keyword))
    return [*raw, *packed, frames]


@dataclass
class Shown:
    """A publication, what stands in its archive, and where it is asked for."""

    house: House
    publication: Publication
    originals: list[FileDataset]
    archived: dict[str, tuple[FileDataset, bytes]]
    root: str

    @property
    def client(self) -> DICOMwebClient:
        return DICOMwebClient(url=self.root)


@pytest.fixture(params=["local", pytest.param("s3", marks=pytest.mark.peer)])
async def shown(
    request: pytest.FixtureRequest, database: Database, queue_watch: QueueWatch, tmp_path: Path
) -> AsyncIterator[Shown]:
    """Publish the study in each kind of store, and serve it."""
    originals = study()
    async with open_house(database, queue_watch, tmp_path, originals) as house:
        house.set("preview", images_per_series=20)
        if request.param == "s3":
            server: S3Server = request.getfixturevalue("radosgw")
            house.means = replace(house.means, store=S3Store(server.config(server.new_bucket())))
        if request.param in tuple(ArchiveFormat):
            house.set_clinic(archive_format=request.param)
        _, publication = await house.published()
        archive = house.store.read(publication.object_key, 0, publication.size)
        files = [content for name, content in members(archive).items() if name.startswith("DICOM/")]
        archived = {str(one.SOPInstanceUID): (one, file) for file in files for one in [dcmread(BytesIO(file))]}
        async with panel.serve(database, tmp_path, store=house.store) as served:
            root = f"{served.address}/s/{publication.token}/dicomweb"
            yield Shown(house, publication, originals, archived, root)
