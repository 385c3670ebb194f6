"""The study is looked for in the PACS."""

import asyncio
from dataclasses import dataclass

from studypub.core.finding import FoundStudy, choose
from studypub.core.task import Task
from studypub.core.wanted import Contents
from studypub.dicom.scu import PacsClient


@dataclass(frozen=True, slots=True)
class Found:
    """The study asked for, and what the PACS says it holds."""

    study: FoundStudy
    contents: Contents

    @property
    def count(self) -> int | None:
        """How many instances the PACS says the study has; None where it does not say."""
        return self.contents.number


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
    return Found(study, Contents(tuple(instances) if instances is not None else None, study.instances))
