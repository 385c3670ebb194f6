"""The configuration says how a clinic's studies are de-identified; that it says something else now is audited."""

import msgspec

from studypub.config import Clinic
from studypub.db import audit, settings
from studypub.db.database import Database, Transaction


async def note_choices(database: Database, clinics: tuple[Clinic, ...]) -> None:
    """Write each clinic's choices down, and those that changed since the last start into the audit log."""
    async with database.transaction() as tx:
        for clinic in clinics:
            await note_choice(tx, clinic, actor="system")


async def note_choice(tx: Transaction, clinic: Clinic, *, actor: str) -> None:
    """Write one clinic's down, and into the audit log where they are others than before."""
    now = choices(clinic)
    before = await settings.swap_choices(tx, clinic.code, now)
    if before != now:
        await audit.append(tx, actor, "clinic.deidentification", clinic.code, before=before, now=now)


def choices(clinic: Clinic) -> dict[str, object]:
    """Return everything by which a clinic decides what of a study is published."""
    return {
        "profile": clinic.profile,
        "also_remove": sorted(clinic.also_remove),
        "pixels": msgspec.to_builtins(clinic.pixels),
    }
