"""Values that an administrator sets while the daemon runs; they stand before the configuration file."""

from datetime import datetime
from typing import NamedTuple

from psycopg.types.json import Jsonb

from studypub.core.rights import UNLESS_SET, Right
from studypub.db.database import Transaction

RETENTION_DEFAULT_DAYS = "retention.default_days"
RIGHTS_OF_REGISTRATORS = "rights.registrator"
_BACKED_UP = "backup.newest"


class BackedUp(NamedTuple):
    """When, by which machine and into which of its folders the daemon made its newest backup."""

    at: datetime
    machine: str
    folder: str


async def integer(tx: Transaction, name: str, otherwise: int) -> int:
    """Return a setting, or what holds where nobody set it."""
    row = await tx.one("setting", name=name)
    return int(row["value"]) if row else otherwise


async def set_integer(tx: Transaction, name: str, value: int) -> None:
    """Set it."""
    await tx.run("set_setting", name=name, value=Jsonb(value))


async def swap_choices(tx: Transaction, clinic_code: str, choices: dict[str, object]) -> dict[str, object] | None:
    """Write down how a clinic's studies are de-identified; return what was written before, None where nothing was."""
    name = f"deidentification.{clinic_code}"
    row = await tx.one("setting", name=name)
    await tx.run("set_setting", name=name, value=Jsonb(choices))
    return row["value"] if row else None


async def rights_of_registrators(tx: Transaction) -> frozenset[Right]:
    """Return what registrators have been granted; a right that this version does not know grants nothing."""
    row = await tx.one("setting", name=RIGHTS_OF_REGISTRATORS)
    return frozenset(right for right in Right if right.value in row["value"]) if row else UNLESS_SET


async def set_rights_of_registrators(tx: Transaction, rights: frozenset[Right]) -> None:
    """Grant registrators this and nothing else."""
    await tx.run("set_setting", name=RIGHTS_OF_REGISTRATORS, value=Jsonb(sorted(rights)))


async def backed_up(tx: Transaction) -> BackedUp | None:
    """Return what is known of the newest backup that any machine made by itself."""
    row = await tx.one("setting", name=_BACKED_UP)
    if row is None:
        return None
    made = row["value"]
    return BackedUp(datetime.fromisoformat(made["at"]), made["machine"], made["folder"])


async def note_backed_up(tx: Transaction, made: BackedUp) -> None:
    """Write it down."""
    await tx.run("set_setting", name=_BACKED_UP, value=Jsonb(made._asdict()))
