"""Lets in who may come in: programs by their key, people by their session, forms by their origin and token."""

import logging
from datetime import datetime
from typing import Any
from urllib.parse import quote, urlsplit

from litestar import Request, Response
from litestar.connection import ASGIConnection
from litestar.datastructures import FormMultiDict
from litestar.handlers.base import BaseRouteHandler
from litestar.response import Redirect

from studypub.config import Server
from studypub.core import ids
from studypub.core.clinics import EVERY_CLINIC
from studypub.core.people import Program, Role, User
from studypub.db.people import Session
from studypub.errors import Sentence, TokenRefused, TooManyRequests
from studypub.flows import sign_in
from studypub.flows.service_tokens import ServiceTokens, is_token
from studypub.web import cookies
from studypub.web.client import client_address
from studypub.web.errors import Problem
from studypub.web.parts import Parts

log = logging.getLogger(__name__)

Connection = ASGIConnection[Any, Any, Any, Any]

CSRF_FIELD = "csrf_token"
CSRF_HEADER = "X-CSRF-Token"
_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
# Nothing else is unpacked before the token is known to be right, but where a page sends a file and its route says so.
_FORM_TYPE = "application/x-www-form-urlencoded"
_FILES_TYPE = "multipart/form-data"
TAKES_FILES = "takes_files"

_NO_KEY = Sentence(
    "Нужен действующий ключ API в заголовке Authorization: Bearer.",
    "A valid API key is needed in the header Authorization: Bearer.",
)
_ADMINISTRATORS_ONLY = Sentence("Это может делать только администратор.", "Only an administrator may do this.")
_EVERY_CLINIC_ONLY = Sentence(
    "Это касается всех клиник, а ваша учётная запись относится к одной.",
    "This concerns every clinic, and your account belongs to one.",
)
_FOREIGN_FORM = Sentence(
    "Форма устарела или пришла с другого сайта. Откройте страницу заново и повторите.",
    "The form is out of date or came from another site. Open the page again and repeat.",
)


class SignInNeeded(Exception):
    """Nobody is signed in, or no longer."""


class SecondFactorNeeded(Exception):
    """Somebody is signed in who has to set up a second factor first."""


async def with_api_key(connection: Connection, _: BaseRouteHandler) -> None:
    """Admit a program that presents a valid key, or a token that counts as one; handlers get it as `api_key`.

    With it comes the database's time, as `now`.
    """
    scheme, _separator, key = connection.headers.get("authorization", "").partition(" ")
    found: tuple[Program, datetime] | None = None
    try:
        if scheme.lower() == "bearer":
            found = await _program(connection, key.strip())
    except TokenRefused as refusal:
        details = {"client": client_of(connection), "reason": str(refusal)}
        log.warning("Токен программы не принят", extra={"details": details})
        raise
    if found is None:
        log.warning("Ключ API не принят", extra={"details": {"client": client_of(connection)}})
        raise Problem(401, _NO_KEY, headers={"WWW-Authenticate": 'Bearer realm="studypub"'})
    program, connection.state.now = found
    if wait := connection.app.state.allowance.spend(program.key_id):
        raise TooManyRequests(wait)
    connection.state.api_key = program


async def _program(connection: Connection, text: str) -> tuple[Program, datetime] | None:
    parts = _parts(connection)
    if parts.config.mis_tokens and is_token(text):
        tokens: ServiceTokens = connection.app.state.tokens
        return await tokens.which(text)
    found = await sign_in.which_key(parts.database.seeing(EVERY_CLINIC), text)
    return (found[0].program, found[1]) if found else None


async def identified(connection: Connection, _: BaseRouteHandler) -> None:
    """Admit a person who is signed in, even without the second factor that is required of them.

    Handlers get `session`. Others are led to the login page.
    """
    connection.state.session = await current_session(connection)
    if connection.state.session is None:
        raise SignInNeeded


async def signed_in(connection: Connection, handler: BaseRouteHandler) -> None:
    """Admit a person who is signed in by all that is required; others are led to what they lack."""
    await identified(connection, handler)
    if lacks_second_factor(_parts(connection).config.server, connection.state.session.user):
        raise SecondFactorNeeded


async def administrator(connection: Connection, handler: BaseRouteHandler) -> None:
    """Admit an administrator who is signed in."""
    await signed_in(connection, handler)
    if connection.state.session.user.role is not Role.ADMINISTRATOR:
        raise Problem(403, _ADMINISTRATORS_ONLY)


def of_every_clinic(connection: Connection, _: BaseRouteHandler) -> None:
    """Admit an account that is bound to no clinic, to what concerns all of them. Stands after `administrator`."""
    if connection.state.session.user.clinic_code is not None:
        raise Problem(403, _EVERY_CLINIC_ONLY)


async def csrf(connection: Connection, handler: BaseRouteHandler) -> None:
    """Admit a form or script of our own pages: same origin, and the session's token. Stands after `signed_in`."""
    if _changes_nothing(connection):
        return
    same_origin(connection, handler)
    types = (_FORM_TYPE, _FILES_TYPE) if handler.opt.get(TAKES_FILES) else (_FORM_TYPE,)
    given = connection.headers.get(CSRF_HEADER)
    form = None if given else await _form(connection, types)
    if not ids.same(given or _token_in(form), connection.state.session.csrf_token):
        if form is not None:
            await form.close()
        raise Problem(403, _FOREIGN_FORM)


def same_origin(connection: Connection, _: BaseRouteHandler) -> None:
    """Admit a request that no other site has made, by what the browser says of it (Sec-Fetch-Site, else Origin)."""
    if _changes_nothing(connection):
        return
    site = connection.headers.get("sec-fetch-site")
    origin = connection.headers.get("origin")
    if site is not None:
        ours = site in {"same-origin", "none"}
    elif origin is not None:
        public = urlsplit(_parts(connection).config.server.base_url).netloc
        ours = urlsplit(origin).netloc in {public, connection.headers.get("host", public)}
    else:
        ours = True  # no browser of the last years; a cookie alone opens nothing, the token is asked for as well
    if not ours:
        raise Problem(403, _FOREIGN_FORM)


async def current_session(connection: Connection) -> Session | None:
    """Return who is signed in, or None; for pages that serve both."""
    parts = _parts(connection)
    token = connection.cookies.get(cookies.session_name(parts.config.server))
    return await sign_in.who(parts.database.seeing(EVERY_CLINIC), token) if token else None


def lacks_second_factor(server: Server, user: User) -> bool:
    """Whether somebody has no second factor although one is required of them."""
    return user.second_factor_at is None and requires_second_factor(server, user)


def requires_second_factor(server: Server, user: User) -> bool:
    """Whether the configuration requires a second factor of somebody; for others their provider vouches."""
    if user.issuer is not None:
        return False
    if server.require_totp == "administrators":
        return user.role is Role.ADMINISTRATOR
    return server.require_totp == "everybody"


def client_of(connection: Connection) -> str:
    """Return the address of whoever is at the other end, behind our own proxies."""
    peer = connection.client.host if connection.client else ""
    forwarded_for = ",".join(connection.headers.getall("x-forwarded-for", []))
    return client_address(peer, forwarded_for, _parts(connection).config.server.trusted_proxies)


def local_path(text: str | None, otherwise: str) -> str:
    """Return a path on this site that a redirect may lead to, or `otherwise` where the text is anything else."""
    if not text or not text.startswith("/") or text.startswith(("//", "/\\")):
        return otherwise
    return text if text.isprintable() and "\\" not in text and " " not in text else otherwise


def ask_to_sign_in(request: Request[Any, Any, Any], _: Exception) -> Response[Any]:
    """Lead to the login page and from there back; a fragment makes the whole page go there."""
    path = request.url.path if request.method == "GET" else "/"
    fragment = request.headers.get("HX-Request") == "true"
    if fragment:
        path = urlsplit(request.headers.get("HX-Current-URL", "/")).path
    elif request.method == "GET" and request.url.query:
        path = f"{path}?{request.url.query}"
    address = f"/login?next={quote(local_path(path, '/'), safe='/')}"
    if fragment:
        return Response(None, status_code=401, headers={"HX-Redirect": address})
    return Redirect(address, status_code=303)


def ask_for_second_factor(request: Request[Any, Any, Any], _: Exception) -> Response[Any]:
    """Lead to the page where it is set up; a fragment makes the whole page go there."""
    if request.headers.get("HX-Request") == "true":
        return Response(None, status_code=401, headers={"HX-Redirect": "/security"})
    return Redirect("/security", status_code=303)


def _changes_nothing(connection: Connection) -> bool:
    return isinstance(connection, Request) and connection.method in _SAFE_METHODS


async def _form(connection: Connection, types: tuple[str, ...]) -> FormMultiDict | None:
    if not isinstance(connection, Request) or connection.content_type[0] not in types:
        return None
    return await connection.form()


def _token_in(form: FormMultiDict | None) -> str:
    value = form.get(CSRF_FIELD) if form is not None else None
    return value if isinstance(value, str) else ""


def _parts(connection: Connection) -> Parts:
    parts: Parts = connection.app.state.parts
    return parts
