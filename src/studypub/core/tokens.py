"""Tokens that somebody else has signed: whether they are whole, meant for us, and still hold (RFC 7519, RFC 8725)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from authlib.oauth2.claims import JWTClaims
from authlib.oidc.core import CodeIDToken
from joserfc import jws, jwt
from joserfc.errors import BadSignatureError, ClaimError, ExpiredTokenError, InvalidKeyIdError, JoseError
from joserfc.jwk import ECKey, KeySet, RSAKey

from studypub.errors import KeyUnknown, TokenRefused

# Signed by a private key: neither "none" nor what a public key could be mistaken for the secret of (RFC 8725 3.1).
ALGORITHMS: Final = ("RS256", "PS256", "ES256")
LEEWAY: Final = timedelta(minutes=1)  # between two clocks
LONGEST_LIFE: Final = timedelta(minutes=65)  # of a program's token
_OLDEST_ID_TOKEN: Final = timedelta(minutes=10)
_LONGEST_HEADER = 700  # characters
_SHORTEST_MODULUS = 342  # characters of base64url: 2048 bits
_ID_TYPES = frozenset({"", "jwt"})
_PROGRAM_TYPES = frozenset({"", "jwt", "at+jwt"})  # RFC 9068 2.1
_MUST = {"essential": True}

Claims = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Keys:
    """The public keys of whoever signs."""

    of_signer: KeySet = field(default_factory=lambda: KeySet([]))


def read_keys(document: object) -> Keys:
    """Return what of a JWK Set (RFC 7517) signatures can be checked by. Raises ValueError where there is nothing."""
    every = document.get("keys") if isinstance(document, dict) else None
    found = [key for each in every if (key := _key(each))] if isinstance(every, list) else []
    if not found:
        raise ValueError("no key that signatures can be checked by")
    return Keys(KeySet([*found]))


def read_id_token(
    token: str, keys: Keys, *, issuer: str, client_id: str, nonce: str, access_token: str, now: datetime
) -> Claims:
    """Return what a provider says of a person (OpenID Connect Core 3.1.3.7). Raises TokenRefused, KeyUnknown."""
    decoded = _decoded(token, keys, _ID_TYPES)
    options = {"iss": {**_MUST, "value": issuer}, "aud": {**_MUST, "value": client_id}, "sub": _MUST}
    params = {"nonce": nonce, "client_id": client_id, "access_token": access_token}
    claims = CodeIDToken(decoded.claims, decoded.header, options, params)
    said = _valid(claims, now)
    if _seconds(now) - said["iat"] > (_OLDEST_ID_TOKEN + LEEWAY).total_seconds():
        raise _wrong("iat")
    return said


def read_program_token(token: str, keys: Keys, *, issuer: str, audience: str, now: datetime) -> Claims:
    """Return what is said of a program (RFC 7519, RFC 9068). Raises TokenRefused, KeyUnknown."""
    decoded = _decoded(token, keys, _PROGRAM_TYPES)
    options = {
        "iss": {**_MUST, "value": issuer},
        "aud": {**_MUST, "value": audience},
        **{name: dict(_MUST) for name in ("sub", "exp", "iat")},
    }
    claims = JWTClaims(decoded.claims, decoded.header, options)
    said = _valid(claims, now)
    if said["exp"] - said["iat"] > LONGEST_LIFE.total_seconds():
        raise TokenRefused(
            f"выдан больше чем на {LONGEST_LIFE.seconds // 60} мин (exp - iat)",
            f"it lives longer than {LONGEST_LIFE.seconds // 60} minutes (exp - iat)",
        )
    return said


def _key(document: object) -> RSAKey | ECKey | None:
    """Return a key of the kinds that we check signatures by; others are passed over (RFC 7517 5)."""
    if not isinstance(document, dict) or document.get("use", "sig") != "sig":
        return None
    try:
        if document.get("kty") == "RSA" and len(document["n"]) >= _SHORTEST_MODULUS:
            return RSAKey.import_key(document)
        if document.get("kty") == "EC" and document.get("crv") == "P-256":
            return ECKey.import_key(document)
    except (JoseError, KeyError, TypeError, ValueError):
        return None
    return None


def _decoded(token: str, keys: Keys, types: frozenset[str]) -> jwt.Token:
    """Check the signature, by a key and an algorithm that we choose; what a header points to is not looked at."""
    registry = jws.JWSRegistry(algorithms=ALGORITHMS, strict_check_header=False)
    try:
        if len(token.partition(".")[0]) > _LONGEST_HEADER:
            raise _malformed()
        header = jws.extract_compact(token.encode("ascii"), registry=registry).headers()
        if header.get("alg") not in ALGORITHMS:
            raise TokenRefused("алгоритм подписи (alg) не принимается", "its algorithm (alg) is not accepted")
        if str(header.get("typ", "")).lower().removeprefix("application/") not in types:
            raise TokenRefused("это токен другого рода (typ)", "it is a token of another kind (typ)")
        key = keys.of_signer.get_by_kid(header.get("kid"), {"alg": header["alg"]})
        return jwt.decode(token, key, ALGORITHMS, registry)
    except InvalidKeyIdError as error:
        raise KeyUnknown from error
    except BadSignatureError as error:
        raise TokenRefused("подпись не подходит", "its signature does not fit") from error
    except (JoseError, ValueError, TypeError, RecursionError) as error:
        raise _malformed() from error


def _valid(claims: JWTClaims, now: datetime) -> Claims:
    try:
        claims.validate(now=_seconds(now), leeway=int(LEEWAY.total_seconds()))
        return dict(claims)
    except ExpiredTokenError as error:
        raise TokenRefused("срок истёк (exp)", "it has expired (exp)") from error
    except ClaimError as error:
        raise _wrong(error.claim) from error


def _seconds(now: datetime) -> int:
    return int(now.timestamp())


def _wrong(claim: str) -> TokenRefused:
    return TokenRefused(f"не подходит или отсутствует {claim}", f"{claim} is missing or does not fit")


def _malformed() -> TokenRefused:
    return TokenRefused("это не JWT с подписью", "it is no signed JWT")
