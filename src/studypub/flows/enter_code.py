"""The second half of signing in: the code."""

from studypub.core import ids
from studypub.core.throttle import ADDRESS, CODE, network_of
from studypub.db import people
from studypub.db.database import Database
from studypub.errors import Refused
from studypub.flows import second_factor, tries
from studypub.flows.sign_in import BROWSER_LIFETIME, Caller, SignedIn, opened


class HalfOver(Refused):
    """The password was entered too long ago, or has changed since."""

    def __init__(self) -> None:
        super().__init__(
            reason_ru="Пароль введён слишком давно. Войдите снова.",
            reason_en="The password was entered too long ago. Sign in again.",
        )


async def is_awaited(database: Database, half: str) -> bool:
    """Whether this half session still waits for its code."""
    async with database.transaction() as tx:
        return await people.half_session(tx, half) is not None


async def enter(database: Database, half: str, code: str, caller: Caller) -> SignedIn | None:
    """Make a session of half a one, or return None where the code does not fit.

    Raises HalfOver, and TooManyTries: as with passwords, guesses made elsewhere do not keep a known browser out.
    """
    async with database.transaction() as tx:
        user = await people.half_session(tx, half)
        if user is None:
            raise HalfOver
        known = await people.knows_browser(tx, user.name, caller.browser, lifetime=BROWSER_LIFETIME)
    counted = _limits(str(user.user_id), caller, known=known)
    await tries.spend(database, counted)
    async with database.transaction() as tx:
        found = await people.locked(tx, user.user_id)
        if found is None or not await second_factor.accepts(tx, found[0], code):
            return None
        if not await people.close_session(tx, half):  # ended meanwhile: the code is not used up
            raise HalfOver
        await tries.forgive(tx, counted)
        return await opened(tx, found[0], caller.browser if known else ids.new_session_token())


def _limits(user_id: str, caller: Caller, *, known: bool) -> tries.Counted:
    if known:
        return [(CODE, f"{user_id} {caller.browser}")]
    of_address = [(ADDRESS, network_of(caller.address))] if caller.address else []
    return [*of_address, (CODE, user_id)]
