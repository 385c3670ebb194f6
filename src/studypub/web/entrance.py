"""Lets in somebody who has proven who they are: the cookies, and the way on."""

from typing import Any

from litestar import Request, Response
from litestar.response import Redirect

from studypub.core.clinics import EVERY_CLINIC
from studypub.flows import sign_in
from studypub.web import cookies, guards
from studypub.web.parts import Parts


def caller(request: Request[Any, Any, Any], parts: Parts) -> sign_in.Caller:
    """Return where a password or a code comes from."""
    browser = request.cookies.get(cookies.browser_name(parts.config.server), "")
    return sign_in.Caller(guards.client_of(request), browser)


async def let_in(
    request: Request[Any, Any, Any], parts: Parts, signed_in: sign_in.SignedIn, going_to: str
) -> Response[str]:
    """Give the browser its session and lead on; a session that it had before ends."""
    server = parts.config.server
    await sign_in.sign_out(parts.database.seeing(EVERY_CLINIC), request.cookies.get(cookies.session_name(server), ""))
    response: Response[str] = Redirect(guards.local_path(going_to, "/queue"), status_code=303)
    response.set_cookie(cookies.session(server, signed_in.session))
    if signed_in.browser:
        response.set_cookie(cookies.browser(server, signed_in.browser))
    return response
