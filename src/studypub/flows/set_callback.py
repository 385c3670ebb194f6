"""A program wants to be called back, somewhere else, or not any more."""

from studypub.config import Config
from studypub.core import callback
from studypub.db import audit, outbox
from studypub.db.database import Database
from studypub.db.outbox import Callback
from studypub.errors import Refused
from studypub.flows.call_back import allowed_place


async def set_callback(config: Config, database: Database, key_id: str, url: str, *, actor: str) -> str:
    """Set where a program is called; return the new secret, which is not shown again.

    Raises ReceiverRefused where the configuration does not allow the address, and Refused.
    """
    allowed_place(config, url)
    secret = callback.new_secret()
    await _set(database, key_id, Callback(url, secret), actor, "apikey.callback_set")
    return secret


async def clear_callback(database: Database, key_id: str, *, actor: str) -> None:
    """Call it no more. Raises Refused."""
    await _set(database, key_id, None, actor, "apikey.callback_cleared")


async def _set(database: Database, key_id: str, wanted: Callback | None, actor: str, action: str) -> None:
    async with database.transaction() as tx:
        if not await outbox.set_callback(tx, key_id, wanted):
            raise Refused(reason_ru=f"Действующего ключа {key_id} нет.", reason_en=f"There is no valid key {key_id}.")
        place = callback.read_place(wanted.url) if wanted else None
        await audit.append(tx, actor, action, key_id, **({"address": place.origin} if place else {}))
