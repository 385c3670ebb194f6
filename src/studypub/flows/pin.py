"""A link asks for a PIN, where its publication has one."""

from datetime import timedelta
from typing import Final
from uuid import UUID

from studypub.core import access
from studypub.core.publication import Publication
from studypub.core.throttle import PIN_BY_ADDRESS, PIN_OF_LINK, network_of
from studypub.db import audit, events, studies, throttle
from studypub.db.database import Database
from studypub.errors import Refused, TooManyTries
from studypub.flows import passwords

UNLOCKED_FOR: Final = timedelta(hours=12)


async def unlock(database: Database, publication: Publication, pin: str, address: str) -> str | None:
    """Return the proof that the PIN was entered, or None where it is wrong.

    Raises TooManyTries: a PIN is short, so that guessing is limited for the link and for the address.
    """
    if publication.pin_hash is None:
        return None
    counted = ((PIN_BY_ADDRESS, network_of(address)), (PIN_OF_LINK, str(publication.study_id)))
    for limit, subject in counted:
        async with database.transaction() as tx:
            if not await throttle.spend(tx, limit, subject):
                raise TooManyTries(await throttle.wait(tx, limit, subject))
    if not await passwords.fits(publication.pin_hash, pin.strip(), patient=False):
        return None
    async with database.transaction() as tx:
        for limit, subject in counted:
            await throttle.refund(tx, limit, subject)
        return access.proof(publication, await tx.now() + UNLOCKED_FOR)


async def is_right(publication: Publication, pin: str) -> bool:
    """Whether this is the link's PIN, for somebody who may set another. Raises TooManyTries."""
    return publication.pin_hash is not None and await passwords.fits(publication.pin_hash, pin, patient=False)


async def set_pin(
    database: Database, study_id: UUID, pin: str | None, *, actor: str, clinic_code: str | None
) -> Publication:
    """Give an open publication a PIN, or take it away; whoever has entered the old one is asked again.

    Raises Refused where the asker sees no such publication, or it is closed.
    """
    pin_hash, change = (await passwords.hashed(pin), "pin_set") if pin else (None, "pin_removed")
    async with database.transaction(actor) as tx:
        publication = await studies.set_pin(tx, study_id, pin_hash, clinic_code=clinic_code)
        if publication is None:
            raise Refused(reason_ru="Публикация уже закрыта.", reason_en="The publication is closed already.")
        await events.append(tx, publication.task_id, change)
        await audit.append(tx, actor, f"study.{change}", str(study_id))
    return publication
