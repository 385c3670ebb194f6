"""Codes by time (TOTP, RFC 6238) and the recovery codes that stand in for them: made and compared."""

import secrets
from datetime import datetime
from typing import Final

import pyotp

STEP_SECONDS: Final = 30
RECOVERY_CODES: Final = 10
_WINDOW: Final = 1  # steps: clocks differ, and people type slowly (RFC 6238 5.2)
_DIGITS: Final = 6
_ISSUER: Final = "StudyPublicator"
_CLEAR: Final = "abcdefghjkmnpqrstuvwxyz23456789"  # without those that look alike
_GROUPS, _GROUP = 4, 4  # 31^16 > 2^79: too many to be tried out against a digest


def new_secret() -> str:
    """Return what a phone and we make the codes of: 160 random bits (RFC 4226 4) in base32."""
    return pyotp.random_base32(32)


def address(secret: str, account: str) -> str:
    """Return the otpauth address that a phone reads from a QR code."""
    return pyotp.TOTP(secret).provisioning_uri(name=account, issuer_name=_ISSUER)


def code(secret: str, step: int) -> str:
    """Return the code of a time step."""
    return pyotp.TOTP(secret).generate_otp(step)


def step_at(now: datetime) -> int:
    """Return the number of the time step that an instant falls into."""
    return int(now.timestamp()) // STEP_SECONDS


def step_of(secret: str, typed: str, now: datetime, *, after: int) -> int | None:
    """Return the step near now, and after one already used, whose code was typed; None where it is none of them."""
    current = step_at(now)
    steps = range(max(current - _WINDOW, after + 1), current + _WINDOW + 1)
    return next((step for step in steps if secrets.compare_digest(code(secret, step), typed)), None)


def tidied(typed: str) -> str:
    """Return a code as it is compared: phones show blanks in it, paper shows hyphens."""
    return "".join(typed.split()).replace("-", "").lower()


def is_code(tidy: str) -> bool:
    """Whether this may be a code by time, and not a recovery code."""
    return len(tidy) == _DIGITS and tidy.isascii() and tidy.isdigit()


def is_recovery_code(tidy: str) -> bool:
    """Whether this has the form of a recovery code."""
    return len(tidy) == _GROUPS * _GROUP and set(tidy) <= set(_CLEAR)


def new_recovery_codes() -> list[str]:
    """Return ten codes, as people write them down."""
    return ["-".join(_group() for _ in range(_GROUPS)) for _ in range(RECOVERY_CODES)]


def _group() -> str:
    return "".join(secrets.choice(_CLEAR) for _ in range(_GROUP))
