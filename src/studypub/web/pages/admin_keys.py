"""API keys: which programs may ask for publications."""

from typing import Any

from litestar import Request, Response, get, post
from litestar.params import FromPath
from litestar.response import Redirect

from studypub.core.callback import origin_of
from studypub.core.people import ApiKey
from studypub.core.request import FieldError
from studypub.db import people
from studypub.db.people import Session
from studypub.errors import Sentence
from studypub.flows import sign_in
from studypub.web import forms, guards, render
from studypub.web.errors import Problem
from studypub.web.given import GivenParts, GivenSession
from studypub.web.parts import Parts

_LONGEST_NAME = 64
_NAME = Sentence("Назовите программу: от 1 до 64 знаков.", "Name the program: 1 to 64 characters.")
_CLINIC = Sentence("Такой клиники нет.", "There is no such clinic.")
_NO_KEY = Sentence("Такого ключа нет.", "There is no such key.")


@get("/admin/keys", guards=[guards.administrator])
async def show(request: Request[Any, Any, Any], parts: GivenParts, session: GivenSession) -> Response[str]:
    """List the keys."""
    return await _page(request, parts, session, forms.empty("name", "clinic_code"))


@post("/admin/keys", guards=[guards.administrator, guards.csrf])
async def add(request: Request[Any, Any, Any], parts: GivenParts, session: GivenSession) -> Response[str]:
    """Add a key and show it, this once."""
    form = await forms.read(request, "name", clinic_code=parts.config.clinics[0].code)
    name, clinic_code = form.value("name").strip(), session.user.clinic_code or form.value("clinic_code")
    if not (1 <= len(name) <= _LONGEST_NAME and name.isprintable()):
        return await _page(request, parts, session, form.with_errors(FieldError("name", _NAME)), status=422)
    if not clinic_code or parts.config.clinic(clinic_code) is None:
        return await _page(request, parts, session, form.with_errors(FieldError("clinic_code", _CLINIC)), status=422)
    key = await sign_in.add_api_key(parts.database, clinic_code=clinic_code, name=name, actor=session.user.actor)
    return await _page(request, parts, session, forms.empty("name", "clinic_code"), key=key)


@get("/admin/keys/{key_id:str}/revoke", guards=[guards.administrator])
async def ask_to_revoke(
    request: Request[Any, Any, Any], parts: GivenParts, session: GivenSession, key_id: FromPath[str]
) -> Response[str]:
    """Ask once."""
    key = await _key(parts, session, key_id)
    return render.page("key_revoke.html", request, session=session, config=parts.config, key=key)


@post("/admin/keys/{key_id:str}/revoke", guards=[guards.administrator, guards.csrf])
async def revoke(parts: GivenParts, session: GivenSession, key_id: FromPath[str]) -> Redirect:
    """Revoke a key."""
    key = await _key(parts, session, key_id)
    await sign_in.revoke_api_key(parts.database, key.key_id, actor=session.user.actor)
    return Redirect("/admin/keys", status_code=303)


async def _key(parts: Parts, session: Session, key_id: str) -> ApiKey:
    async with parts.database.transaction() as tx:
        found = await people.api_key_and_digest(tx, key_id)
    if found is None or session.user.clinic_code not in (None, found[0].clinic_code):
        raise Problem(404, _NO_KEY)
    return found[0]


async def _page(
    request: Request[Any, Any, Any],
    parts: Parts,
    session: Session,
    form: forms.Form,
    *,
    status: int = 200,
    key: str | None = None,
) -> Response[str]:
    async with parts.database.transaction() as tx:
        every, now = await people.api_keys(tx), await tx.now()
    keys = [one for one in every if session.user.clinic_code in (None, one.clinic_code)]
    panel = {"session": session, "config": parts.config, "now": now}
    return render.page("keys.html", request, status=status, **panel, keys=keys, form=form, key=key, origin=origin_of)


routes = (show, add, ask_to_revoke, revoke)
