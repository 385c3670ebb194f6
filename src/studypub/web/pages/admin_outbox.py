"""What is told to programs and patients: how each message stands, and sending one again."""

from typing import Any
from uuid import UUID

from litestar import Request, Response, get, post
from litestar.params import FromPath
from litestar.response import Redirect

from studypub.core.callback import origin_of
from studypub.core.outbox import Kind, State
from studypub.db import outbox
from studypub.flows.deliver import send_again
from studypub.web import guards, places, render
from studypub.web.given import GivenParts, GivenSession

_PATH = "/admin/outbox"


@get(_PATH, guards=[guards.administrator])
async def show(request: Request[Any, Any, Any], parts: GivenParts, session: GivenSession) -> Response[str]:
    """List the messages, newest first, or those that were asked for."""
    states, kinds = _asked(request, "state", State), _asked(request, "kind", Kind)
    where = places.asked(request, places.is_moment)
    async with parts.database.transaction() as tx:
        read = await outbox.lines(
            tx,
            clinic_code=session.user.clinic_code,
            states=states or tuple(State),
            kinds=kinds or tuple(Kind),
            limit=places.READ,
            place=where.place or outbox.FIRST,
            back=where.back,
        )
        now = await tx.now()
    query = {"state": "".join(states), "kind": "".join(kinds)}
    panel: dict[str, Any] = {"session": session, "config": parts.config, "now": now}
    page = places.page(_PATH, where, read, query)
    return render.page("outbox.html", request, **panel, page=page, query=query, again=_again(request), origin=origin_of)


@post(_PATH + "/{message_id:uuid}/again", guards=[guards.administrator, guards.csrf])
async def again(
    request: Request[Any, Any, Any], parts: GivenParts, session: GivenSession, message_id: FromPath[UUID]
) -> Redirect:
    """Send one now."""
    await send_again(parts.database, message_id, actor=session.user.actor, clinic_code=session.user.clinic_code)
    return Redirect(places.same_list(_PATH, request), status_code=303)


def _asked(request: Request[Any, Any, Any], name: str, kind: Any) -> tuple[Any, ...]:
    """Return the one value that the address names, if it names one."""
    return tuple(value for value in kind if value == request.query_params.get(name))


def _again(request: Request[Any, Any, Any]) -> str:
    """Return what of this list's address an action carries along."""
    return request.scope["query_string"].decode("latin-1")


routes = (show, again)
