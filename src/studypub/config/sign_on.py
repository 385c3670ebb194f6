"""[oidc] and [mis_tokens]: people and programs for whom somebody else vouches."""

import ipaddress
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from studypub.config.section import Section, is_address, is_network, need, need_absolute

_CLAIM = re.compile(r"[^\s.]+(\.[^\s.]+)*")
EVERY_CLINIC = "*"


class Oidc(Section, frozen=True):
    """People sign in with a provider of OpenID Connect.

    Claims are named by their path in the ID token. `roles` maps their values to our roles, of which the highest counts;
    `clinics` maps them to clinics, "*" is every one, and without it the values are the clinics' codes; without
    `clinic_claim` everybody is of every clinic. A provider may name addresses of its own host, public ones, and those
    of `networks`.
    """

    issuer: str
    client_id: str
    roles: Mapping[str, Literal["administrator", "registrator"]]
    client_secret: str = ""
    client_secret_file: Path | None = None
    scopes: tuple[str, ...] = ("openid", "profile")
    name_claim: str = "preferred_username"
    roles_claim: str = "realm_access.roles"
    clinic_claim: str = ""
    clinics: Mapping[str, str] = {}
    passwords: bool = True
    button_ru: str = "Войти через учётную запись организации"
    button_en: str = "Sign in with the organization’s account"
    networks: tuple[str, ...] = ()
    ca_certificate: Path | None = None

    def __post_init__(self) -> None:
        _need_issuer(self.issuer)
        need(holds=bool(self.client_id), key="client_id", why="must not be empty")
        need(holds=bool(self.client_secret), key="client_secret", why="(or client_secret_file) is missing")
        need(holds="openid" in self.scopes, key="scopes", why='must name "openid"')
        need(holds=bool(self.roles), key="roles", why="must name at least one")
        for key in ("name_claim", "roles_claim", "clinic_claim"):
            _need_claim(getattr(self, key), key=key, may_lack=key == "clinic_claim")
        need(
            holds=bool(self.clinic_claim) or not self.clinics, key="clinic_claim", why="is missing, and clinics is not"
        )
        for key in ("button_ru", "button_en"):
            need(holds=0 < len(getattr(self, key).strip()) <= 64, key=key, why="must have 1 to 64 characters")
        need(holds=all(map(is_network, self.networks)), key="networks", why="must be networks such as 10.0.0.0/8")
        need_absolute(self.ca_certificate, key="ca_certificate")


class MisTokens(Section, frozen=True):
    """Programs come with a JWT (RFC 7519) in place of an API key.

    Its keys: those of `jwks`, else of `jwks_url`, else those that the issuer's discovery leads to. One of `roles` has
    to be among the values of `roles_claim`; `clinic_claim` and `clinics` are as in Oidc, but for "*": a program is of
    one clinic.
    """

    issuer: str
    audience: str
    jwks: str = ""
    jwks_file: Path | None = None
    jwks_url: str = ""
    roles_claim: str = "scope"
    roles: tuple[str, ...] = ("studypub",)
    clinic_claim: str = "clinic"
    clinics: Mapping[str, str] = {}
    networks: tuple[str, ...] = ()
    ca_certificate: Path | None = None

    def __post_init__(self) -> None:
        if self.jwks or self.jwks_url:
            need(holds=bool(self.issuer), key="issuer", why="must not be empty")
        else:
            _need_issuer(self.issuer)
        need(holds=bool(self.audience), key="audience", why="must not be empty")
        need(holds=not (self.jwks and self.jwks_url), key="jwks_url", why="and jwks do not go together")
        need(holds=not self.jwks_url or _is_safe(self.jwks_url), key="jwks_url", why="must begin with https://")
        need(holds=bool(self.roles), key="roles", why="must name at least one")
        for key in ("roles_claim", "clinic_claim"):
            _need_claim(getattr(self, key), key=key)
        need(holds=EVERY_CLINIC not in self.clinics.values(), key="clinics", why="must map each value to one clinic")
        need(holds=all(map(is_network, self.networks)), key="networks", why="must be networks such as 10.0.0.0/8")
        need_absolute(self.ca_certificate, key="ca_certificate")


def _need_issuer(text: str) -> None:
    why = "must begin with https:// and be exactly what the provider calls itself"
    need(holds=_is_safe(text), key="issuer", why=why)


def _need_claim(text: str, *, key: str, may_lack: bool = False) -> None:
    holds = _CLAIM.fullmatch(text) is not None or (may_lack and not text)
    need(holds=holds, key=key, why="must be a path such as realm_access.roles")


def _is_safe(text: str) -> bool:
    """Whether it is an address of TLS, or of this machine."""
    if not is_address(text):
        return False
    url = urlsplit(text)
    if url.scheme == "https" or url.hostname == "localhost":
        return True
    try:
        return ipaddress.ip_address(url.hostname or "").is_loopback
    except ValueError:
        return False
