"""Who may use the panel and the interface for programs, and what they may do there."""

import re
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from studypub.core.clinics import Sees, only
from studypub.core.passwords import is_guessed_first


class Role(StrEnum):
    """What an account may do."""

    ADMINISTRATOR = "administrator"
    REGISTRATOR = "registrator"


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """An account. `clinic_code` None: every clinic."""

    user_id: UUID
    name: str
    role: Role
    clinic_code: str | None
    created_at: datetime
    disabled_at: datetime | None
    second_factor_at: datetime | None  # since when a code is asked for besides the password
    issuer: str | None = None  # the provider that vouches for them, in place of a password

    @property
    def actor(self) -> str:
        """How the audit log names this account."""
        return f"user:{self.name}"

    @property
    def sees(self) -> Sees:
        """Whose rows this account sees."""
        return only(self.clinic_code)


@dataclass(frozen=True, slots=True)
class Program:
    """A program that has shown who it is, by a key or by a token of somebody who vouches for it.

    `key_id`: what is counted and remembered for it. `clinic_code` None: every clinic. `actor`: how the audit log names
    it.
    """

    key_id: str
    clinic_code: str | None
    actor: str

    @property
    def sees(self) -> Sees:
        """Whose rows this program sees."""
        return only(self.clinic_code)

    @classmethod
    def by_token(cls, subject: str, clinic_code: str) -> "Program":
        """Return the program that a token is about; no key is called so."""
        return cls(f"token:{subject}", clinic_code, f"token:{subject}")


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiKey:
    """A program's key, without its secret. `clinic_code` None: every clinic."""

    key_id: str
    clinic_code: str | None
    name: str
    created_at: datetime
    last_used_at: datetime | None
    revoked_at: datetime | None
    callback_url: str | None = None  # where its tasks' ends are told to

    @property
    def actor(self) -> str:
        """How the audit log names this key."""
        return f"key:{self.key_id}"

    @property
    def program(self) -> Program:
        """The program that it belongs to."""
        return Program(self.key_id, self.clinic_code, self.actor)


@dataclass(frozen=True, slots=True)
class Actor:
    """Whoever did something. `kind`: user, key, token, command, or system."""

    kind: str
    name: str


def actor_of(text: str, key_name: str | None = None) -> Actor:
    """Read how the audit log names somebody; a key is called by its own name where that is known."""
    kind, _, name = text.partition(":")
    return Actor(kind, key_name or name)


_NAME = re.compile(r"[\w.@-]{1,64}")
_SURROGATE = re.compile(r"[\ud800-\udfff]")  # bytes that were no text
_SHORTEST_TELLING_NAME = 3
SHORTEST_PASSWORD = 10
LONGEST_PASSWORD = 256


def name_is_acceptable(name: str) -> bool:
    """Whether an account may be called so: up to 64 letters, digits, `.`, `_`, `@` and `-`."""
    return _NAME.fullmatch(name) is not None


def password_is_acceptable(password: str, name: str) -> bool:
    """Whether a password is real text, long enough, not absurdly long, and none that is tried first.

    There is no rule of which characters it has (NIST SP 800-63B 5.1.1.2): blanks and every script are welcome.
    """
    return (
        SHORTEST_PASSWORD <= len(password) <= LONGEST_PASSWORD
        and len(set(password)) > 3
        and (len(name) < _SHORTEST_TELLING_NAME or name.lower() not in password.lower())
        and not _SURROGATE.search(password)
        and not is_guessed_first(password, name)
    )
