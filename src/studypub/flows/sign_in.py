"""People and programs prove who they are."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from studypub.core import ids
from studypub.core.people import ApiKey, Role, User, name_is_acceptable, password_is_acceptable
from studypub.core.throttle import ACCOUNT, ADDRESS, BROWSER, network_of
from studypub.db import audit, people
from studypub.db.database import Database, Transaction
from studypub.db.people import Session
from studypub.errors import Refused
from studypub.flows import passwords, tries

SESSION_LIFETIME: Final = timedelta(hours=12)
SESSION_IDLE: Final = timedelta(hours=2)
HALF_LIFETIME: Final = timedelta(minutes=5)
BROWSER_LIFETIME: Final = timedelta(days=365)
_LONGEST_KEY_NAME: Final = 64


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A session's token, and the one by which its browser is known from now on, where a password was entered in it."""

    session: str
    browser: str = ""


@dataclass(frozen=True, slots=True)
class CodeNeeded:
    """The password fits, and a code has to follow: the token of half a session."""

    half: str


@dataclass(frozen=True, slots=True)
class Caller:
    """Where a password comes from: the address, and what the browser was given when somebody signed in with it."""

    address: str = ""
    browser: str = ""


async def sign_in(
    database: Database, name: str, password: str, caller: Caller = Caller()
) -> SignedIn | CodeNeeded | None:
    """Open a session, or half of one that awaits a code; None where name and password do not fit together.

    Raises TooManyTries: who fails often waits, and whoever guesses at an account does not keep out its owner, whose
    browser is known. Whether there is such an account shows neither in the answer nor in its time.
    """
    found, known = await _account(database, name, caller)
    counted = _limits(name, caller, known=known)
    await tries.spend(database, counted)
    password_hash = found[1] if found else None
    fits = await passwords.fits(password_hash or passwords.NOBODY, password, patient=known)
    if not found or not password_hash or not fits:
        return None
    async with database.transaction() as tx:
        now = await people.locked(tx, found[0].user_id)
        # Hashing takes a while: the account may have been closed, or have got another password or a second factor.
        if now is None or now[1] != password_hash or now[0].disabled_at is not None:
            return None
        await tries.forgive(tx, counted)
        if now[0].second_factor_at is not None:
            return CodeNeeded(await people.open_half_session(tx, now[0].user_id, lifetime=HALF_LIFETIME))
        return await opened(tx, now[0], caller.browser if known else ids.new_session_token())


async def _account(database: Database, name: str, caller: Caller) -> tuple[tuple[User, str | None] | None, bool]:
    if not name_is_acceptable(name):
        return None, False
    async with database.transaction() as tx:
        known = await people.knows_browser(tx, name, caller.browser, lifetime=BROWSER_LIFETIME)
        return await people.user_and_hash(tx, name), known


def _limits(name: str, caller: Caller, *, known: bool) -> tries.Counted:
    if known:
        return [(BROWSER, caller.browser)]
    of_address = [(ADDRESS, network_of(caller.address))] if caller.address else []
    return [*of_address, (ACCOUNT, name.casefold())] if name_is_acceptable(name) else of_address


async def opened(tx: Transaction, user: User, browser: str = "") -> SignedIn:
    """Open a session for somebody who has proven everything that is asked of them."""
    token = await people.open_session(tx, user.user_id, lifetime=SESSION_LIFETIME)
    if browser:
        await people.know_browser(tx, user.user_id, browser)
    await audit.append(tx, user.actor, "user.signed_in", user.name)
    return SignedIn(token, browser)


async def who(database: Database, token: str) -> Session | None:
    """Return who a browser session belongs to."""
    async with database.look() as tx:
        found = await people.session(tx, token, idle=SESSION_IDLE)
    if found is not None and found.to_touch:
        async with database.transaction() as tx:
            await people.touch_session(tx, token)
    return found


async def sign_out(database: Database, token: str) -> None:
    """End a browser session."""
    async with database.transaction() as tx:
        await people.close_session(tx, token)


@dataclass(frozen=True, slots=True)
class Wanted:
    """An account's name and its password's hash, both found acceptable."""

    name: str
    password_hash: str


async def add_user(
    database: Database, name: str, role: Role, password: str, *, clinic_code: str | None, actor: str
) -> User:
    """Add an account. Raises Refused where the name is taken or the password too weak."""
    wanted = await checked(name, password)
    async with database.transaction() as tx:
        return await enlist(tx, wanted, role, clinic_code=clinic_code, actor=actor)


async def checked(name: str, password: str) -> Wanted:
    """Check a new account's name and password. Raises Refused."""
    if not name_is_acceptable(name):
        raise Refused(
            reason_ru="Имя: до 64 букв, цифр и знаков . _ @ -",
            reason_en="A name has up to 64 letters, digits and the characters . _ @ -",
        )
    return Wanted(name, await _hash(password, name))


async def enlist(tx: Transaction, wanted: Wanted, role: Role, *, clinic_code: str | None, actor: str) -> User:
    """Add an account that was checked. Raises Refused where the name is taken."""
    name = wanted.name
    user = await people.add_user(tx, name, role, clinic_code=clinic_code, password_hash=wanted.password_hash)
    if user is None:
        raise Refused(reason_ru=f"Имя {name} уже занято.", reason_en=f"The name {name} is taken.")
    await audit.append(tx, actor, "user.added", name, role=role.value, clinic_code=clinic_code)
    return user


async def set_password(database: Database, name: str, password: str, *, actor: str) -> None:
    """Set an account's password and end its sessions. Raises Refused."""
    password_hash = await _hash(password, name)
    user = await _named(database, name)
    if user.issuer is not None:
        raise Refused(
            reason_ru=f"{name} входит через службу организации: пароля у этой учётной записи здесь нет.",
            reason_en=f"{name} signs in with the organization’s service: this account has no password here.",
        )
    async with database.transaction() as tx:
        await people.set_password(tx, user.user_id, password_hash)
        await audit.append(tx, actor, "user.password_set", user.name)


async def disable_user(database: Database, name: str, *, actor: str) -> None:
    """Close an account and its sessions. Raises Refused; nobody shuts themselves out."""
    user = await _named(database, name)
    if user.actor == actor:
        raise Refused(
            reason_ru="Нельзя отключить собственную учётную запись.",
            reason_en="You cannot disable your own account.",
        )
    async with database.transaction() as tx:
        await people.disable_user(tx, user.user_id)
        await audit.append(tx, actor, "user.disabled", user.name)


async def add_api_key(database: Database, *, clinic_code: str | None, name: str, actor: str) -> str:
    """Add a program's key and return it; it is not kept and cannot be shown again. `clinic_code` None: every clinic.

    Raises Refused.
    """
    if not (name.strip() and len(name) <= _LONGEST_KEY_NAME):
        raise Refused(
            reason_ru=f"Название ключа: от 1 до {_LONGEST_KEY_NAME} знаков.",
            reason_en=f"A key's name has 1 to {_LONGEST_KEY_NAME} characters.",
        )
    async with database.transaction() as tx:
        key_id, secret = await people.add_api_key(tx, clinic_code=clinic_code, name=name)
        await audit.append(tx, actor, "apikey.added", key_id, name=name, clinic_code=clinic_code)
    return f"{key_id}.{secret}"


async def revoke_api_key(database: Database, key_id: str, *, actor: str) -> None:
    """Revoke a key. Raises Refused."""
    async with database.transaction() as tx:
        if not await people.revoke_api_key(tx, key_id):
            raise Refused(reason_ru=f"Действующего ключа {key_id} нет.", reason_en=f"There is no valid key {key_id}.")
        await audit.append(tx, actor, "apikey.revoked", key_id)


async def which_key(database: Database, key: str) -> tuple[ApiKey, datetime] | None:
    """Return the key that a program presents, and the database's time; None where it is unknown, wrong or revoked."""
    key_id, _, secret = key.partition(".")
    if not (key_id.isascii() and key_id.isalnum() and secret.isascii()):
        return None
    async with database.look() as tx:
        found = await people.known_key(tx, key_id)
    digest = found.digest if found else ids.digest(key_id)
    if not ids.same(ids.digest(secret).hex(), digest.hex()) or found is None or found.key.revoked_at is not None:
        return None
    if found.to_touch:
        async with database.transaction() as tx:
            await people.touch_api_key(tx, key_id)
    return found.key, found.at


async def _named(database: Database, name: str) -> User:
    async with database.transaction() as tx:
        found = await people.user_and_hash(tx, name)
    if found is None:
        raise Refused(reason_ru=f"Пользователя {name} нет.", reason_en=f"There is no user {name}.")
    return found[0]


async def _hash(password: str, name: str) -> str:
    if not password_is_acceptable(password, name):
        raise Refused(
            reason_ru="Пароль слишком простой: не короче 10 знаков, без имени пользователя и не из тех, "
            "что подбирают первыми.",
            reason_en="The password is too weak: at least 10 characters, without the user's name, and none of those "
            "that are guessed first.",
        )
    return await passwords.hashed(password)
