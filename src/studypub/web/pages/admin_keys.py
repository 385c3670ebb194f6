"""API keys: which programs may ask for publications."""

from typing import Any

from litestar import Request, Response, get, post
from litestar.params import FromPath
from litestar.response import Redirect

from studypub.config.sign_on import EVERY_CLINIC
from studypub.core.callback import origin_of
from studypub.core.people import ApiKey
from studypub.core.request import NO_CLINIC, FieldError
from studypub.db import people
from studypub.db.people import Session
from studypub.errors import ReceiverRefused, Sentence
from studypub.flows import set_callback as callbacks
from studypub.flows import sign_in
from studypub.web import forms, guards, render
from studypub.web.errors import Problem
from studypub.web.given import GivenParts, GivenSession
from studypub.web.parts import Parts

_LONGEST_NAME = 64
_NAME = Sentence("Назовите программу: от 1 до 64 знаков.", "Name the program: 1 to 64 characters.")
_NO_KEY = Sentence("Такого ключа нет.", "There is no such key.")


@get("/admin/keys", guards=[guards.administrator])
async def show(request: Request[Any, Any, Any], parts: GivenParts, session: GivenSession) -> Response[str]:
    """List the keys."""
    return await _page(request, parts, session, forms.empty("name", "clinic_code"))


@post("/admin/keys", guards=[guards.administrator, guards.csrf])
async def add(request: Request[Any, Any, Any], parts: GivenParts, session: GivenSession) -> Response[str]:
    """Add a key and show it, this once."""
    form = await forms.read(request, "name", clinic_code=parts.config.clinics[0].code)
    name, asked = form.value("name").strip(), session.user.clinic_code or form.value("clinic_code")
    clinic_code = None if asked == EVERY_CLINIC else asked
    if not (1 <= len(name) <= _LONGEST_NAME and name.isprintable()):
        return await _page(request, parts, session, form.with_errors(FieldError("name", _NAME)), status=422)
    if parts.config.clinic(clinic_code) is None:
        return await _page(request, parts, session, form.with_errors(FieldError("clinic_code", NO_CLINIC)), status=422)
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


@get("/admin/keys/{key_id:str}/callback", guards=[guards.administrator])
async def ask_callback(
    request: Request[Any, Any, Any], parts: GivenParts, session: GivenSession, key_id: FromPath[str]
) -> Response[str]:
    """Show where the program is told how its tasks end."""
    key = await _key(parts, session, key_id)
    return _callback_page(request, parts, session, key, forms.empty(url=key.callback_url or ""))


@post("/admin/keys/{key_id:str}/callback", guards=[guards.administrator, guards.csrf])
async def set_callback(
    request: Request[Any, Any, Any], parts: GivenParts, session: GivenSession, key_id: FromPath[str]
) -> Response[str]:
    """Tell it there, and show the new secret, this once; or nowhere any more, where the field is empty."""
    key, form = await _key(parts, session, key_id), await forms.read(request, "url")
    url, actor = form.value("url").strip(), session.user.actor
    if not url:
        await callbacks.clear_callback(parts.database, key.key_id, actor=actor)
        return Redirect("/admin/keys", status_code=303)
    try:
        secret = await callbacks.set_callback(parts.config, parts.database, key.key_id, url, actor=actor)
    except ReceiverRefused as refusal:
        return _callback_page(request, parts, session, key, form.refused("url", refusal), status=422)
    return _callback_page(request, parts, session, key, form, secret=secret)


def _callback_page(
    request: Request[Any, Any, Any],
    parts: Parts,
    session: Session,
    key: ApiKey,
    form: forms.Form,
    *,
    status: int = 200,
    secret: str | None = None,
) -> Response[str]:
    panel = {"session": session, "config": parts.config}
    return render.page("key_callback.html", request, status=status, **panel, key=key, form=form, secret=secret)


async def _key(parts: Parts, session: Session, key_id: str) -> ApiKey:
    async with parts.database.look() as tx:
        found = await people.known_key(tx, key_id)
    if found is None or session.user.clinic_code not in (None, found.key.clinic_code):
        raise Problem(404, _NO_KEY)
    return found.key


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


routes = (show, add, ask_to_revoke, revoke, ask_callback, set_callback)
