"""Makes the values nobody may guess, and the digests they are looked up by."""

import hashlib
import hmac
import re
import secrets
import string
from collections.abc import Container

from studypub.core.archive_format import ArchiveFormat

_ALPHABET = string.digits + string.ascii_letters
TOKEN_LENGTH = 22  # 62^22 > 2^130
KEY_ID_LENGTH = 8
_SECRET_LENGTH = 43  # 62^43 > 2^256
_PREFIX = r"(?:[A-Za-z0-9_-]{1,64}/){1,4}"  # as a clinic's storage_prefix
_ENDINGS = "|".join(map(re.escape, (*ArchiveFormat, "view", "pdf")))
_OBJECT_KEY = re.compile(rf"({_PREFIX})?studies/[0-9A-Za-z]{{{TOKEN_LENGTH}}}\.({_ENDINGS})", re.ASCII)


def new_token() -> str:
    """Return a link's token: 22 letters and digits, 131 random bits."""
    return _random_text(TOKEN_LENGTH)


def new_object_key(form: ArchiveFormat = ArchiveFormat.ZIP, prefix: str = "") -> str:
    """Return the name of a stored archive below that prefix; it says nothing and cannot be guessed."""
    return f"{prefix}studies/{_random_text(TOKEN_LENGTH)}.{form}"


def new_companion_key(prefix: str = "") -> str:
    """Return the name of what is stored beside an archive; no other name tells it."""
    return f"{prefix}studies/{_random_text(TOKEN_LENGTH)}.view"


def new_report_key(prefix: str = "") -> str:
    """Return the name of what a doctor wrote; no other name tells it."""
    return f"{prefix}studies/{_random_text(TOKEN_LENGTH)}.pdf"


def is_object_key(name: str, prefixes: Container[str] = ()) -> bool:
    """Whether a name in a store can be of an archive of ours, or of what lies beside one.

    `prefixes`: those that clinics put before their names, or did. What lies below another is somebody else's, who
    shares the store.
    """
    found = _OBJECT_KEY.fullmatch(name)
    return found is not None and (found[1] is None or found[1] in prefixes)


def new_api_key() -> tuple[str, str]:
    """Return an API key's public identifier and its secret (256 random bits)."""
    return _random_text(KEY_ID_LENGTH), _random_text(_SECRET_LENGTH)


def new_session_token() -> str:
    """Return a browser session's token, 256 random bits."""
    return _random_text(_SECRET_LENGTH)


def digest(secret: str) -> bytes:
    """Return the SHA-256 by which a random secret is kept and looked up; too long to be tried out."""
    return hashlib.sha256(secret.encode()).digest()


def signature(key: str, text: str) -> str:
    """Return the HMAC-SHA256 of a text."""
    return hmac.new(key.encode(), text.encode(), hashlib.sha256).hexdigest()


def same(one: str, other: str) -> bool:
    """Compare two secrets in constant time."""
    return hmac.compare_digest(one.encode(), other.encode())


def _random_text(length: int) -> str:
    return "".join(secrets.choice(_ALPHABET) for _ in range(length))
