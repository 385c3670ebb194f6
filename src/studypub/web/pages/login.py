"""Signing in and out."""

import logging
from typing import Any, Final
from urllib.parse import quote

from litestar import Request, Response, get, post
from litestar.response import Redirect

from studypub.core.clinics import EVERY_CLINIC
from studypub.core.request import FieldError
from studypub.errors import Sentence, TooManyTries
from studypub.flows import sign_in
from studypub.web import cookies, entrance, forms, guards, render
from studypub.web.errors import Problem, problem_of
from studypub.web.given import GivenParts, GivenSession
from studypub.web.parts import Parts

log = logging.getLogger(__name__)

_WRONG: Final = Sentence(
    "Имя или пароль не подходят. Проверьте раскладку клавиатуры и Caps Lock; если пароль забыт, "
    "новый задаст администратор.",
    "The name or the password is wrong. Check the keyboard layout and Caps Lock; if the password is forgotten, "
    "an administrator can set a new one.",
)

_NO_PASSWORDS: Final = Sentence("Вход по паролю отключён.", "Sign-in with a password is turned off.")


@get("/login")
async def ask(request: Request[Any, Any, Any], parts: GivenParts) -> Response[str]:
    """Show the form; a person who is signed in already goes on."""
    going_to = guards.local_path(request.query_params.get("next"), "/queue")
    if await guards.current_session(request):
        return Redirect(going_to, status_code=303)
    has_left = "left" in request.query_params
    return _page(request, parts, forms.empty("name", "password", next=going_to), has_left=has_left)


@post("/login", guards=[guards.same_origin])
async def enter(request: Request[Any, Any, Any], parts: GivenParts) -> Response[str]:
    """Sign in and go where the person wanted to, by way of the page for the code where the account has one."""
    if not _takes_passwords(parts):
        raise Problem(403, _NO_PASSWORDS)
    form = await forms.read(request, "name", "password", next="/queue")
    name, caller = form.value("name").strip(), entrance.caller(request, parts)
    try:
        signed_in = await sign_in.sign_in(parts.database.seeing(EVERY_CLINIC), name, form.value("password"), caller)
    except TooManyTries as refusal:
        _note("Вход отложен: слишком много попыток", caller)
        return _refused(request, parts, form, refusal)
    if signed_in is None:
        _note("Вход не удался", caller)
        return _page(request, parts, form.with_errors(FieldError("password", _WRONG)), 401)
    if isinstance(signed_in, sign_in.CodeNeeded):
        going_to = quote(guards.local_path(form.value("next"), "/queue"), safe="/")
        response: Response[str] = Redirect(f"/login/code?next={going_to}", status_code=303)
        response.set_cookie(cookies.half(parts.config.server, signed_in.half))
        return response
    return await entrance.let_in(request, parts, signed_in, form.value("next"))


@post("/logout", guards=[guards.identified, guards.csrf])
async def leave(request: Request[Any, Any, Any], parts: GivenParts, session: GivenSession) -> Response[str]:
    """Sign out; the browser forgets what it has kept of the pages."""
    await sign_in.sign_out(parts.database, request.cookies[cookies.session_name(parts.config.server)])
    sign_on = request.app.state.sign_on
    is_in_there = session.user.issuer and sign_on and await sign_on.leaving_address()
    response: Response[str] = Redirect("/login?left" if is_in_there else "/login", status_code=303)
    response.set_cookie(cookies.ended_session(parts.config.server))
    response.headers["Clear-Site-Data"] = '"cache"'
    return response


def _note(message: str, caller: sign_in.Caller) -> None:
    # Not the name: a password is typed into its field now and then.
    log.warning(message, extra={"details": {"client": caller.address}})


def _takes_passwords(parts: Parts) -> bool:
    return parts.config.oidc is None or parts.config.oidc.passwords


def _page(
    request: Request[Any, Any, Any], parts: Parts, form: forms.Form, status: int = 200, *, has_left: bool = False
) -> Response[str]:
    oidc = parts.config.oidc
    button = Sentence(oidc.button_ru, oidc.button_en) if oidc else None
    passwords = _takes_passwords(parts)
    # Whoever has left by the provider may leave it too; others have not been there.
    shown = {"button": button, "passwords": passwords, "has_left": has_left and oidc is not None}
    return render.page("login.html", request, status=status, form=form, **shown)


def _refused(request: Request[Any, Any, Any], parts: Parts, form: forms.Form, refusal: TooManyTries) -> Response[str]:
    problem = problem_of(refusal)
    wrong = form.with_errors(FieldError("password", refusal.sentence))
    response = _page(request, parts, wrong, problem.status)
    response.headers.update(problem.headers)
    return response


routes = (ask, enter, leave)
