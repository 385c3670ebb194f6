"""A fresh installation gets its first administrator by a link that works once."""

from datetime import timedelta
from typing import Final

from studypub.core.people import Role
from studypub.db import people
from studypub.db.database import Database
from studypub.errors import Refused
from studypub.flows import misses, sign_in

SETUP_LIFETIME: Final = timedelta(hours=24)
_ACTOR: Final = "system:setup"


async def offer_setup(database: Database) -> str | None:
    """Return the token of a new link, valid for a day; None where there is an administrator."""
    async with database.transaction() as tx:
        return await people.offer_setup(tx, lifetime=SETUP_LIFETIME)


async def is_open(database: Database, token: str, address: str = "") -> bool:
    """Whether the link still makes an administrator. Raises TooManyTries where the address has missed too often."""
    async with database.transaction() as tx:
        await misses.let_in(tx, address)
        found = await people.setup_is_open(tx, token)
    if not found:
        await misses.note(database, address)
    return found


async def set_up(database: Database, token: str, name: str, password: str) -> None:
    """Make the first administrator, of every clinic, and use the link up, both or neither.

    Raises Refused where name or password cannot be used, or the link not any more.
    """
    if not await is_open(database, token):
        raise _closed()
    wanted = await sign_in.checked(name, password)
    async with database.transaction() as tx:
        if not await people.use_setup(tx, token):
            raise _closed()
        await sign_in.enlist(tx, wanted, Role.ADMINISTRATOR, clinic_code=None, actor=_ACTOR)


def _closed() -> Refused:
    return Refused(
        reason_ru="Эта ссылка больше не действует. Новая появится в журнале, когда studypub перезапустят.",
        reason_en="This link no longer works. A new one is written to the log when studypub is restarted.",
    )
