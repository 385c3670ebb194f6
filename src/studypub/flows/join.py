"""A daemon takes its place among the machines that share the database, or is told why there is none for it."""

import asyncio
import hashlib
import logging
from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from io import BytesIO
from uuid import uuid4

import msgspec

from studypub.config import Config
from studypub.core.machines import Collision, Kind, Machine, beats, collision
from studypub.db import machines
from studypub.db.database import Database, Transaction
from studypub.errors import Refused, StudypubError
from studypub.flows.note_choices import choices
from studypub.store.base import Store

log = logging.getLogger(__name__)

_LOOK_SECONDS = 1.0
_FORGOTTEN_AFTER = timedelta(days=30)


class NoPlace(Refused):
    """Another machine that lives has what this one would need for itself, or keeps its archives elsewhere."""

    code = "MACHINE_REFUSED"


def shared_settings(config: Config) -> dict[str, str]:
    """Return digests of what has to be the same on all machines, by section: how a study is published, and kept."""
    shared: dict[str, object] = {
        "server.public_url": config.server.base_url,
        "retention": config.retention,
        "preview": config.preview,
        "clinics": {clinic.code: choices(clinic) for clinic in config.clinics},
    }
    return {name: hashlib.sha256(msgspec.json.encode(value)).hexdigest() for name, value in shared.items()}


async def join(database: Database, me: Machine) -> Machine:
    """Take our place and return what we are known by, which is new where our folder is a copy of one in use.

    Whoever is in the way may have died a moment ago: we wait until it beats or is silent for too long.
    Raises NoPlace, DatabaseUnavailable.
    """
    met: Collision | None = None
    while True:
        async with database.transaction() as tx:
            await machines.lock(tx)
            found = collision(me, await machines.known(tx), await tx.now())
            if found is None:
                await machines.enter(tx, me)
                return me
        if met is None or met.other.run != found.other.run:
            log.warning("Место занято машиной %s, смотрим, работает ли она", _called(found.other))
            met = found
        elif beats(met, found):
            if found.kind is Kind.AE_TITLE:
                raise _same_ae_title(found.other)
            log.warning("Папка данных — копия папки машины %s: берём имя для заданий заново", _called(found.other))
            me, met = replace(me, machine_id=uuid4()), None
            continue
        await asyncio.sleep(_LOOK_SECONDS)


async def enter(database: Database, me: Machine) -> Machine:
    """Take our place where nobody else can be: in a database that is ours alone. Raises DatabaseUnavailable."""
    async with database.transaction() as tx:
        await machines.enter(tx, me)
    return me


async def mark_storage(database: Database, store: Store, me: Machine) -> None:
    """Put an object into the storage by which others see that it is theirs too, and look for theirs in ours.

    What a configuration calls a bucket proves nothing; a copied bucket holds no mark of a run that began since.
    Raises NoPlace, and as the store and the database do.
    """
    key = f"machine-{me.run}"
    await asyncio.to_thread(store.put, key, BytesIO(b"studypub\n"))
    seen: set[str] = set()
    unseen, before = await _write_down(database, me, key, seen)
    while unseen:
        seen |= await _found(database, store, me, unseen)
        unseen, before = await _write_down(database, me, key, seen)
    if before is not None and before != key:
        with suppress(StudypubError):  # a few bytes stay
            await asyncio.to_thread(store.delete, before)


async def _write_down(
    database: Database, me: Machine, key: str, seen: Collection[str]
) -> tuple[dict[str, Machine], str | None]:
    """Write our mark down unless there are some that we have not seen; return these, or our own one before."""
    async with database.transaction() as tx:
        await machines.lock(tx)  # of two that look at once, one finds the other's
        unseen = await _marks(tx, me, seen)
        return unseen, None if unseen else await machines.mark(tx, me, key)


async def _found(database: Database, store: Store, me: Machine, marks: Mapping[str, Machine]) -> set[str]:
    """Return those of the marks that are in the storage. Raises NoPlace where one is not, and has not been replaced."""
    found = {mark for mark in marks if await asyncio.to_thread(store.size, mark) is not None}
    if found != marks.keys():
        async with database.transaction() as tx:
            still = await _marks(tx, me, found)
        for mark in marks.keys() & still.keys():
            await asyncio.to_thread(store.delete, f"machine-{me.run}")
            raise _another_storage(still[mark])
    return found


async def _marks(tx: Transaction, me: Machine, seen: Collection[str]) -> dict[str, Machine]:
    """Return the marks of other machines that live, save those we have seen."""
    now, known = await tx.now(), await machines.known(tx)
    return {
        one.mark: one for one in known if one.mark and one.mark not in seen and one.run != me.run and one.lives(now)
    }


async def forget_silent(database: Database, store: Store) -> int:
    """Forget machines that have been silent for a month, and remove their marks; return how many had one."""
    async with database.transaction() as tx:
        marks = await machines.forget(tx, age=_FORGOTTEN_AFTER)
    for mark in marks:
        await asyncio.to_thread(store.delete, mark)
    return len(marks)


async def require_none_elsewhere(database: Database, place: str) -> None:
    """Refuse what must not be done while a machine works with the database; at our place none does, we hold its lock.

    Raises NoPlace, DatabaseUnavailable.
    """
    async with database.transaction() as tx:
        now = await tx.now()
        living = [one for one in await machines.known(tx) if one.lives(now) and one.place != place]
    if living:
        names = ", ".join(_called(one) for one in living)
        raise NoPlace(
            reason_ru=f"С этой базой работает studypub на машине {names}. Остановите его везде; после сбоя подождите "
            "полминуты.",
            reason_en=f"studypub works with this database on {names}. Stop it everywhere; after a crash wait for half "
            "a minute.",
        )


def _called(machine: Machine) -> str:
    return f"{machine.name} ({machine.ae_title})"


def _same_ae_title(other: Machine) -> NoPlace:
    return NoPlace(
        reason_ru=f"AE title {other.ae_title} уже у машины {other.name}, которая работает с этой же базой. Дайте "
        "каждой машине свой [dicom] ae_title и зарегистрируйте его в PACS.",
        reason_en=f"{other.name}, which works with the same database, has the AE title {other.ae_title}. Give each "
        "machine a [dicom] ae_title of its own, and register it with the PACS.",
    )


def _another_storage(other: Machine) -> NoPlace:
    return NoPlace(
        reason_ru=f"Хранилище не то, с которым работает машина {_called(other)}: её отметки в нём нет. Нескольким "
        'машинам нужен один бакет: [storage] kind = "s3" с теми же endpoint, bucket и prefix на каждой.',
        reason_en=f"The storage is not that of {_called(other)}: its mark is not there. Several machines need one "
        'bucket: [storage] kind = "s3" with the same endpoint, bucket and prefix on each.',
    )
