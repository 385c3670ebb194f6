"""Whether a machine can be reached, and why not: names, ports, certificates."""

import errno
import socket
import ssl
from enum import StrEnum


class Unreached(StrEnum):
    """Why no connection came about."""

    NAME = "name"
    CLOSED = "closed"
    SILENT = "silent"
    NO_ROUTE = "no route"
    OTHER = "other"


class Certificate(StrEnum):
    """Why a certificate is not accepted."""

    EXPIRED = "expired"
    NOT_YET = "not yet valid"
    OTHER_NAME = "another name"
    UNTRUSTED = "untrusted"


_NO_ROUTE = (errno.EHOSTUNREACH, errno.ENETUNREACH, errno.EHOSTDOWN, errno.ENETDOWN)
# X509_V_ERR_… of OpenSSL; all others mean that nobody we trust vouches for it.
_CERTIFICATES = {
    9: Certificate.NOT_YET,
    10: Certificate.EXPIRED,
    62: Certificate.OTHER_NAME,
    64: Certificate.OTHER_NAME,
}


def addresses(host: str, port: int) -> tuple[str, str]:
    """Return our own address on the way to a machine, and its; nothing is sent. Raises OSError, UnicodeError."""
    family, kind, _, _, where = socket.getaddrinfo(host, port, type=socket.SOCK_DGRAM)[0]
    with socket.socket(family, kind) as probe:
        probe.connect(where)
        return str(probe.getsockname()[0]), str(where[0])


def knock(host: str, port: int, seconds: float) -> None:
    """Connect and go away again. Raises OSError, UnicodeError."""
    socket.create_connection((host, port), timeout=seconds).close()


def why_unreached(error: OSError | UnicodeError) -> Unreached:
    """Return what an error of the operating system means for whoever wanted to connect."""
    if isinstance(error, socket.gaierror | UnicodeError):
        return Unreached.NAME
    if isinstance(error, ConnectionRefusedError):
        return Unreached.CLOSED
    if isinstance(error, TimeoutError):
        return Unreached.SILENT
    return Unreached.NO_ROUTE if error.errno in _NO_ROUTE else Unreached.OTHER


def why_not_trusted(verify_code: int) -> Certificate:
    """Return what OpenSSL's code means."""
    return _CERTIFICATES.get(verify_code, Certificate.UNTRUSTED)


def certificate_fault(error: BaseException | None) -> Certificate | None:
    """Return why a certificate was not accepted where that is what an error, or its cause, says."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return why_not_trusted(error.verify_code)
    return None
