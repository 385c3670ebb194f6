"""A publication is closed before its date, or kept for longer."""

from collections.abc import Awaitable
from datetime import datetime, timedelta
from uuid import UUID

from studypub.core.publication import Publication
from studypub.core.task import Event
from studypub.db import audit, studies, tasks
from studypub.db.again import again_on_collision
from studypub.db.database import Database, Transaction
from studypub.errors import Refused


@again_on_collision
async def withdraw(database: Database, study_id: UUID, *, actor: str, clinic_code: str | None) -> Publication:
    """Close the link at once; the archive is deleted by the next sweep. Raises Refused."""
    async with database.transaction() as tx:
        await _require(studies.find(tx, study_id, clinic_code=clinic_code))
        publication = await _require(studies.withdraw(tx, study_id))
        await tasks.close_with_study(tx, publication.task_id, Event.CANCEL)
        await _audit(tx, actor, "study.withdrawn", publication)
        return publication


@again_on_collision
async def keep_until(
    database: Database,
    study_id: UUID,
    save_till: datetime,
    *,
    longest: timedelta,
    actor: str,
    clinic_code: str | None,
) -> Publication:
    """Change the date on which the study is deleted, at most `longest` from now. Raises Refused."""
    async with database.transaction() as tx:
        await _require(studies.find(tx, study_id, clinic_code=clinic_code))
        now = await tx.now()
        if not now < save_till <= now + longest:
            raise Refused(
                reason_ru=f"Срок хранения должен быть в будущем и не дальше {longest.days} дней.",
                reason_en=f"The date must be in the future and at most {longest.days} days away.",
            )
        publication = await _require(studies.keep_until(tx, study_id, save_till))
        await _audit(tx, actor, "study.kept_until", publication)
        return publication


async def _audit(tx: Transaction, actor: str, action: str, publication: Publication) -> None:
    await audit.append(
        tx,
        actor,
        action,
        str(publication.study_id),
        accession_number=publication.accession_number,
        save_till=publication.save_till.isoformat(),
    )


async def _require(search: Awaitable[Publication | None]) -> Publication:
    publication = await search
    if publication is None:
        raise Refused(reason_ru="Такой открытой публикации нет.", reason_en="There is no such open publication.")
    return publication
