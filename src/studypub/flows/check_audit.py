"""The audit log's chain is checked once a day, and what was found is written down for those who watch."""

import logging
from datetime import timedelta

from studypub.db import watch
from studypub.db.database import Database

log = logging.getLogger(__name__)

_EVERY = timedelta(days=1)
_AGAIN = timedelta(hours=1)  # after one that was broken: whoever mends it wants to see that


async def check_audit(database: Database) -> int | None:
    """Check it if that is due; return the first entry at which it does not hold, or None."""
    async with database.transaction() as tx:
        last = await watch.audit_check(tx)
        if last is not None and last.age < (_EVERY if last.broken_entry is None else _AGAIN):
            return last.broken_entry
        broken = await watch.check_audit(tx)
    if broken is not None:
        log.critical("Цепочка журнала аудита нарушена на записи %s", broken)
    return broken
