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
