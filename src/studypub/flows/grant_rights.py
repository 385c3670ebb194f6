"""An administrator says what registrators may do."""

from studypub.core.rights import Right
from studypub.db import audit, settings
from studypub.db.database import Database


async def grant_rights(database: Database, rights: frozenset[Right], *, actor: str) -> None:
    """Grant registrators these rights and no others, from their next click on."""
    async with database.transaction() as tx:
        before = await settings.rights_of_registrators(tx)
        if rights == before:
            return
        await settings.set_rights_of_registrators(tx, rights)
        await audit.append(
            tx,
            actor,
            "setting.changed",
            settings.RIGHTS_OF_REGISTRATORS,
            granted=", ".join(sorted(rights - before)) or None,
            taken=", ".join(sorted(before - rights)) or None,
        )
