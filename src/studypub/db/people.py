"""Accounts, browser sessions and API keys."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from studypub.core import ids
from studypub.core.people import ApiKey, Role, User
from studypub.db.database import Row, Transaction


@dataclass(frozen=True, slots=True)
class Session:
    """Who is signed in, and the token that their forms carry. `to_touch`: its use has to be written down."""

    user: User
    csrf_token: str
    to_touch: bool = False


@dataclass(frozen=True, slots=True)
class KnownKey:
    """A key and its secret's digest, `at` the database's time. `to_touch`: its use has to be written down."""

    key: ApiKey
    digest: bytes
    at: datetime
    to_touch: bool


async def add_user(
    tx: Transaction, name: str, role: Role, *, clinic_code: str | None, password_hash: str
) -> User | None:
    """Add an account; None where the name is taken."""
    row = await tx.one("add_user", name=name, role=role.value, clinic_code=clinic_code, password_hash=password_hash)
    return _user(row) if row else None


async def add_known_user(
    tx: Transaction, name: str, role: Role, *, clinic_code: str | None, issuer: str, subject: str
) -> User | None:
    """Add the account of somebody for whom a provider vouches; None where the name is taken, or they have one."""
    row = await tx.one(
        "add_known_user", name=name, role=role.value, clinic_code=clinic_code, issuer=issuer, subject=subject
    )
    return _user(row) if row else None


async def known_user(tx: Transaction, issuer: str, subject: str) -> User | None:
    """Return the account of somebody for whom a provider vouches, as it stays until the transaction ends."""
    row = await tx.one("known_user", issuer=issuer, subject=subject)
    return _user(row) if row else None


async def set_role(tx: Transaction, user_id: UUID, role: Role, *, clinic_code: str | None) -> User:
    """Set what an account may do, and where."""
    row = await tx.one("set_role", user_id=user_id, role=role.value, clinic_code=clinic_code)
    assert row is not None  # noqa: S101  accounts are never deleted
    return _user(row)


async def users(tx: Transaction) -> list[User]:
    """Return every account."""
    return [_user(row) for row in await tx.all("users")]


async def user_and_hash(tx: Transaction, name: str) -> tuple[User, str | None] | None:
    """Return the account of that name and its password's hash, where it has a password."""
    row = await tx.one("user_named", name=name)
    return (_user(row), row["password_hash"]) if row else None


async def locked(tx: Transaction, user_id: UUID) -> tuple[User, str | None] | None:
    """Return an account and its password's hash as they stay until the transaction ends."""
    row = await tx.one("locked_user", user_id=user_id)
    return (_user(row), row["password_hash"]) if row else None


async def set_password(tx: Transaction, user_id: UUID, password_hash: str) -> None:
    """Set a password and end the account's sessions."""
    await tx.run("set_password", user_id=user_id, password_hash=password_hash)
    await end_sessions(tx, user_id)


async def disable_user(tx: Transaction, user_id: UUID) -> None:
    """Close an account and its sessions."""
    await tx.run("disable_user", user_id=user_id)
    await end_sessions(tx, user_id)


async def end_sessions(tx: Transaction, user_id: UUID, *, but: str = "") -> None:
    """End an account's sessions, halves of them too, but for the one of this token."""
    await tx.run("end_sessions", user_id=user_id, but=ids.digest(but))


async def open_session(tx: Transaction, user_id: UUID, *, lifetime: timedelta) -> str:
    """Open a browser session and return its token."""
    token = ids.new_session_token()
    await tx.run(
        "open_session",
        token_sha256=ids.digest(token),
        user_id=user_id,
        csrf_token=ids.new_session_token(),
        lifetime=lifetime,
    )
    return token


async def open_half_session(tx: Transaction, user_id: UUID, *, lifetime: timedelta) -> str:
    """Open half a session, which awaits a code, and return its token."""
    token = ids.new_session_token()
    await tx.run("open_half_session", token_sha256=ids.digest(token), user_id=user_id, lifetime=lifetime)
    return token


async def half_session(tx: Transaction, token: str) -> User | None:
    """Return whose code half a session awaits, unless it has ended."""
    row = await tx.one("half_session", token_sha256=ids.digest(token))
    return _user(row) if row else None


async def session(tx: Transaction, token: str, *, idle: timedelta) -> Session | None:
    """Return who a session belongs to, unless it has ended or was idle for longer than `idle`."""
    row = await tx.one("session", token_sha256=ids.digest(token), idle=idle)
    return Session(_user(row), row["csrf_token"], row["to_touch"]) if row else None


async def touch_session(tx: Transaction, token: str) -> None:
    """Write down that a session is in use."""
    await tx.run("touch_session", token_sha256=ids.digest(token))


async def close_session(tx: Transaction, token: str) -> bool:
    """End a session, or half of one; False where there is none."""
    return await tx.run("close_session", token_sha256=ids.digest(token)) > 0


async def sweep_sessions(tx: Transaction) -> None:
    """Delete the sessions that have ended."""
    await tx.run("sweep_sessions")


async def know_browser(tx: Transaction, user_id: UUID, token: str) -> None:
    """Write down that an account has signed in with a browser."""
    await tx.run("know_browser", user_id=user_id, token_sha256=ids.digest(token))


async def knows_browser(tx: Transaction, name: str, token: str, *, lifetime: timedelta) -> bool:
    """Whether the account of that name has signed in with this browser, not longer ago than `lifetime`."""
    found = await tx.one("knows_browser", name=name, token_sha256=ids.digest(token), lifetime=lifetime)
    return found is not None


async def sweep_browsers(tx: Transaction, *, lifetime: timedelta) -> None:
    """Forget the browsers that nobody has signed in with for `lifetime`."""
    await tx.run("sweep_browsers", lifetime=lifetime)


async def offer_setup(tx: Transaction, *, lifetime: timedelta) -> str | None:
    """Return the token of a new link for the first administrator; None where there is an administrator."""
    token = ids.new_session_token()
    row = await tx.one("offer_setup", token_sha256=ids.digest(token), lifetime=lifetime)
    return token if row else None


async def setup_is_open(tx: Transaction, token: str) -> bool:
    """Whether this link still makes an administrator."""
    return await tx.one("setup_is_open", token_sha256=ids.digest(token)) is not None


async def use_setup(tx: Transaction, token: str) -> bool:
    """Use the link up; False where it is not open."""
    return await tx.one("use_setup", token_sha256=ids.digest(token)) is not None


async def add_api_key(tx: Transaction, *, clinic_code: str | None, name: str) -> tuple[str, str]:
    """Add a key and return its identifier and its secret, which is kept nowhere."""
    key_id, secret = ids.new_api_key()
    await tx.run("add_api_key", key_id=key_id, secret_sha256=ids.digest(secret), clinic_code=clinic_code, name=name)
    return key_id, secret


async def api_keys(tx: Transaction) -> list[ApiKey]:
    """Return every key."""
    return [_api_key(row) for row in await tx.all("api_keys")]


async def known_key(tx: Transaction, key_id: str) -> KnownKey | None:
    """Return the key of that identifier."""
    row = await tx.one("api_key", key_id=key_id)
    return KnownKey(_api_key(row), row["secret_sha256"], row["now"], row["to_touch"]) if row else None


async def touch_api_key(tx: Transaction, key_id: str) -> None:
    """Write down that a key was used."""
    await tx.run("touch_api_key", key_id=key_id)


async def revoke_api_key(tx: Transaction, key_id: str) -> bool:
    """Revoke a key; False where there is none to revoke."""
    return await tx.one("revoke_api_key", key_id=key_id) is not None


def _user(row: Row) -> User:
    values = {name: row[name] for name in User.__dataclass_fields__}
    return User(**{**values, "role": Role(row["role"])})


def _api_key(row: Row) -> ApiKey:
    return ApiKey(**{name: row[name] for name in ApiKey.__dataclass_fields__})
