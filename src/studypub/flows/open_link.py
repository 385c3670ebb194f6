"""A link is opened."""

import re
from dataclasses import dataclass
from datetime import timedelta

from studypub.core import access
from studypub.core.access import Access
from studypub.core.publication import Publication
from studypub.db import studies
from studypub.db.database import Database

_TOKEN = re.compile(r"[0-9A-Za-z]{16,64}")


@dataclass(frozen=True, slots=True)
class Opened:
    """What the link opens; the publication is there whenever the link was ever live.

    `lifetime`: how long an address of the archive that is given out now may work.
    """

    access: Access
    publication: Publication | None
    lifetime: timedelta = timedelta(0)


async def open_link(database: Database, token: str) -> Opened:
    """Decide what a link opens now, by the database's clock. Has no effect."""
    if not _TOKEN.fullmatch(token):
        return Opened(Access.UNKNOWN, None)
    async with database.transaction() as tx:
        publication = await studies.behind_token(tx, token)
        now = await tx.now()
    decision = access.decide(publication, now)
    if publication is None or decision is not Access.OPEN:
        return Opened(decision, publication)
    return Opened(decision, publication, access.redirect_lifetime(publication, now))
