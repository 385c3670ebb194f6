"""Security: how the account is signed in to. Somebody who lacks a second factor that is required comes here alone."""

from typing import Any

import segno
from litestar import Request, Response, get, post
from litestar.response import Redirect

from studypub.db import second_factors
from studypub.db.people import Session
from studypub.errors import Refused, StudypubError, TooManyTries
from studypub.flows import second_factor
from studypub.flows.second_factor import WrongCode, WrongPassword
from studypub.web import cookies, forms, guards, render
from studypub.web.errors import problem_of
from studypub.web.given import GivenParts, GivenSession
from studypub.web.parts import Parts


@get("/security", guards=[guards.identified])
async def show(request: Request[Any, Any, Any], parts: GivenParts, session: GivenSession) -> Response[str]:
    """Say whether a code is asked for, and how many recovery codes are left."""
    async with parts.database.transaction() as tx:
        left, now = await second_factors.recovery_codes_left(tx, session.user.user_id), await tx.now()
    return _page("security.html", request, parts, session, left=left, now=now)


@post("/security", guards=[guards.identified, guards.csrf])
async def begin(parts: GivenParts, session: GivenSession) -> Redirect:
    """Make a secret and lead to its QR code."""
    await second_factor.begin(parts.database, session.user)
    return Redirect("/security/totp", status_code=303)


@get("/security/totp", guards=[guards.identified])
async def ask(request: Request[Any, Any, Any], parts: GivenParts, session: GivenSession) -> Response[str]:
    """Show the secret, which does not count yet, and ask for a first code."""
    return await _offer(request, parts, session, forms.empty("code"))


@post("/security/totp", guards=[guards.identified, guards.csrf])
async def turn_on(request: Request[Any, Any, Any], parts: GivenParts, session: GivenSession) -> Response[str]:
    """Turn it on and show the recovery codes, this once."""
    form = await forms.read(request, "code")
    token = request.cookies[cookies.session_name(parts.config.server)]
    try:
        codes = await second_factor.turn_on(parts.database, session.user, form.value("code"), session=token)
    except WrongCode as refusal:
        return await _offer(request, parts, session, form.refused("code", refusal), status=422)
    return _page("security_codes.html", request, parts, session, codes=codes)


@get("/security/codes", guards=[guards.signed_in])
async def ask_for_codes(request: Request[Any, Any, Any], parts: GivenParts, session: GivenSession) -> Response[str]:
    """Ask for a code before there are new recovery codes."""
    if session.user.second_factor_at is None:
        return Redirect("/security", status_code=303)
    return _page("security_renew.html", request, parts, session, form=forms.empty("code"))


@post("/security/codes", guards=[guards.signed_in, guards.csrf])
async def renew_codes(request: Request[Any, Any, Any], parts: GivenParts, session: GivenSession) -> Response[str]:
    """Make new recovery codes and show them, this once."""
    form = await forms.read(request, "code")
    try:
        codes = await second_factor.renew_codes(parts.database, session.user, form.value("code"))
    except (WrongCode, TooManyTries) as error:
        return _refused("security_renew.html", request, parts, session, forms.empty("code"), "code", error)
    return _page("security_codes.html", request, parts, session, codes=codes)


@get("/security/off", guards=[guards.signed_in])
async def ask_to_turn_off(request: Request[Any, Any, Any], parts: GivenParts, session: GivenSession) -> Response[str]:
    """Ask for the password and a code."""
    if session.user.second_factor_at is None:
        return Redirect("/security", status_code=303)
    return _page("security_off.html", request, parts, session, form=forms.empty("password", "code"))


@post("/security/off", guards=[guards.signed_in, guards.csrf])
async def turn_off(request: Request[Any, Any, Any], parts: GivenParts, session: GivenSession) -> Response[str]:
    """Turn it off, where it is not required."""
    if guards.requires_second_factor(parts.config.server, session.user):
        raise Refused(
            reason_ru="Вход с кодом обязателен, отключить его нельзя.",
            reason_en="Sign-in with a code is required and cannot be turned off.",
        )
    form = await forms.read(request, "password", "code")
    token = request.cookies[cookies.session_name(parts.config.server)]
    typed = form.value("password"), form.value("code")
    try:
        await second_factor.turn_off(parts.database, session.user, *typed, session=token)
    except (WrongPassword, WrongCode, TooManyTries) as error:
        field = "code" if isinstance(error, WrongCode) else "password"
        empty = forms.empty("password", "code")
        return _refused("security_off.html", request, parts, session, empty, field, error)
    return Redirect("/security", status_code=303)


async def _offer(
    request: Request[Any, Any, Any], parts: Parts, session: Session, form: forms.Form, status: int = 200
) -> Response[str]:
    offer = await second_factor.offered(parts.database, session.user)
    if offer is None:
        return Redirect("/security", status_code=303)
    qr = segno.make(offer.address, error="m").svg_data_uri(border=4)
    return _page("security_totp.html", request, parts, session, status, offer=offer, qr=qr, form=form)


def _refused(
    template: str,
    request: Request[Any, Any, Any],
    parts: Parts,
    session: Session,
    form: forms.Form,
    field: str,
    error: StudypubError,
) -> Response[str]:
    problem = problem_of(error)
    status = problem.status if isinstance(error, TooManyTries) else 422
    wrong = form.refused(field, error)
    response = _page(template, request, parts, session, status, form=wrong)
    response.headers.update(problem.headers)
    return response


def _page(
    template: str, request: Request[Any, Any, Any], parts: Parts, session: Session, status: int = 200, **more: Any
) -> Response[str]:
    server, user = parts.config.server, session.user
    context = {
        "session": session,
        "config": parts.config,
        "required": guards.requires_second_factor(server, user),
        "lacking": guards.lacks_second_factor(server, user) and "codes" not in more,
    }
    return render.page(template, request, status=status, **context, **more)


routes = (show, begin, ask, turn_on, ask_for_codes, renew_codes, ask_to_turn_off, turn_off)
