"""Who somebody is by a provider's word, and what a browser keeps while they are there."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from studypub.config import Oidc
from studypub.core import sign_on
from studypub.core.people import Role, name_is_acceptable
from studypub.errors import SignOnRefused

NOW = datetime(2025, 2, 1, 12, tzinfo=UTC)
KEY = "the client's secret"
CLINICS = {"f_Khimki": 1, "f_Tver": 2}
USUAL = {
    "issuer": "https://sso.clinic.example",
    "client_id": "studypub",
    "client_secret": KEY,
    "roles": {"admins": "administrator", "desk": "registrator"},
    "roles_claim": "groups",
}


def known(claims: dict[str, Any], **settings: Any) -> sign_on.Known:
    return sign_on.known({"sub": "1", **claims}, msgspec.convert({**USUAL, **settings}, Oidc), CLINICS)


@pytest.mark.parametrize(
    ("claims", "path", "role"),
    [
        ({"groups": ["desk"]}, "groups", Role.REGISTRATOR),
        ({"groups": "desk other"}, "groups", Role.REGISTRATOR),
        ({"groups": ["desk", "admins", 7, None]}, "groups", Role.ADMINISTRATOR),
        ({"a": {"b": {"c": ["admins"]}}}, "a.b.c", Role.ADMINISTRATOR),
        ({"https://clinic.example/roles": ["desk"]}, "https://clinic.example/roles", Role.REGISTRATOR),
        ({"groups": ["Admins"]}, "groups", None),
        ({"groups": {"admins": True}}, "groups", None),
        ({"a": ["admins"]}, "a.b", None),
        ({}, "groups", None),
    ],
)
def test_roles(claims: dict[str, Any], path: str, role: Role | None) -> None:
    if role is None:
        with pytest.raises(SignOnRefused, match="no_role"):
            known(claims, roles_claim=path)
    else:
        assert known(claims, roles_claim=path).role is role


@pytest.mark.parametrize(
    ("given", "clinics", "clinic"),
    [
        (["f_Tver"], {}, "f_Tver"),
        ("f_Tver", {}, "f_Tver"),
        (["f_Tver", "other"], {}, "f_Tver"),
        (["*"], {}, "refused"),
        (["f_Tver", "f_Khimki"], {}, "refused"),
        (["f_Tver"], {"tver": "f_Tver"}, "refused"),
        (["tver", "Tver"], {"tver": "f_Tver", "Tver": "f_Tver"}, "f_Tver"),
        (["tver", "all"], {"tver": "f_Tver", "all": "*"}, None),
    ],
)
def test_clinics(given: object, clinics: dict[str, str], clinic: str | None) -> None:
    claims = {"groups": ["desk"], "clinic": given}
    if clinic == "refused":
        with pytest.raises(SignOnRefused, match="clinic"):
            known(claims, clinic_claim="clinic", clinics=clinics)
    else:
        assert known(claims, clinic_claim="clinic", clinics=clinics).clinic_code == clinic


@pytest.mark.parametrize(
    ("called", "first"),
    [
        ("ivanova", "ivanova"),
        ("Анна Иванова", "Анна.Иванова"),
        ("a@clinic.example", "a@clinic.example"),
        ("<b>/../x", "b.x"),
        ("w" * 80, "w" * 64),
        ("'; --", "--"),
        ("", None),
        (7, None),
        (" / ", None),
    ],
)
def test_names_can_always_be_used_and_end_with_nobody_elses(called: object, first: str | None) -> None:
    person = known({"groups": ["desk"], "preferred_username": called})
    names = list(sign_on.names(person))
    assert all(map(name_is_acceptable, names))
    assert (names[0] == first) if first else names[0].startswith("oidc.")
    assert names[-1] != list(sign_on.names(replace(person, subject="2")))[-1]


def test_the_cookie_is_ours_for_ten_minutes() -> None:
    begun = sign_on.begin(NOW, "/studies?q=Ж")
    cookie = sign_on.sealed(begun, KEY)
    assert sign_on.unsealed(cookie, KEY, NOW + sign_on.LIFETIME - timedelta(seconds=2)) == begun
    assert sign_on.unsealed(cookie, KEY, NOW + sign_on.LIFETIME + timedelta(seconds=2)) is None
    assert sign_on.unsealed(cookie, KEY, NOW - timedelta(minutes=1)) is None
    at, secret, path, seal = cookie.split(".")
    altered = ["", "x", cookie[:-1], f"{int(at) + 60}.{secret}.{path}.{seal}", f"{at}.{secret}.Lw.{seal}", "é" + cookie]
    for wrong in altered:
        assert sign_on.unsealed(wrong, KEY, NOW) is None
    assert sign_on.unsealed(cookie, "another", NOW) is None
    assert sign_on.begin(NOW, "/" + "x" * 600).going_to == "/"


def test_what_is_asked_tells_nothing_of_the_cookie() -> None:
    one, other = (sign_on.begin(NOW, "/") for _ in range(2))
    shown = [value for begun in (one, other) for value in (begun.secret, begun.state, begun.nonce, begun.verifier)]
    assert len(set(shown)) == 8
    assert all(43 <= len(value) <= 128 for value in shown)  # RFC 7636 4.1
