"""The reader chooses a language."""

from typing import Any

from litestar import Request, Response, post
from litestar.response import Redirect

from studypub.web import forms, guards
from studypub.web.given import GivenParts
from studypub.web.language import COOKIE

_YEAR_SECONDS = 31_536_000


@post("/language", guards=[guards.same_origin])
async def choose(request: Request[Any, Any, Any], parts: GivenParts) -> Response[str]:
    """Remember the language and return to the page."""
    form = await forms.read(request, "code", "back")
    response: Response[str] = Redirect(guards.local_path(form.value("back"), "/"), status_code=303)
    if form.value("code") in {"ru", "en"}:
        response.set_cookie(
            COOKIE,
            form.value("code"),
            max_age=_YEAR_SECONDS,
            secure=parts.config.server.is_https,
            httponly=True,
            samesite="lax",
        )
    return response


routes = (choose,)
