"""An administrator sets what a clinic is, adds one, or gives one back to the configuration file."""

from dataclasses import dataclass

from studypub.config import Clinic, Config, Current
from studypub.config.current import changed_fields, document_of, edition, merged
from studypub.db import audit, clinics, logos, outbox
from studypub.db.clinics import Things
from studypub.db.database import Database, Transaction
from studypub.deid import profile
from studypub.errors import ClinicChanged, ClinicInUse, NotThere
from studypub.flows.note_choices import note_choice
from studypub.flows.take_clinics import take_clinics
from studypub.tls import contexts


@dataclass(frozen=True, slots=True)
class Editing:
    """Who changes a clinic, and by its `edition` what they have been looking at; it is empty where there was none."""

    actor: str
    edition: str


async def set_clinic(current: Current, database: Database, clinic: Clinic, editing: Editing) -> None:
    """Let this stand before the file's from now on, on every machine; the audit log names the fields that differ.

    Raises ClinicChanged where somebody else was quicker, ConfigError where it cannot be used, DatabaseUnavailable.
    """
    require_usable(clinic)
    async with database.transaction() as tx:
        before = await _seen(current, tx, clinic.code, editing)
        known = before.clinic(clinic.code)
        fields = changed_fields(known, clinic)
        if known is not None and not fields and clinic.code not in current.unusable:
            return
        await clinics.keep(tx, clinic.code, document_of(clinic), actor=editing.actor)
        action = "clinic.changed" if known else "clinic.added"
        await audit.append(tx, editing.actor, action, clinic.code, fields=", ".join(fields))
        await _follow(current, tx, clinic.code, editing.actor)
    await take_clinics(current, database)


async def give_clinic_back(current: Current, database: Database, code: str, editing: Editing) -> None:
    """Let the file say again what this clinic is; one that the file does not name is no more.

    Raises NotThere, ClinicChanged, ClinicInUse where something of a clinic is in use that would be no more.
    """
    in_file = current.file.clinic(code)
    async with database.transaction() as tx:
        before = (await _seen(current, tx, code, editing)).clinic(code)
        if in_file is None:
            _require_unused(await clinics.things(tx, code))
        if not await clinics.give_back(tx, code):
            raise NotThere(reason_ru="Такой клиники здесь нет.", reason_en="There is no such clinic here.")
        if in_file is None:
            await logos.drop(tx, code)  # another clinic may come to have this code
            await audit.append(tx, editing.actor, "clinic.removed", code)
        else:
            fields = ", ".join(changed_fields(before, in_file))
            await audit.append(tx, editing.actor, "clinic.given_back", code, fields=fields)
        await _follow(current, tx, code, editing.actor)
    await take_clinics(current, database)


def require_usable(clinic: Clinic) -> None:
    """Refuse what the types cannot know. Raises ConfigError."""
    profile.load(clinic.profile, clinic.also_remove)
    contexts.check_clinic(clinic)


async def _seen(current: Current, tx: Transaction, code: str, editing: Editing) -> Config:
    """Return what holds now, once nobody else changes it; it has to be what was looked at."""
    await clinics.lock(tx)
    now = await _standing(current, tx)
    if edition(now.clinic(code)) != editing.edition:
        raise ClinicChanged
    return now


async def _standing(current: Current, tx: Transaction) -> Config:
    return merged(current.file, await clinics.documents(tx), current.now)[0]


async def _follow(current: Current, tx: Transaction, code: str, actor: str) -> None:
    """Do with the change what a start of the daemon would do."""
    now = await _standing(current, tx)
    await outbox.push_to_fhir(tx, [clinic.code for clinic in now.clinics if clinic.fhir.url])
    if (clinic := now.clinic(code)) is not None:
        await note_choice(tx, clinic, actor=actor)


def _require_unused(things: Things) -> None:
    if any(things):
        raise ClinicInUse(**things._asdict())
