"""A link is opened."""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta

from studypub.core import access
from studypub.core.access import Access
from studypub.core.publication import Publication
from studypub.db import studies
from studypub.db.database import Database
from studypub.flows import misses

_TOKEN = re.compile(r"[0-9A-Za-z]{16,64}")


@dataclass(frozen=True, slots=True)
class Opened:
    """What the link opens, and when that was decided; the publication is there whenever the link was ever live.

    `lifetime`: how long an address of the archive that is given out now may work.
    """

    access: Access
    publication: Publication | None
    now: datetime
    lifetime: timedelta = timedelta(0)


async def open_link(database: Database, token: str, *, proof: str = "", address: str = "") -> Opened:
    """Decide what a link opens now, by the database's clock; of publication and task nothing changes.

    `proof`: that its PIN was entered. Raises TooManyTries where the address has tried too many links that are not
    there.
    """
    async with database.transaction() as tx:
        await misses.let_in(tx, address)
        publication = await studies.behind_token(tx, token) if _TOKEN.fullmatch(token) else None
        now = await tx.now()
    decision = access.decide(publication, now)
    if publication is None:
        await misses.note(database, address)
        return Opened(decision, None, now)
    if decision is Access.OPEN and not access.is_unlocked(publication, proof, now):
        decision = Access.LOCKED
    if decision is not Access.OPEN:
        return Opened(decision, publication, now)
    return Opened(decision, publication, now, access.redirect_lifetime(publication, now))
