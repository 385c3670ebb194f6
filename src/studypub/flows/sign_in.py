"""People and programs prove who they are."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Final

from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error, InvalidHashError

from studypub.core import ids
from studypub.core.people import ApiKey, Role, User, name_is_acceptable, password_is_acceptable
from studypub.db import audit, people
from studypub.db.database import Database
from studypub.db.people import Session
from studypub.errors import Refused

SESSION_LIFETIME: Final = timedelta(hours=12)
SESSION_IDLE: Final = timedelta(hours=2)
_LONGEST_KEY_NAME: Final = 64

_hasher = PasswordHasher()
# Checked where there is no such account, so that the answer takes as long.
_NOBODY = _hasher.hash(ids.new_session_token())
# Each check takes 64 MiB: a flood of them must not take the machine's memory.
_checks = ThreadPoolExecutor(max_workers=2, thread_name_prefix="password")


async def sign_in(database: Database, name: str, password: str) -> str | None:
    """Return a new session's token, or None where name and password do not fit together."""
    found = None
    if name_is_acceptable(name):
        async with database.transaction() as tx:
            found = await people.user_and_hash(tx, name)
    password_hash = found[1] if found else _NOBODY
    fits = await _verify(password_hash, password)
    if not found or not fits or found[0].disabled_at is not None:
        return None
    user = found[0]
    async with database.transaction() as tx:
        token = await people.open_session(tx, user.user_id, lifetime=SESSION_LIFETIME)
        await audit.append(tx, user.actor, "user.signed_in", user.name)
    return token


async def who(database: Database, token: str) -> Session | None:
    """Return who a browser session belongs to."""
    async with database.transaction() as tx:
        return await people.session(tx, token, idle=SESSION_IDLE)


async def sign_out(database: Database, token: str) -> None:
    """End a browser session."""
    async with database.transaction() as tx:
        await people.close_session(tx, token)


async def add_user(
    database: Database, name: str, role: Role, password: str, *, clinic_code: str | None, actor: str
) -> User:
    """Add an account. Raises Refused where the name is taken or the password too weak."""
    if not name_is_acceptable(name):
        raise Refused(
            reason_ru="Имя: до 64 букв, цифр и знаков . _ @ -",
            reason_en="A name has up to 64 letters, digits and the characters . _ @ -",
        )
    password_hash = await _hash(password, name)
    async with database.transaction() as tx:
        user = await people.add_user(tx, name, role, clinic_code=clinic_code, password_hash=password_hash)
        if user is None:
            raise Refused(reason_ru=f"Имя {name} уже занято.", reason_en=f"The name {name} is taken.")
        await audit.append(tx, actor, "user.added", name, role=role.value, clinic_code=clinic_code)
        return user


async def set_password(database: Database, name: str, password: str, *, actor: str) -> None:
    """Set an account's password and end its sessions. Raises Refused."""
    password_hash = await _hash(password, name)
    user = await _named(database, name)
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


async def add_api_key(database: Database, *, clinic_code: str, name: str, actor: str) -> str:
    """Add a program's key and return it; it is not kept and cannot be shown again. Raises Refused."""
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


async def which_key(database: Database, key: str) -> ApiKey | None:
    """Return the key that a program presents, or None where it is unknown, wrong or revoked."""
    key_id, _, secret = key.partition(".")
    if not (key_id.isascii() and key_id.isalnum() and secret.isascii()):
        return None
    async with database.transaction() as tx:
        found = await people.api_key_and_digest(tx, key_id)
        digest = found[1] if found else ids.digest(key_id)
        if not ids.same(ids.digest(secret).hex(), digest.hex()) or found is None or found[0].revoked_at is not None:
            return None
        await people.touch_api_key(tx, key_id)
        return found[0]


async def _named(database: Database, name: str) -> User:
    async with database.transaction() as tx:
        found = await people.user_and_hash(tx, name)
    if found is None:
        raise Refused(reason_ru=f"Пользователя {name} нет.", reason_en=f"There is no user {name}.")
    return found[0]


async def _hash(password: str, name: str) -> str:
    if not password_is_acceptable(password, name):
        raise Refused(
            reason_ru="Пароль слишком простой: не короче 10 знаков, без имени пользователя.",
            reason_en="The password is too weak: at least 10 characters, without the user's name.",
        )
    return await asyncio.get_running_loop().run_in_executor(_checks, _hasher.hash, password)


async def _verify(password_hash: str, password: str) -> bool:
    try:
        return await asyncio.get_running_loop().run_in_executor(_checks, _hasher.verify, password_hash, password)
    except (Argon2Error, InvalidHashError, UnicodeEncodeError):  # half of a character is in no password
        return False
