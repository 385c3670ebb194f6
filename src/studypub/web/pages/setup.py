"""The first start: the link in the log leads to a form that makes the first administrator."""

from typing import Any, Final

from litestar import HttpMethod, Request, Response, post, route
from litestar.params import FromPath
from litestar.response import Redirect

from studypub.core.clinics import EVERY_CLINIC
from studypub.core.people import name_is_acceptable, password_is_acceptable
from studypub.errors import Refused, Sentence
from studypub.flows import first_start, sign_in
from studypub.web import entrance, forms, guards, render
from studypub.web.errors import Problem
from studypub.web.given import GivenParts
from studypub.web.parts import Parts

_CLOSED: Final = Sentence(
    "Такой ссылки нет, или она уже использована. Пока администратора нет, studypub пишет новую в журнал "
    "при каждом запуске.",
    "There is no such link, or it was used. As long as there is no administrator, studypub writes a new one to its "
    "log at every start.",
)


@route("/setup/{token:str}", http_method=[HttpMethod.GET, HttpMethod.HEAD])
async def ask(request: Request[Any, Any, Any], parts: GivenParts, token: FromPath[str]) -> Response[str]:
    """Show the form; nothing changes by looking."""
    await _require_open(request, parts, token)
    return render.page("setup.html", request, token=token, form=forms.empty("name", "password"))


@post("/setup/{token:str}", guards=[guards.same_origin])
async def make(request: Request[Any, Any, Any], parts: GivenParts, token: FromPath[str]) -> Response[str]:
    """Make the administrator and lead to the login page."""
    await _require_open(request, parts, token)
    form = await forms.read(request, "name", "password")
    name = form.value("name").strip()
    try:
        await first_start.set_up(parts.database.seeing(EVERY_CLINIC), token, name, form.value("password"))
    except Refused as refusal:
        wrong = form.refused(_field(name, form.value("password")), refusal)
        return render.page("setup.html", request, status=422, token=token, form=wrong)
    caller = sign_in.Caller(guards.client_of(request))
    signed_in = await sign_in.sign_in(parts.database.seeing(EVERY_CLINIC), name, form.value("password"), caller)
    if not isinstance(signed_in, sign_in.SignedIn):
        return Redirect("/login", status_code=303)
    return await entrance.let_in(request, parts, signed_in, "/queue")


def _field(name: str, password: str) -> str:
    """Return the field that a refusal is about."""
    return "password" if name_is_acceptable(name) and not password_is_acceptable(password, name) else "name"


async def _require_open(request: Request[Any, Any, Any], parts: Parts, token: str) -> None:
    if not await first_start.is_open(parts.database.seeing(EVERY_CLINIC), token, guards.client_of(request)):
        raise Problem(404, _CLOSED)


routes = (ask, make)
