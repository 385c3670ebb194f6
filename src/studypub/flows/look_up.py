"""A person asks what stands under a number, before anything is published."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass

from studypub.config import Clinic, Pacs
from studypub.core.finding import FoundStudy, choose_among, to_choose_from
from studypub.core.request import Earlier, PublishRequest
from studypub.db import tasks
from studypub.db.database import Database
from studypub.dicom.scu import PacsClient
from studypub.errors import AmbiguousAccession, PacsUnreachable, PatientMismatch, StudypubError
from studypub.flows.request import Answer, known

_SECONDS = 8.0
_AT_ONCE = 8


@dataclass(frozen=True, slots=True)
class Looked:
    """What there is under the number: what we know already, what the clinic's PACS have, and what is in the way.

    `earlier`: how it was asked for before, where it has to be asked for anew.
    """

    answer: Answer | None = None
    earlier: Earlier | None = None
    studies: tuple[FoundStudy, ...] = ()
    problem: StudypubError | None = None


class Lookups:
    """Asks PACSes while somebody waits: for a few seconds, and not for everybody at once."""

    def __init__(self, seconds: float = _SECONDS) -> None:
        self._seconds = seconds
        self._room = asyncio.Semaphore(_AT_ONCE)

    async def answers(
        self, clinic: Clinic, our_ae_title: str, accession_number: str
    ) -> AsyncGenerator[Sequence[FoundStudy] | StudypubError]:
        """Yield what each of the clinic's PACS has under the number, or why it says nothing: all are asked at once."""
        asking = [asyncio.create_task(self._answer(pacs, our_ae_title, accession_number)) for pacs in clinic.every_pacs]
        try:
            for one in asking:
                yield await one
        finally:
            for one in asking:
                one.cancel()

    async def _answer(
        self, pacs: Pacs, our_ae_title: str, accession_number: str
    ) -> Sequence[FoundStudy] | StudypubError:
        client = PacsClient(pacs, our_ae_title)
        try:
            async with asyncio.timeout(self._seconds):
                return await self._in_thread(lambda: client.find_studies(accession_number))
        except TimeoutError:
            return PacsUnreachable("silence", pacs=pacs.ae_title, address=f"{pacs.host}:{pacs.port}")
        except StudypubError as error:
            return error
        finally:
            client.abort()

    async def _in_thread(self, ask: Callable[[], list[FoundStudy]]) -> list[FoundStudy]:
        await self._room.acquire()
        asking = asyncio.get_running_loop().run_in_executor(None, ask)
        asking.add_done_callback(self._leave)
        # A thread in somebody else's network cannot be stopped: its room stays taken until it comes back.
        return await asyncio.shield(asking)

    def _leave(self, asking: "asyncio.Future[list[FoundStudy]]") -> None:
        self._room.release()
        if not asking.cancelled():
            asking.exception()  # has been told to whoever waited; nobody may be left


async def look_up(
    database: Database, lookups: Lookups, clinic: Clinic, our_ae_title: str, asked: PublishRequest
) -> Looked:
    """Say what would happen if this were published now; changes nothing."""
    async with database.transaction() as tx:
        answer = await known(tx, asked)
        earlier = None if answer else await tasks.earlier(tx, asked)
    if answer is not None:
        return Looked(answer)
    identity = {"patient_id": asked.patient_id, "accession_number": asked.accession_number}
    answers: list[Sequence[FoundStudy] | StudypubError] = []
    problem: StudypubError | None = None
    async with aclosing(lookups.answers(clinic, our_ae_title, asked.accession_number)) as heard:
        async for one in heard:  # nobody waits for those after the one that serves
            answers.append(one)
            try:
                _, study = choose_among(answers, **identity)
                return Looked(earlier=earlier, studies=(study,))
            except StudypubError as error:
                problem = error
            if isinstance(problem, AmbiguousAccession):
                break
    if not isinstance(problem, AmbiguousAccession | PatientMismatch):
        return Looked(earlier=earlier, problem=problem)
    found = [study for answer in answers if not isinstance(answer, StudypubError) for study in answer]
    return Looked(earlier=earlier, studies=to_choose_from(found, **identity), problem=problem)
