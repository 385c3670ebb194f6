"""The study is looked for in the PACS."""

import asyncio
from dataclasses import dataclass

from studypub.core.finding import FoundStudy, ListedInstance, choose
from studypub.core.task import Task
from studypub.dicom.scu import PacsClient


@dataclass(frozen=True, slots=True)
class Found:
    """The study asked for. `instances` is None where the PACS only counts them."""

    study: FoundStudy
    instances: tuple[ListedInstance, ...] | None

    @property
    def uids(self) -> frozenset[str]:
        """The SOP Instance UIDs that the PACS lists; empty where it lists none."""
        return frozenset(instance.sop_instance_uid for instance in self.instances or ())

    @property
    def count(self) -> int | None:
        """How many instances the PACS says the study has; None where it does not say."""
        return len(self.uids) if self.instances is not None else self.study.instances


async def find(pacs: PacsClient, task: Task) -> Found:
    """Find exactly the study asked for and list its instances.

    Raises StudyNotFound, AmbiguousAccession, PatientMismatch and what the PACS's refusals raise.
    """
    studies = await asyncio.to_thread(pacs.find_studies, task.accession_number)
    study = choose(
        studies,
        patient_id=task.patient_id,
        accession_number=task.accession_number,
        chosen=task.chosen_study_uid,
    )
    instances = await asyncio.to_thread(pacs.list_instances, study.study_instance_uid)
    return Found(study, tuple(instances) if instances is not None else None)
