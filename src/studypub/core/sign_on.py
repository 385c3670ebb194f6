"""Signing in with a provider of OpenID Connect: what is asked of it, and who somebody is by its word."""

import base64
import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from urllib.parse import quote

from authlib.common.urls import add_params_to_uri
from authlib.oauth2.rfc6749.parameters import prepare_grant_uri, prepare_token_request
from authlib.oauth2.rfc7636 import create_s256_code_challenge
from authlib.oidc.discovery import get_well_known_url

from studypub.config import MisTokens, Oidc
from studypub.config.sign_on import EVERY_CLINIC
from studypub.core import ids
from studypub.core.people import Program, Role, name_is_acceptable
from studypub.core.tokens import Claims
from studypub.errors import SignOnRefused, TokenRefused

LIFETIME: Final = timedelta(minutes=10)  # of a sign-on that has begun
_LONGEST_PATH = 512
_LONGEST_NAME = 64
_SUBJECT = re.compile(r"[\x21-\x7e]{1,255}")  # OpenID Connect Core 2, without blanks
_ENDPOINTS = ("authorization_endpoint", "token_endpoint", "jwks_uri", "end_session_endpoint")
_FORM = "application/x-www-form-urlencoded"


def discovery_address(issuer: str) -> str:
    """Return where a provider tells of itself (OpenID Connect Discovery 4)."""
    address: str = get_well_known_url(issuer, external=True)
    return address


@dataclass(frozen=True, slots=True)
class Metadata:
    """What a provider says of itself (OpenID Connect Discovery 3)."""

    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    end_session_endpoint: str
    takes_basic: bool


def read_metadata(document: object, issuer: str) -> Metadata:
    """Read it. Raises ValueError where it is not this issuer's, or lacks what we need."""
    if not isinstance(document, dict) or document.get("issuer") != issuer:
        raise ValueError("issuer")
    schemes = ("https://",) if issuer.startswith("https://") else ("https://", "http://")
    ends = {name: str(document.get(name) or "") for name in _ENDPOINTS}
    for name, address in ends.items():
        if not address.startswith(schemes) and (address or name != "end_session_endpoint"):
            raise ValueError(name)
    ways = document.get("token_endpoint_auth_methods_supported") or ["client_secret_basic"]
    return Metadata(**ends, takes_basic="client_secret_basic" in ways)


@dataclass(frozen=True, slots=True)
class Begun:
    """A sign-on that has begun: what its browser keeps, and where it leads to.

    State, nonce and verifier are made of the one secret: whoever has no cookie of ours knows none of them.
    """

    secret: str
    at: int  # seconds since 1970
    going_to: str

    @property
    def state(self) -> str:
        """What the way back has to bring (RFC 6749 10.12)."""
        return ids.signature(self.secret, "state")

    @property
    def nonce(self) -> str:
        """What the ID token has to hold (OpenID Connect Core 15.5.2)."""
        return ids.signature(self.secret, "nonce")

    @property
    def verifier(self) -> str:
        """What proves that the code is taken by whoever asked for it (RFC 7636 4.1)."""
        return ids.signature(self.secret, "verifier")


def begin(now: datetime, going_to: str) -> Begun:
    """Begin a sign-on; a path that is too long to be kept leads to the start page."""
    path = going_to if len(going_to) <= _LONGEST_PATH else "/"
    return Begun(ids.new_session_token(), int(now.timestamp()), path)


def sealed(begun: Begun, key: str) -> str:
    """Return it as a cookie keeps it, signed."""
    path = base64.urlsafe_b64encode(begun.going_to.encode()).decode().rstrip("=")
    text = f"{begun.at}.{begun.secret}.{path}"
    return f"{text}.{_seal(key, text)}"


def unsealed(cookie: str, key: str, now: datetime) -> Begun | None:
    """Return what a cookie keeps; None where it is not ours, or too old."""
    text, _, seal = cookie.rpartition(".")
    if not cookie.isascii() or not ids.same(seal, _seal(key, text)):
        return None
    at, secret, path = text.split(".")
    if not 0 <= now.timestamp() - int(at) + 1 <= LIFETIME.total_seconds():
        return None
    return Begun(secret, int(at), base64.urlsafe_b64decode(path + "=" * (-len(path) % 4)).decode())


def _seal(key: str, text: str) -> str:
    return ids.signature(key, f"sign-on {text}")


def authorization_address(settings: Oidc, metadata: Metadata, begun: Begun, redirect_uri: str) -> str:
    """Return where the browser is sent to (OpenID Connect Core 3.1.2.1, RFC 7636 4.3)."""
    address: str = prepare_grant_uri(
        metadata.authorization_endpoint,
        settings.client_id,
        "code",
        redirect_uri=redirect_uri,
        scope=list(settings.scopes),
        state=begun.state,
        nonce=begun.nonce,
        code_challenge=create_s256_code_challenge(begun.verifier),
        code_challenge_method="S256",
    )
    return address


def token_request(
    settings: Oidc, metadata: Metadata, begun: Begun, code: str, redirect_uri: str
) -> tuple[bytes, dict[str, str]]:
    """Return body and headers of what takes the tokens for a code (RFC 6749 4.1.3, 2.3.1)."""
    fields = {"code": code, "code_verifier": begun.verifier}
    headers = {"content-type": _FORM, "accept": "application/json"}
    if metadata.takes_basic:
        both = f"{quote(settings.client_id, safe='')}:{quote(settings.client_secret, safe='')}"
        headers["authorization"] = f"Basic {base64.b64encode(both.encode()).decode()}"
    else:
        fields |= {"client_id": settings.client_id, "client_secret": settings.client_secret}
    body: str = prepare_token_request("authorization_code", redirect_uri=redirect_uri, **fields)
    return body.encode(), headers


def leaving_address(settings: Oidc, metadata: Metadata, return_to: str) -> str | None:
    """Return where somebody signs out at the provider too (RP-Initiated Logout 2); None where it has no such place."""
    if not metadata.end_session_endpoint:
        return None
    fields = [("client_id", settings.client_id), ("post_logout_redirect_uri", return_to)]
    address: str = add_params_to_uri(metadata.end_session_endpoint, fields)
    return address


@dataclass(frozen=True, slots=True)
class Known:
    """Somebody by a provider's word. `clinic_code` None: every clinic."""

    issuer: str
    subject: str
    name: str
    role: Role
    clinic_code: str | None


def subject_of(claims: Claims) -> str:
    """Return whom the claims are about. Raises TokenRefused."""
    subject = claims["sub"]
    if not _SUBJECT.fullmatch(subject):
        raise TokenRefused("не подходит sub", "sub does not fit")
    return str(subject)


def name_of(claims: Claims, settings: Oidc) -> str:
    """Return what an account may be called, by what the provider calls its owner; empty where nothing is left."""
    value = _held(claims, settings.name_claim)
    called = value if isinstance(value, str) else ""
    return re.sub(r"[^\w@-]+", ".", called).strip(".")[:_LONGEST_NAME]


def known(claims: Claims, settings: Oidc, clinics: Mapping[str, object]) -> Known:
    """Return who somebody is. Raises SignOnRefused where they have no role here, or not one clinic."""
    roles = {settings.roles[value] for value in _values(claims, settings.roles_claim) if value in settings.roles}
    if not roles:
        raise SignOnRefused(
            "no_role",
            reason_ru="У вашей учётной записи нет роли для работы здесь. Попросите администратора её назначить.",
            reason_en="Your account has no role for work here. Ask the administrator to assign one.",
        )
    role = Role.ADMINISTRATOR if Role.ADMINISTRATOR in roles else Role.REGISTRATOR
    clinic_code = _clinic(claims, settings, clinics) if settings.clinic_claim else None
    return Known(settings.issuer, subject_of(claims), name_of(claims, settings), role, clinic_code)


def names(person: Known) -> Iterator[str]:
    """Yield what a new account may be called; the later ones are nobody else's."""
    digest = hashlib.sha256(f"{person.issuer}\n{person.subject}".encode()).hexdigest()
    if name_is_acceptable(person.name):
        yield person.name
        yield f"{person.name[: _LONGEST_NAME - 7]}.{digest[:6]}"
    yield f"oidc.{digest[:20]}"


def program(claims: Claims, settings: MisTokens, clinics: Mapping[str, object]) -> Program:
    """Return which program comes with these claims. Raises TokenRefused."""
    if not set(settings.roles) & set(_values(claims, settings.roles_claim)):
        raise TokenRefused(
            f"в {settings.roles_claim} нет нужного значения", f"{settings.roles_claim} lacks the value that is needed"
        )
    found = _codes(claims, settings.clinic_claim, settings.clinics, clinics)
    if len(found) != 1:
        raise TokenRefused(
            f"{settings.clinic_claim} не называет одну клинику", f"{settings.clinic_claim} does not name one clinic"
        )
    return Program.by_token(subject_of(claims), found.pop())


def _clinic(claims: Claims, settings: Oidc, clinics: Mapping[str, object]) -> str | None:
    found = _codes(claims, settings.clinic_claim, settings.clinics, clinics)
    if EVERY_CLINIC in found:
        return None
    if len(found) != 1:
        raise SignOnRefused(
            "several_clinics" if found else "no_clinic",
            reason_ru="Ваша учётная запись должна относиться к одной клинике. Попросите администратора это исправить.",
            reason_en="Your account has to belong to one clinic. Ask the administrator to correct this.",
        )
    return found.pop()


def _codes(claims: Claims, claim: str, mapped: Mapping[str, str], clinics: Mapping[str, object]) -> set[str]:
    """Return the codes of the clinics that a claim names; what says nothing to us does not count."""
    values = _values(claims, claim)
    return {mapped[value] for value in values if value in mapped} if mapped else set(values) & set(clinics)


def _values(claims: Claims, path: str) -> list[str]:
    """Return what a claim holds: a text's words, as `scope` has them, or a list's texts."""
    value = _held(claims, path)
    if isinstance(value, str):
        return value.split()
    return [each for each in value if isinstance(each, str)] if isinstance(value, list) else []


def _held(claims: Claims, path: str) -> Any:
    """Return a claim of that name, which may hold dots, else what the path leads to."""
    if path in claims:
        return claims[path]
    value: Any = claims
    for name in path.split("."):
        value = value.get(name) if isinstance(value, Mapping) else None
    return value
