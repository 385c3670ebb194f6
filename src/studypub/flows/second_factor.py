"""An account gets a second factor and loses it, and its owner proves to have it."""

from dataclasses import dataclass

from studypub.core import totp
from studypub.core.people import User
from studypub.core.throttle import CODE_WITHIN
from studypub.db import audit, people, second_factors
from studypub.db.database import Database, Transaction
from studypub.errors import Refused
from studypub.flows import passwords, tries


@dataclass(frozen=True, slots=True)
class Offer:
    """What a phone needs: the secret, and the otpauth address that stands in the QR code."""

    secret: str
    address: str


class WrongCode(Refused):
    """The code is wrong, over, or was used before."""

    def __init__(self) -> None:
        super().__init__(
            reason_ru="Код не подошёл. Дождитесь нового и введите его; проверьте, что время на телефоне "
            "устанавливается само. Каждый код принимается один раз.",
            reason_en="The code did not fit. Wait for the next one and enter it; check that the phone sets its time by "
            "itself. Each code is accepted once.",
        )


class WrongPassword(Refused):
    """The password is not the account's."""

    def __init__(self) -> None:
        super().__init__(reason_ru="Пароль не подошёл.", reason_en="The password did not fit.")


async def begin(database: Database, user: User) -> None:
    """Make a secret that does not count yet; one made before is forgotten. Raises Refused where one counts.

    The provider that vouches for somebody asks for as much as it finds right.
    """
    if user.issuer is not None:
        raise Refused(
            reason_ru="Вход с кодом включается в службе, через которую вы входите.",
            reason_en="Sign-in with a code is turned on in the service that you sign in with.",
        )
    async with database.transaction() as tx:
        if not await second_factors.offer(tx, user.user_id, totp.new_secret()):
            raise _on_already()


async def offered(database: Database, user: User) -> Offer | None:
    """Return what was made and does not count yet."""
    if user.second_factor_at is not None:
        return None
    async with database.transaction() as tx:
        found = await second_factors.secret_and_step(tx, user.user_id)
    return Offer(found[0], totp.address(found[0], user.name)) if found else None


async def turn_on(database: Database, user: User, code: str, *, session: str) -> list[str]:
    """Let what was offered count, once a code of it is entered, and return the recovery codes, this once.

    The account's other sessions were opened by the password alone, and end. Raises Refused.
    """
    async with database.transaction() as tx:
        now, _ = await _locked(tx, user)
        if now.second_factor_at is not None:
            raise _on_already()
        if not await _takes_code(tx, now, totp.tidied(code)):
            raise WrongCode
        await second_factors.turn_on(tx, user.user_id)
        await people.end_sessions(tx, user.user_id, but=session)
        await audit.append(tx, user.actor, "user.second_factor_on", user.name)
        return await _new_codes(tx, user)


async def turn_off(database: Database, user: User, password: str, code: str, *, session: str) -> None:
    """Turn it off, by the password and a code; the account's other sessions end. Raises Refused, TooManyTries."""
    counted: tries.Counted = [(CODE_WITHIN, str(user.user_id))]
    await tries.spend(database, counted)
    async with database.transaction() as tx:
        _, password_hash = await _locked(tx, user)
    if not password_hash or not await passwords.fits(password_hash, password):
        raise WrongPassword
    async with database.transaction() as tx:
        now, hash_now = await _locked(tx, user)
        if hash_now != password_hash:
            raise WrongPassword
        if not await accepts(tx, now, code):
            raise WrongCode
        await tries.forgive(tx, counted)
        await second_factors.turn_off(tx, user.user_id)
        await people.end_sessions(tx, user.user_id, but=session)
        await audit.append(tx, user.actor, "user.second_factor_off", user.name)


async def renew_codes(database: Database, user: User, code: str) -> list[str]:
    """Return new recovery codes, this once; the old ones end. Raises Refused, TooManyTries."""
    counted: tries.Counted = [(CODE_WITHIN, str(user.user_id))]
    await tries.spend(database, counted)
    async with database.transaction() as tx:
        now, _ = await _locked(tx, user)
        if not await accepts(tx, now, code):
            raise WrongCode
        await tries.forgive(tx, counted)
        await audit.append(tx, user.actor, "user.recovery_codes_renewed", user.name)
        return await _new_codes(tx, user)


async def reset(database: Database, name: str, *, actor: str) -> None:
    """Take the second factor from an account whose phone is lost, and end its sessions. Raises Refused.

    Nobody does so for themselves: that takes the password and a code.
    """
    async with database.transaction() as tx:
        found = await people.user_and_hash(tx, name)
        if found is None:
            raise Refused(reason_ru=f"Пользователя {name} нет.", reason_en=f"There is no user {name}.")
        user, _ = await _locked(tx, found[0])
        if user.actor == actor:
            raise Refused(
                reason_ru="Собственный вход с кодом отключают на странице «Безопасность», паролем и кодом.",
                reason_en="Your own sign-in with a code is turned off on the page “Security”, by password and code.",
            )
        if user.second_factor_at is None:
            raise Refused(reason_ru=f"У {name} нет входа с кодом.", reason_en=f"{name} signs in without a code.")
        await second_factors.turn_off(tx, user.user_id)
        await people.end_sessions(tx, user.user_id)
        await audit.append(tx, actor, "user.second_factor_reset", user.name)


async def accepts(tx: Transaction, user: User, typed: str) -> bool:
    """Take a code, or a recovery code in its place, each once. The account's row is locked."""
    tidy = totp.tidied(typed)
    if user.second_factor_at is None:
        return False
    if totp.is_code(tidy):
        return await _takes_code(tx, user, tidy)
    if not totp.is_recovery_code(tidy) or not await second_factors.use_recovery_code(tx, user.user_id, tidy):
        return False
    left = await second_factors.recovery_codes_left(tx, user.user_id)
    await audit.append(tx, user.actor, "user.recovery_code_used", user.name, left=left)
    return True


async def _takes_code(tx: Transaction, user: User, tidy: str) -> bool:
    found = await second_factors.secret_and_step(tx, user.user_id)
    if found is None or not totp.is_code(tidy):
        return False
    secret, last = found
    step = totp.step_of(secret, tidy, await tx.now(), after=last)
    return step is not None and await second_factors.take_step(tx, user.user_id, step)


async def _new_codes(tx: Transaction, user: User) -> list[str]:
    codes = totp.new_recovery_codes()
    await second_factors.set_recovery_codes(tx, user.user_id, map(totp.tidied, codes))
    return codes


async def _locked(tx: Transaction, user: User) -> tuple[User, str | None]:
    found = await people.locked(tx, user.user_id)
    if found is None or found[0].disabled_at is not None:
        raise Refused(reason_ru=f"Пользователя {user.name} нет.", reason_en=f"There is no user {user.name}.")
    return found


def _on_already() -> Refused:
    return Refused(reason_ru="Вход с кодом уже включён.", reason_en="Sign-in with a code is on already.")
