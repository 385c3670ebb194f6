"""An administrator says how long a study is kept where the request does not."""

from studypub.db import audit, settings
from studypub.db.database import Database
from studypub.errors import Refused


async def set_default_days(database: Database, days: int, *, longest: int, actor: str) -> None:
    """Set the days for publications to come, from 1 to `longest`. Raises Refused."""
    if not 1 <= days <= longest:
        raise Refused(
            str(days),
            reason_ru=f"Укажите целое число дней от 1 до {longest}.",
            reason_en=f"Give a whole number of days from 1 to {longest}.",
        )
    async with database.transaction() as tx:
        await settings.set_integer(tx, settings.RETENTION_DEFAULT_DAYS, days)
        await audit.append(tx, actor, "setting.changed", settings.RETENTION_DEFAULT_DAYS, value=days)
