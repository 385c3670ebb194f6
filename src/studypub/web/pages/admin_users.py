"""Accounts: who may use the panel."""

from typing import Any

from litestar import Request, Response, get, post
from litestar.params import FromPath
from litestar.response import Redirect

from studypub.core.people import Role, User, name_is_acceptable, password_is_acceptable
from studypub.db import people
from studypub.db.people import Session
from studypub.errors import Refused, Sentence
from studypub.flows import sign_in
from studypub.web import forms, guards, render
from studypub.web.errors import Problem
from studypub.web.given import GivenParts, GivenSession
from studypub.web.parts import Parts

_NO_USER = Sentence("Такого пользователя нет.", "There is no such user.")
_EMPTY = {"role": Role.REGISTRATOR.value}


@get("/admin", guards=[guards.administrator])
async def start() -> Redirect:
    """Begin with the accounts."""
    return Redirect("/admin/users", status_code=303)


@get("/admin/users", guards=[guards.administrator])
async def show(request: Request[Any, Any, Any], parts: GivenParts, session: GivenSession) -> Response[str]:
    """List the accounts."""
    return await _page(request, parts, session, forms.empty("name", "password", "clinic_code", **_EMPTY))


@post("/admin/users", guards=[guards.administrator, guards.csrf])
async def add(request: Request[Any, Any, Any], parts: GivenParts, session: GivenSession) -> Response[str]:
    """Add an account."""
    form = await forms.read(request, "name", "password", "clinic_code", "role")
    clinic_code = session.user.clinic_code or form.value("clinic_code") or None
    if form.value("role") not in list(Role) or (clinic_code and parts.config.clinic(clinic_code) is None):
        return await _page(request, parts, session, form, status=422)
    name, role, password = form.value("name").strip(), Role(form.value("role")), form.value("password")
    try:
        await sign_in.add_user(parts.database, name, role, password, clinic_code=clinic_code, actor=session.user.actor)
    except Refused as refusal:
        return await _page(request, parts, session, form.refused(_field(name, password), refusal), status=422)
    return Redirect("/admin/users", status_code=303)


@get("/admin/users/{name:str}/disable", guards=[guards.administrator])
async def ask_to_disable(
    request: Request[Any, Any, Any], parts: GivenParts, session: GivenSession, name: FromPath[str]
) -> Response[str]:
    """Ask once."""
    user = await _user(parts, session, name)
    return render.page("user_disable.html", request, session=session, config=parts.config, user=user)


@post("/admin/users/{name:str}/disable", guards=[guards.administrator, guards.csrf])
async def disable(parts: GivenParts, session: GivenSession, name: FromPath[str]) -> Redirect:
    """Close an account."""
    user = await _user(parts, session, name)
    await sign_in.disable_user(parts.database, user.name, actor=session.user.actor)
    return Redirect("/admin/users", status_code=303)


@get("/admin/users/{name:str}/password", guards=[guards.administrator])
async def ask_password(
    request: Request[Any, Any, Any], parts: GivenParts, session: GivenSession, name: FromPath[str]
) -> Response[str]:
    """Show the form for a new password."""
    user, form = await _user(parts, session, name), forms.empty("password")
    return render.page("user_password.html", request, session=session, config=parts.config, user=user, form=form)


@post("/admin/users/{name:str}/password", guards=[guards.administrator, guards.csrf])
async def set_password(
    request: Request[Any, Any, Any], parts: GivenParts, session: GivenSession, name: FromPath[str]
) -> Response[str]:
    """Set a password; the account's sessions end."""
    user, form = await _user(parts, session, name), await forms.read(request, "password")
    try:
        await sign_in.set_password(parts.database, user.name, form.value("password"), actor=session.user.actor)
    except Refused as refusal:
        panel = {"session": session, "config": parts.config, "user": user}
        return render.page("user_password.html", request, status=422, **panel, form=form.refused("password", refusal))
    return Redirect("/admin/users", status_code=303)


def _field(name: str, password: str) -> str:
    """Return the field that a refusal is about."""
    name_is_at_fault = not name_is_acceptable(name) or password_is_acceptable(password, name)
    return "name" if name_is_at_fault else "password"


async def _users(parts: Parts, session: Session) -> list[User]:
    async with parts.database.transaction() as tx:
        users = await people.users(tx)
    return [user for user in users if session.user.clinic_code in (None, user.clinic_code)]


async def _user(parts: Parts, session: Session, name: str) -> User:
    found = next((user for user in await _users(parts, session) if user.name == name), None)
    if found is None:
        raise Problem(404, _NO_USER)
    return found


async def _page(
    request: Request[Any, Any, Any], parts: Parts, session: Session, form: forms.Form, status: int = 200
) -> Response[str]:
    users = await _users(parts, session)
    return render.page(
        "users.html", request, status=status, session=session, config=parts.config, users=users, form=form
    )


routes = (start, show, add, ask_to_disable, disable, ask_password, set_password)
