"""The study is looked for in the PACS of its clinic."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from studypub.core.finding import FoundStudy, choose_among
from studypub.core.task import Task
from studypub.core.wanted import Contents
from studypub.dicom.scu import PacsClient
from studypub.errors import StudypubError


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
    """Find exactly the study asked for in a PACS and list its instances.

    Raises StudyNotFound, AmbiguousAccession, PatientMismatch and what the PACS's refusals raise.
    """
    _, found = await find_among([pacs], task, {})
    return found


async def find_among(
    clients: Sequence[PacsClient], task: Task, refusals: dict[int, StudypubError]
) -> tuple[int, Found]:
    """Find the study in the first of a clinic's PACS that has it; return the number of that PACS, too.

    Those that have a refusal are not asked; what those say who are asked and refuse is added. Raises as `find` does.
    """

    def answer(number: int) -> Sequence[FoundStudy] | StudypubError:
        if number not in refusals:
            try:
                return clients[number].find_studies(task.accession_number)
            except StudypubError as error:
                refusals[number] = error
        return refusals[number]

    def first() -> tuple[int, FoundStudy]:
        return choose_among(
            map(answer, range(len(clients))),
            patient_id=task.patient_id,
            accession_number=task.accession_number,
            chosen=task.chosen_study_uid,
        )

    number, study = await asyncio.to_thread(first)
    instances = await asyncio.to_thread(clients[number].list_instances, study.study_instance_uid)
    return number, Found(study, Contents(tuple(instances) if instances is not None else None, study.instances))
