"""A publication is closed before its date, or kept for longer."""

from collections.abc import Awaitable, Collection
from datetime import datetime, timedelta
from uuid import UUID

from studypub.core.publication import Publication
from studypub.core.task import Event
from studypub.db import audit, events, studies, tasks
from studypub.db.again import again_on_collision
from studypub.db.database import Database, Transaction
from studypub.errors import NotThere, Refused


@again_on_collision
async def withdraw(database: Database, study_id: UUID, *, actor: str, clinic_code: str | None) -> Publication:
    """Close the link at once; the archive is deleted by the next sweep. Raises Refused."""
    async with database.transaction(actor) as tx:
        return await _required(_withdraw(tx, study_id, actor, clinic_code))


@again_on_collision
async def withdraw_all(
    database: Database, study_ids: Collection[UUID], *, actor: str, clinic_code: str | None
) -> list[Publication]:
    """Close these links, all or none; what is closed already, or not there, is passed over."""
    async with database.transaction(actor) as tx:
        closed = [await _withdraw(tx, study_id, actor, clinic_code) for study_id in study_ids]
        return [publication for publication in closed if publication]


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
    async with database.transaction(actor) as tx:
        await _required(studies.find(tx, study_id, clinic_code=clinic_code))
        await _require_sensible(tx, save_till, longest)
        return await _required(_keep(tx, study_id, save_till, actor, clinic_code))


@again_on_collision
async def keep_all(
    database: Database,
    study_ids: Collection[UUID],
    save_till: datetime,
    *,
    longest: timedelta,
    actor: str,
    clinic_code: str | None,
) -> list[Publication]:
    """Change the date of these, all or none; what is closed is passed over. Raises Refused."""
    async with database.transaction(actor) as tx:
        await _require_sensible(tx, save_till, longest)
        kept = [await _keep(tx, study_id, save_till, actor, clinic_code) for study_id in study_ids]
        return [publication for publication in kept if publication]


async def _withdraw(tx: Transaction, study_id: UUID, actor: str, clinic_code: str | None) -> Publication | None:
    if not await studies.find(tx, study_id, clinic_code=clinic_code):
        return None
    publication = await studies.withdraw(tx, study_id)
    if publication:
        await tasks.close_with_study(tx, publication.task_id, Event.CANCEL)
        await _audit(tx, actor, "study.withdrawn", publication)
    return publication


async def _keep(
    tx: Transaction, study_id: UUID, save_till: datetime, actor: str, clinic_code: str | None
) -> Publication | None:
    if not await studies.find(tx, study_id, clinic_code=clinic_code):
        return None
    publication = await studies.keep_until(tx, study_id, save_till)
    if publication:
        await events.append(tx, publication.task_id, "kept", save_till=save_till.isoformat())
        await _audit(tx, actor, "study.kept_until", publication)
    return publication


async def _require_sensible(tx: Transaction, save_till: datetime, longest: timedelta) -> None:
    now = await tx.now()
    if not now < save_till <= now + longest:
        raise Refused(
            reason_ru=f"Срок хранения должен быть в будущем и не дальше {longest.days} дней.",
            reason_en=f"The date must be in the future and at most {longest.days} days away.",
        )


async def _audit(tx: Transaction, actor: str, action: str, publication: Publication) -> None:
    await audit.append(
        tx,
        actor,
        action,
        str(publication.study_id),
        accession_number=publication.accession_number,
        save_till=publication.save_till.isoformat(),
    )


async def _required(search: Awaitable[Publication | None]) -> Publication:
    publication = await search
    if publication is None:
        raise NotThere(reason_ru="Такой открытой публикации нет.", reason_en="There is no such open publication.")
    return publication
