"""An administrator resets the second factor of somebody whose phone is lost."""

from typing import Any, Final

from litestar import Request, Response, get, post
from litestar.params import FromPath
from litestar.response import Redirect

from studypub.core.people import User
from studypub.db import people
from studypub.db.people import Session
from studypub.errors import Sentence
from studypub.flows import second_factor
from studypub.web import guards, render
from studypub.web.errors import Problem
from studypub.web.given import GivenParts, GivenSession
from studypub.web.parts import Parts

_NO_USER: Final = Sentence("Такого пользователя нет.", "There is no such user.")


@get("/admin/users/{name:str}/second-factor", guards=[guards.administrator])
async def ask(
    request: Request[Any, Any, Any], parts: GivenParts, session: GivenSession, name: FromPath[str]
) -> Response[str]:
    """Ask once."""
    user = await _user(parts, session, name)
    return render.page("user_second_factor.html", request, session=session, config=parts.config, user=user)


@post("/admin/users/{name:str}/second-factor", guards=[guards.administrator, guards.csrf])
async def reset(parts: GivenParts, session: GivenSession, name: FromPath[str]) -> Redirect:
    """Reset it; the account's sessions end."""
    user = await _user(parts, session, name)
    await second_factor.reset(parts.database, user.name, actor=session.user.actor)
    return Redirect("/admin/users", status_code=303)


async def _user(parts: Parts, session: Session, name: str) -> User:
    async with parts.database.transaction() as tx:
        found = next((user for user in await people.users(tx) if user.name == name), None)
    if found is None or session.user.clinic_code not in (None, found.clinic_code):
        raise Problem(404, _NO_USER)
    return found


routes = (ask, reset)
