"""The cookies: kept from scripts, from other sites and, with TLS, from whatever is not exactly this host."""

import hashlib
from datetime import timedelta
from typing import Literal

from litestar.datastructures import Cookie

from studypub.config import Server
from studypub.core.sign_on import LIFETIME
from studypub.flows import pin, sign_in

_SESSION, _HALF, _BROWSER, _PIN = "studypub_session", "studypub_half", "studypub_browser", "studypub_pin"
_SIGN_ON = "studypub_sign_on"
_LINK_LETTERS = 12


def session_name(server: Server) -> str:
    """Return the name of the cookie that keeps a person signed in."""
    return _named(server, _SESSION)


def half_name(server: Server) -> str:
    """Return the name of the cookie of a person whose code is awaited."""
    return _named(server, _HALF)


def browser_name(server: Server) -> str:
    """Return the name of the cookie by which a browser is known."""
    return _named(server, _BROWSER)


def pin_name(server: Server, token: str) -> str:
    """Return the name of the cookie that says that a link's PIN was entered; the link cannot be told from it."""
    return _named(server, f"{_PIN}_{hashlib.sha256(token.encode()).hexdigest()[:_LINK_LETTERS]}")


def session(server: Server, token: str) -> Cookie:
    """Return the cookie that keeps a person signed in."""
    return _cookie(server, session_name(server), token, sign_in.SESSION_LIFETIME)


def ended_session(server: Server) -> Cookie:
    """Return the cookie that makes the browser forget the session."""
    return _cookie(server, session_name(server), "", timedelta(0))


def half(server: Server, token: str) -> Cookie:
    """Return the cookie by which the code that is awaited comes from the browser where the password was entered."""
    return _cookie(server, half_name(server), token, sign_in.HALF_LIFETIME, samesite="strict")


def ended_half(server: Server) -> Cookie:
    """Return the cookie that makes the browser forget that a code was awaited."""
    return _cookie(server, half_name(server), "", timedelta(0), samesite="strict")


def browser(server: Server, token: str) -> Cookie:
    """Return the cookie by which the browser is known when somebody signs in with it again."""
    return _cookie(server, browser_name(server), token, sign_in.BROWSER_LIFETIME, samesite="strict")


def sign_on_name(server: Server) -> str:
    """Return the name of the cookie of a person who is at the provider of sign-on."""
    return _named(server, _SIGN_ON)


def sign_on(server: Server, sealed: str) -> Cookie:
    """Return the cookie by which a person comes back to the browser that they left with; from another site, so Lax."""
    return _cookie(server, sign_on_name(server), sealed, LIFETIME)


def ended_sign_on(server: Server) -> Cookie:
    """Return the cookie that makes the browser forget that a sign-on had begun."""
    return _cookie(server, sign_on_name(server), "", timedelta(0))


def entered_pin(server: Server, token: str, proof: str) -> Cookie:
    """Return the cookie that opens a link without its PIN for a while."""
    return _cookie(server, pin_name(server, token), proof, pin.UNLOCKED_FOR)


def _named(server: Server, name: str) -> str:
    return f"__Host-{name}" if server.is_https else name


def _cookie(
    server: Server, name: str, value: str, age: timedelta, samesite: Literal["lax", "strict"] = "lax"
) -> Cookie:
    return Cookie(
        name,
        value=value,
        max_age=int(age.total_seconds()),
        path="/",
        secure=server.is_https,
        httponly=True,
        samesite=samesite,
    )
