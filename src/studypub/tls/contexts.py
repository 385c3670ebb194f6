"""The TLS that we speak: 1.2 and newer, and of its ciphers those that nobody advises against (BCP 195, PS3.15 B.9)."""

import ssl
from pathlib import Path
from typing import TypeVar

from studypub.config import Clinic, Config, DicomTls, PacsTls, ServerTls
from studypub.errors import ConfigError
from studypub.tls import certificate

# Forward secrecy and authenticated encryption, RFC 9325 4.2. DHE is among what PS3.15 B.10 asks a requester to offer;
# as a server we have no parameters for it and do not use it. Those of TLS 1.3 are all as good.
_CIPHERS = "ECDHE+AESGCM:ECDHE+CHACHA20:DHE+AESGCM:!aNULL:!PSK:!SRP"

Kind = TypeVar("Kind", bound=ssl.SSLContext)


def check(config: Config) -> None:
    """Refuse certificates and keys that cannot be used. Raises ConfigError."""
    if config.server.tls is not None:
        web(config.server.tls)
    if config.dicom.tls is not None:
        listener(config.dicom.tls)
    for clinic in config.clinics:
        check_clinic(clinic)


def check_clinic(clinic: Clinic) -> None:
    """Refuse certificates and keys towards its PACS that cannot be used. Raises ConfigError."""
    places = ["pacs", *(f"more_pacs[{number}]" for number in range(len(clinic.more_pacs)))]
    for place, one in zip(places, clinic.every_pacs, strict=True):
        if one.tls is not None:
            pacs(one.tls, ssl.SSLContext, f"clinics.{clinic.code}.{place}.tls")


def web(tls: ServerTls) -> ssl.SSLContext:
    """Return what the web layer speaks. Raises ConfigError."""
    context = _context(ssl.PROTOCOL_TLS_SERVER, ssl.SSLContext)
    _show(context, tls.certificate, tls.key, "server.tls")
    context.set_alpn_protocols(["http/1.1"])
    return context


def listener(tls: DicomTls) -> ssl.SSLContext:
    """Return what our Storage SCP speaks. Raises ConfigError."""
    context = _context(ssl.PROTOCOL_TLS_SERVER, ssl.SSLContext)
    _show(context, tls.certificate, tls.key, "dicom.tls")
    if tls.client_ca is not None:
        _trust(context, tls.client_ca, "dicom.tls.client_ca")
        context.verify_mode = ssl.CERT_REQUIRED if tls.client_required else ssl.CERT_OPTIONAL
    return context


def pacs(tls: PacsTls, kind: type[Kind], place: str = "clinics.pacs.tls") -> Kind:
    """Return what we speak to a PACS; whoever connects compares the fingerprint. Raises ConfigError."""
    context = _context(ssl.PROTOCOL_TLS_CLIENT, kind)
    context.check_hostname = tls.check_name and tls.ca is not None
    if tls.ca is None:
        context.verify_mode = ssl.CERT_NONE
    else:
        _trust(context, tls.ca, f"{place}.ca")
    if tls.certificate is not None and tls.key is not None:
        _show(context, tls.certificate, tls.key, place)
    return context


def _context(protocol: int, kind: type[Kind]) -> Kind:
    context = kind(protocol)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(_CIPHERS)
    context.options |= ssl.OP_NO_RENEGOTIATION | ssl.OP_NO_COMPRESSION
    return context


def _show(context: ssl.SSLContext, chain: Path, key: Path, place: str) -> None:
    """Take a certificate of ours into use."""
    certificate.read(chain, f"{place}.certificate")
    try:
        key.read_bytes()
    except OSError as error:
        raise ConfigError(problem=f"{place}.key: the file cannot be read ({error.strerror})") from None
    try:
        # Asked for a passphrase, the library would wait for somebody to type it.
        context.load_cert_chain(chain, key, password="")
    except ssl.SSLError as error:
        if error.reason == "KEY_VALUES_MISMATCH":
            raise ConfigError(problem=f"{place}.key: it is not the key of this certificate") from None
        why = "there is no key in PEM without a passphrase, or it does not fit the certificate"
        raise ConfigError(problem=f"{place}.key: {why} ({error.reason})") from None


def _trust(context: ssl.SSLContext, authorities: Path, place: str) -> None:
    """Believe whom these certificates vouch for, and these themselves, whoever has signed them."""
    certificate.read(authorities, place)
    try:
        context.load_verify_locations(authorities)
    except ssl.SSLError as error:
        raise ConfigError(problem=f"{place}: a certificate cannot be used ({error.reason})") from None
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
