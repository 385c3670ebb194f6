"""Passwords and PINs are hashed and checked, slowly on purpose, and never many at once."""

import asyncio
import base64
import secrets
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Final, TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error, InvalidHashError

from studypub.errors import TooManyTries

_hasher = PasswordHasher()


def _nobodys() -> str:
    """Return a hash of no password at the cost of all others, without hashing one (PHC string format)."""
    costs = f"m={_hasher.memory_cost},t={_hasher.time_cost},p={_hasher.parallelism}"
    salt, hashed = (
        base64.b64encode(secrets.token_bytes(size)).decode().rstrip("=")
        for size in (_hasher.salt_len, _hasher.hash_len)
    )
    return f"$argon2id$v=19${costs}${salt}${hashed}"


# Checked where there is no such account, so that the answer takes as long.
NOBODY: Final = _nobodys()
# Each check takes 64 MiB: a flood of them must not take the machine's memory.
_AT_ONCE = 2
_MOST_WAITING = 32
_BUSY = timedelta(seconds=5)
_checks = ThreadPoolExecutor(max_workers=_AT_ONCE, thread_name_prefix="password")

_Result = TypeVar("_Result")


class _Queue:
    """How many checks are under way or wait."""

    length = 0


async def hashed(password: str) -> str:
    """Return the hash by which a password is kept."""
    return await _run(_hasher.hash, password)


async def fits(password_hash: str, password: str, *, patient: bool = True) -> bool:
    """Whether the password is the one of this hash.

    Raises TooManyTries where too many checks wait already, unless the caller is `patient`.
    """
    if not patient and _Queue.length >= _MOST_WAITING:
        raise TooManyTries(_BUSY)
    try:
        return await _run(_hasher.verify, password_hash, password)
    except (Argon2Error, InvalidHashError, UnicodeEncodeError):  # half of a character is in no password
        return False


async def _run(work: Callable[..., _Result], *arguments: str) -> _Result:
    _Queue.length += 1
    try:
        return await asyncio.get_running_loop().run_in_executor(_checks, work, *arguments)
    finally:
        _Queue.length -= 1
