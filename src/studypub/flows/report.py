"""The report that a doctor wrote is put beside the images, and shown by their link."""

import asyncio
import hashlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from io import BytesIO
from typing import TYPE_CHECKING, Final
from uuid import UUID

from studypub.config import Clinic, Config
from studypub.core import ids
from studypub.core.clinics import only
from studypub.core.publication import Publication
from studypub.core.report import Clue, Report, clues
from studypub.core.task import Task
from studypub.db import audit, events, reports
from studypub.db.again import again_on_collision
from studypub.db.database import Database
from studypub.errors import NotThere, ReportNamesPatient, ReportsOff, ReportUnusable, Sentence, StorageUnavailable
from studypub.store.base import Store

if TYPE_CHECKING:
    from studypub.report import pdf

_CHUNK_BYTES: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class Written:
    """What a doctor wrote, as it came: a PDF, or text in UTF-8 that is yet to become one."""

    content: bytes = field(repr=False)
    is_text: bool


@dataclass(frozen=True, slots=True)
class Place:
    """A task that has a link or may come to one, of a clinic that puts reports beside images."""

    task: Task
    clinic: Clinic


def allowed(config: Config, clinic_code: str) -> Clinic | None:
    """Return the clinic where it puts reports beside images, else None."""
    clinic = config.clinic(clinic_code)
    return clinic if clinic is not None and clinic.report.allowed else None


async def place_for(config: Config, database: Database, task_id: UUID, *, clinic_code: str | None) -> Place:
    """Return where a report may come to. Raises NotThere, ReportsOff."""
    async with database.transaction() as tx:
        task = await reports.hold_task(tx, task_id, clinic_code=clinic_code)
    if task is None:
        raise _not_there()
    clinic = allowed(config, task.clinic_code)
    if clinic is None:
        raise ReportsOff
    return Place(task, clinic)


async def attach(
    database: Database, store: Store, place: Place, written: Written, *, accepted: bool, actor: str
) -> Report:
    """Show a report with what a task publishes, or has published, instead of the one before.

    `accepted`: it may name the patient. Raises NotThere, ReportUnusable, ReportNamesPatient, BucketIsPublic,
    StorageUnavailable, StorageRefused, StoredObjectDiffers.
    """
    cleaned = await asyncio.to_thread(_cleaned, written, place.clinic)
    found = clues(cleaned.text, _numbers(place.task))
    if found and not accepted:
        raise ReportNamesPatient(", ".join(found), **_told(found))
    async with database.transaction() as tx:
        report = Report(
            key=ids.new_report_key(place.clinic.storage_prefix),
            size=len(cleaned.content),
            sha256=hashlib.sha256(cleaned.content).digest(),
            pages=cleaned.pages,
            unread=cleaned.unread,
            clues=found,
            attached_at=await tx.now(),
        )
        await reports.add(tx, place.task.task_id, report)
    await asyncio.to_thread(_store, store, report, cleaned.content)
    return await _shown(database, place.task, report, accepted, actor)


@again_on_collision
async def detach(database: Database, task_id: UUID, *, actor: str, clinic_code: str | None) -> None:
    """Show no report any more, whether there was one or not; the next sweep deletes it. Raises NotThere."""
    async with database.transaction(actor) as tx:
        task = await reports.hold_task(tx, task_id, clinic_code=clinic_code)
        if task is None:
            raise _not_there()
        if await reports.detach(tx, task_id):
            await events.append(tx, task_id, "report_removed")
            await audit.append(tx, actor, "report.removed", str(task_id), accession_number=task.accession_number)


async def beside(config: Config, database: Database, publication: Publication) -> Report | None:
    """Return the report that is shown with a publication; none where its clinic does not allow that any more."""
    if allowed(config, publication.clinic_code) is None:
        return None
    async with database.seeing(only(publication.clinic_code)).transaction() as tx:
        return await reports.of_task(tx, publication.task_id)


async def stream(store: Store, report: Report) -> AsyncIterator[bytes]:
    """Yield the bytes of a report from whichever store, as fast as they are taken. Raises StorageUnavailable."""
    for start in range(0, report.size, _CHUNK_BYTES):
        yield await asyncio.to_thread(store.read, report.key, start, min(_CHUNK_BYTES, report.size - start))


@again_on_collision
async def _shown(database: Database, task: Task, report: Report, accepted: bool, actor: str) -> Report:
    async with database.transaction(actor) as tx:
        # From here on the task cannot end, and be forgotten, while a report comes to it.
        if await reports.hold_task(tx, task.task_id, clinic_code=task.clinic_code) is None:
            raise _not_there()
        attached = await reports.attach(tx, task.task_id, report.key)
        if attached is None:
            raise StorageUnavailable("the upload of the report was given up")
        await events.append(tx, task.task_id, "report_attached", pages=report.pages)
        await audit.append(
            tx,
            actor,
            "report.attached",
            str(task.task_id),
            accession_number=task.accession_number,
            pages=report.pages,
            unread=report.unread,
            clues=", ".join(report.clues),
            accepted=accepted,
        )
    return attached


def _cleaned(written: Written, clinic: Clinic) -> "pdf.Cleaned":
    # Few clinics have reports; to import this is a tenth of the start and of the memory.
    from studypub.report import letter, pdf  # noqa: PLC0415

    if not written.is_text:
        return pdf.clean(written.content)
    try:
        text = written.content.decode()
    except UnicodeDecodeError as error:
        raise ReportUnusable(reason_ru="текст не в UTF-8", reason_en="the text is not UTF-8") from error
    return pdf.clean(letter.typeset(text, clinic.name, clinic.phone))


def _store(store: Store, report: Report, content: bytes) -> None:
    """Store it where strangers cannot read it, and hold it against what it was."""
    store.check()
    sent = store.put(report.key, BytesIO(content))
    store.verify(report.key, sent, report.size, report.sha256)


def _numbers(task: Task) -> dict[Clue, str | None]:
    return {
        Clue.PATIENT_ID: task.patient_id,
        Clue.ACCESSION_NUMBER: task.accession_number,
        Clue.EMK_RECORD_ID: task.emk_record_id,
    }


def _told(found: tuple[Clue, ...]) -> dict[str, str]:
    sentences: list[Sentence] = [clue.sentence for clue in found]
    return {"what_ru": ", ".join(one.ru for one in sentences), "what_en": ", ".join(one.en for one in sentences)}


def _not_there() -> NotThere:
    return NotThere(
        reason_ru="Такого задания нет, или его ссылка закрыта.", reason_en="There is no such task, or its link closed."
    )
