"""What a certificate says: until when it is valid, and by which digest it is known."""

import hashlib
import re
import ssl
from datetime import UTC, datetime
from pathlib import Path

from Crypto.Util.asn1 import DerObject, DerSequence

from studypub.errors import ConfigError

_PEM = re.compile(rb"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----", re.DOTALL)
# RFC 5280 4.1: [0] is the version, which the first one did not write down; the validity is the third after the number.
_VERSION = 0xA0


def read(path: Path, place: str) -> list[bytes]:
    """Return the certificates of a PEM file, each as DER. Raises ConfigError, which names the place in the file."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ConfigError(problem=f"{place}: the file cannot be read ({error.strerror})") from None
    try:
        found = [ssl.PEM_cert_to_DER_cert(pem.decode("ascii")) for pem in _PEM.findall(content)]
    except ValueError:
        found = []
    if not found:
        raise ConfigError(problem=f"{place}: the file holds no certificate in PEM")
    return found


def valid_until(der: bytes) -> datetime:
    """Return when its validity ends (RFC 5280 4.1.2.5). Raises ValueError where it is no certificate."""
    try:
        to_be_signed = DerSequence().decode(DerSequence().decode(der)[0])
        first = to_be_signed[0]
        has_version = isinstance(first, bytes) and first[0] == _VERSION
        validity = DerSequence().decode(to_be_signed[4 if has_version else 3])
        text = DerObject().decode(validity[1]).payload.decode("ascii")
        # RFC 5280 4.1.2.5.1: two digits of a year below 50 are of this century, which is not what `%y` means.
        century = "" if len(text) == len("20500101000000Z") else ("20" if text < "50" else "19")
        return datetime.strptime(f"{century}{text}", "%Y%m%d%H%M%SZ").replace(tzinfo=UTC)
    except (IndexError, TypeError, ValueError) as error:
        raise ValueError("no certificate") from error


def fingerprint(der: bytes) -> bytes:
    """Return the SHA-256 by which people compare it."""
    return hashlib.sha256(der).digest()
