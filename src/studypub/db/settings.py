"""Values that an administrator sets while the daemon runs; they stand before the configuration file."""

from psycopg.types.json import Jsonb

from studypub.db.database import Transaction

RETENTION_DEFAULT_DAYS = "retention.default_days"


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
