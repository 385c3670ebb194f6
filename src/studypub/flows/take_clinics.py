"""What an administrator has set stands before the file from now on, in this process too."""

import logging

from studypub.config import Config, Current
from studypub.db import clinics
from studypub.db.database import Database
from studypub.errors import Refused

log = logging.getLogger(__name__)


async def take_clinics(current: Current, database: Database) -> None:
    """Take the clinics as they are in the database now. Raises DatabaseUnavailable."""
    async with database.transaction() as tx:
        documents = await clinics.documents(tx)
    known = current.unusable
    if current.take(documents):
        codes = [clinic.code for clinic in current.now.clinics]
        log.info("Настройки клиник изменились", extra={"details": {"clinics": codes}})
    for code in current.unusable.keys() - known.keys():
        details = {"clinic": code, "problem": current.unusable[code]}
        log.error("Настройки клиники %s из базы не подходят, действуют прежние", code, extra={"details": details})


def require_clinic(config: Config, code: str | None) -> None:
    """Raise Refused where there is no such clinic; None is the first one."""
    if config.clinic(code) is None:
        raise Refused(
            reason_ru=f"Клиники {code} нет в настройках.", reason_en=f"There is no clinic {code} in the configuration."
        )
