"""We, and a PACS that behaves as told: what the tests of its faults have in common."""

from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from pydicom.dataset import FileDataset
from tests.peers.desk import ACCESSION, PATIENT, Desk, Outcome, facing_a_scripted_pacs
from tests.peers.pacs_behaviours import BEHAVIOURS
from tests.peers.scripted_pacs import ScriptedPacs
from tests.peers.studies import make_study


@dataclass
class Facing:
    """We, and the PACS that behaves as told."""

    desk: Desk
    pacs: ScriptedPacs
    study: list[FileDataset]
    other: list[FileDataset]

    def become(self, name: str, study: list[FileDataset] | None = None) -> None:
        self.pacs.become(BEHAVIOURS[name], study or self.study, self.other)

    async def fetch(self, name: str, study: list[FileDataset] | None = None) -> Outcome:
        """Make one attempt at the study, from a PACS of this behaviour."""
        self.become(name, study)
        return await self.desk.fetch()


@pytest.fixture(scope="session")
def study() -> list[FileDataset]:
    return make_study(patient_id=PATIENT, accession_number=ACCESSION, seed=700)


@pytest.fixture(scope="session")
def other() -> list[FileDataset]:
    """Another patient's study."""
    return make_study(patient_id="2000000000001", accession_number=f"{ACCESSION}2", seed=701, instances=2)


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Desk, ScriptedPacs]]:
    with facing_a_scripted_pacs(tmp_path_factory.mktemp("desk")) as opened:
        yield opened


@pytest.fixture
def facing(opened: tuple[Desk, ScriptedPacs], study: list[FileDataset], other: list[FileDataset]) -> Iterator[Facing]:
    """A desk with its usual settings, that knows one PACS."""
    desk, pacs = opened
    dicom, known = desk.dicom, desk.pacs
    desk.spool.unexpected()
    yield Facing(desk, pacs, study, other)
    desk.dicom, desk.pacs = dicom, known
