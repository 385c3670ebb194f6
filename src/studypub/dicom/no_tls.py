"""What it means that two sides cannot agree on TLS, said to people: of a PACS that we call, of a peer that calls us."""

import ssl
from typing import Literal

from studypub.dicom.secure import OtherCertificate, SecureSocket
from studypub.errors import Sentence

_Kind = Literal["silence", "no TLS", "old", "ciphers", "ours is missing", "ours", "theirs is missing", ""]

# By the ends of OpenSSL's names for what was heard, or not understood (RFC 8446 6.2).
_KINDS: tuple[tuple[tuple[str, ...], _Kind], ...] = (
    (("_CERTIFICATE_REQUIRED",), "ours is missing"),
    (("DID_NOT_RETURN_A_CERTIFICATE",), "theirs is missing"),
    (
        ("_BAD_CERTIFICATE", "_CERTIFICATE_EXPIRED", "_CERTIFICATE_REVOKED", "_CERTIFICATE_UNKNOWN", "_UNKNOWN_CA"),
        "ours",
    ),
    (("WRONG_VERSION_NUMBER", "HTTP_REQUEST", "UNKNOWN_PROTOCOL", "RECORD_LAYER_FAILURE"), "no TLS"),
    (("UNSUPPORTED_PROTOCOL", "_PROTOCOL_VERSION"), "old"),
    (("NO_SHARED_CIPHER", "_HANDSHAKE_FAILURE", "_INSUFFICIENT_SECURITY"), "ciphers"),
)
_OF_PACS: dict[_Kind, Sentence] = {
    "silence": Sentence(
        "он молчит: возможно, на этом порту нет TLS", "it says nothing: perhaps there is no TLS at this port"
    ),
    "no TLS": Sentence("на этом порту он говорит без TLS", "it speaks without TLS at this port"),
    "old": Sentence("он не знает TLS 1.2", "it does not know TLS 1.2"),
    "ciphers": Sentence(
        "нет общих шифров, или он требует наш сертификат",
        "there is no cipher in common, or it asks for a certificate of ours",
    ),
    "ours is missing": Sentence(
        "он требует наш сертификат, а в настройках этого PACS его нет",
        "it asks for a certificate of ours, and the configuration of this PACS names none",
    ),
    "ours": Sentence("он не принимает наш сертификат", "it does not accept our certificate"),
    "": Sentence(
        "он разорвал соединение: возможно, на этом порту нет TLS, или он не принимает наш сертификат, или требует его",
        "it broke the connection off: perhaps there is no TLS at this port, it does not accept our certificate, or "
        "it asks for one",
    ),
}
_OTHER = Sentence(
    "у него не тот сертификат, чей fingerprint указан в настройках",
    "its certificate is not the one whose fingerprint the configuration names",
)
_ANOTHER_NAME = Sentence("его сертификат выдан на другое имя", "its certificate is for another name")
_NOT_TRUSTED = Sentence(
    "его сертификат подписан не тем, кто указан в ca", "its certificate is not signed by whom `ca` names"
)
# By OpenSSL's X509_V_ERR_...
_OF_CERTIFICATE = {
    9: Sentence("его сертификат ещё не действует", "its certificate is not valid yet"),
    10: Sentence("срок его сертификата истёк", "its certificate has expired"),
    26: Sentence(
        "его сертификат не для сервера (extendedKeyUsage)", "its certificate is not for a server (extendedKeyUsage)"
    ),
    **dict.fromkeys((2, 18, 19, 20, 21), _NOT_TRUSTED),
    **dict.fromkeys((62, 64), _ANOTHER_NAME),
}
_OF_THEIR_CERTIFICATE = {
    9: "ещё не действует",
    10: "срок истёк",
    26: "не для клиента (extendedKeyUsage)",
    **dict.fromkeys((2, 18, 19, 20, 21), "подписан не тем, кто указан в client_ca"),
}
_OF_PEER: dict[_Kind, str] = {
    "silence": "TLS: соединение не установлено за отведённое время",
    "no TLS": "на порт TLS пришло соединение без TLS",
    "old": "TLS: отправитель не знает версии 1.2",
    "ciphers": "TLS: нет общих шифров",
    "theirs is missing": "TLS: отправитель не предъявил сертификат",
    "ours": "TLS: отправитель не принимает наш сертификат",
}


def of_pacs(error: OSError) -> Sentence:
    """Return why TLS with a PACS failed, as the end of a sentence."""
    if isinstance(error, OtherCertificate):
        return _OTHER
    if isinstance(error, ssl.SSLCertVerificationError):
        unknown = Sentence(
            f"его сертификат не принят (код {error.verify_code})",
            f"its certificate is not accepted (code {error.verify_code})",
        )
        return _OF_CERTIFICATE.get(error.verify_code, unknown)
    return _OF_PACS.get(_kind(error), _OF_PACS[""])


def of_peer(peer: SecureSocket, error: Exception) -> str | None:
    """Return why a peer that called us is sent away; None where it went before it had said anything."""
    if isinstance(error, ssl.SSLCertVerificationError):
        why = _OF_THEIR_CERTIFICATE.get(error.verify_code, f"код {error.verify_code}")
        return f"TLS: сертификат отправителя не принят: {why}"
    said = _OF_PEER.get(_kind(error))
    if said is None and peer.shared_ciphers():
        return "TLS: отправитель разорвал соединение"
    return said


def _kind(error: Exception) -> _Kind:
    if isinstance(error, TimeoutError):
        return "silence"
    reason = (error.reason or "") if isinstance(error, ssl.SSLError) else ""
    return next((kind for ends, kind in _KINDS if reason.endswith(ends)), "")
