"""The second page of signing in: the code."""

import logging
from typing import Any, Final

from litestar import Request, Response, get, post
from litestar.response import Redirect

from studypub.core.clinics import EVERY_CLINIC
from studypub.core.request import FieldError
from studypub.errors import Sentence, TooManyTries
from studypub.flows import enter_code
from studypub.web import cookies, entrance, forms, guards, render
from studypub.web.errors import problem_of
from studypub.web.given import GivenParts
from studypub.web.parts import Parts

log = logging.getLogger(__name__)

_WRONG: Final = Sentence(
    "Код не подошёл. Дождитесь в приложении нового и введите его; проверьте, что время на телефоне устанавливается "
    "само.",
    "The code did not fit. Wait for the next one in the app and enter it; check that the phone sets its time by "
    "itself.",
)


@get("/login/code")
async def ask(request: Request[Any, Any, Any], parts: GivenParts) -> Response[str]:
    """Show the form to the browser where the password was entered."""
    if not await enter_code.is_awaited(parts.database.seeing(EVERY_CLINIC), _half(request, parts)):
        return Redirect("/login", status_code=303)
    going_to = guards.local_path(request.query_params.get("next"), "/queue")
    return render.page("login_code.html", request, form=forms.empty("code", next=going_to))


@post("/login/code", guards=[guards.same_origin])
async def enter(request: Request[Any, Any, Any], parts: GivenParts) -> Response[str]:
    """Take the code and go where the person wanted to."""
    form, caller = await forms.read(request, "code", next="/queue"), entrance.caller(request, parts)
    try:
        signed_in = await enter_code.enter(
            parts.database.seeing(EVERY_CLINIC), _half(request, parts), form.value("code"), caller
        )
    except enter_code.HalfOver:
        return Redirect("/login", status_code=303)
    except TooManyTries as refusal:
        problem = problem_of(refusal)
        response = _page(request, form, refusal.sentence, problem.status)
        response.headers.update(problem.headers)
        return response
    if signed_in is None:
        # Whoever tries here knows the password.
        log.warning("Код для входа не подошёл", extra={"details": {"client": caller.address}})
        return _page(request, form, _WRONG, 401)
    response = await entrance.let_in(request, parts, signed_in, form.value("next"))
    response.set_cookie(cookies.ended_half(parts.config.server))
    return response


def _half(request: Request[Any, Any, Any], parts: Parts) -> str:
    return request.cookies.get(cookies.half_name(parts.config.server), "")


def _page(request: Request[Any, Any, Any], form: forms.Form, wrong: Sentence, status: int) -> Response[str]:
    again = forms.empty("code", next=guards.local_path(form.value("next"), "/queue"))
    return render.page("login_code.html", request, status=status, form=again.with_errors(FieldError("code", wrong)))


routes = (ask, enter)
