"""Signing in with a provider of OpenID Connect, and signing out there."""

import logging
from typing import Any

from litestar import Request, Response, get
from litestar.response import Redirect

from studypub.errors import SignOnRefused
from studypub.web import cookies, entrance, guards
from studypub.web.given import GivenParts, GivenSignOn

log = logging.getLogger(__name__)


@get("/login/oidc")
async def begin(request: Request[Any, Any, Any], parts: GivenParts, sign_on: GivenSignOn) -> Redirect:
    """Lead to the provider; a person who is signed in already goes on."""
    going_to = guards.local_path(request.query_params.get("next"), "/queue")
    if await guards.current_session(request):
        return Redirect(going_to, status_code=303)
    led = await sign_on.begin(going_to)
    response = Redirect(led.address, status_code=303)
    response.set_cookie(cookies.sign_on(parts.config.server, led.cookie))
    return response


@get("/login/oidc/callback")
async def finish(request: Request[Any, Any, Any], parts: GivenParts, sign_on: GivenSignOn) -> Response[str]:
    """Let in who comes back, and lead to where they wanted to go; the cookie is good for this once."""
    caller = entrance.caller(request, parts)
    cookie = request.cookies.get(cookies.sign_on_name(parts.config.server), "")
    try:
        signed_in, going_to = await sign_on.finish(cookie, request.query_params, caller.address)
    except SignOnRefused as refusal:
        log.warning(
            "Вход через службу организации не удался",
            extra={"details": {"client": caller.address, "reason": refusal.why}},
        )
        raise
    response = await entrance.let_in(request, parts, signed_in, going_to)
    response.set_cookie(cookies.ended_sign_on(parts.config.server))
    return response


@get("/logout/oidc")
async def leave(sign_on: GivenSignOn) -> Redirect:
    """Lead to where somebody signs out at the provider too; it asks them itself."""
    return Redirect(await sign_on.leaving_address() or "/login", status_code=303)


routes = (begin, finish, leave)
