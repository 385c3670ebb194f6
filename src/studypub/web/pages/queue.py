"""The queue: every task, how far it is, what has happened to it, and what can be done about it."""

import secrets
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

from litestar import Request, Response, get, post
from litestar.params import FromPath
from litestar.response import Redirect

from studypub.config import Clinic, Pacs
from studypub.core.rights import Right
from studypub.core.task import IN_PROGRESS, Status
from studypub.db import events, outages, outbox, queue, review, tasks
from studypub.db.outages import Outage
from studypub.db.people import Session
from studypub.db.queue import QueueLine
from studypub.errors import Sentence
from studypub.flows import cancel
from studypub.web import guards, places, queue_filter, render
from studypub.web.errors import Problem
from studypub.web.given import GivenParts, GivenRights, GivenSession, GivenShared
from studypub.web.language import language_of
from studypub.web.parts import Parts
from studypub.web.rights import May

_SECONDS = 2  # between two looks, while something moves
_TOKEN = secrets.token_urlsafe()  # stands for a person's own, in what is shared; nobody can have written it elsewhere
_NO_TASK = Sentence("Такого задания нет.", "There is no such task.")


@get("/", guards=[guards.signed_in])
async def start() -> Redirect:
    """Begin with the queue."""
    return Redirect("/queue", status_code=303)


@get("/queue", guards=[guards.signed_in])
async def show(
    request: Request[Any, Any, Any], parts: GivenParts, session: GivenSession, rights: GivenRights
) -> Response[str]:
    """Show the queue, or those of its tasks that were asked for."""
    return render.page("queue.html", request, rights=rights, **await _context(request, parts, session))


@get("/queue/lines", guards=[guards.signed_in])
async def lines(
    request: Request[Any, Any, Any],
    parts: GivenParts,
    session: GivenSession,
    rights: GivenRights,
    shared: GivenShared,
) -> Response[str]:
    """Show the table alone, for the page that asks again and again, on many desks at once."""
    user, asked = session.user, request.scope["query_string"]
    anybody = replace(session, csrf_token=_TOKEN)

    async def make() -> str:
        return render.html("_queue.html", request, rights=rights, **await _context(request, parts, anybody))

    content = await shared.get((asked, language_of(request), user.clinic_code, user.role, rights), make)
    return render.answer(request, content.replace(_TOKEN, session.csrf_token))


@get("/queue/{task_id:uuid}", guards=[guards.signed_in])
async def show_one(
    request: Request[Any, Any, Any],
    parts: GivenParts,
    session: GivenSession,
    rights: GivenRights,
    task_id: FromPath[UUID],
) -> Response[str]:
    """Show one task: what happened with the PACS and the store, and what was left out."""
    async with parts.database.transaction() as tx:
        line = await queue.line(tx, task_id, clinic_code=session.user.clinic_code)
        if line is None:
            raise Problem(404, _NO_TASK)
        happened, held, now = await events.of_task(tx, task_id), await review.of_task(tx, task_id), await tx.now()
        messages = await outbox.to_patient(tx, task_id)
    panel: dict[str, Any] = {"session": session, "config": parts.config, "now": now, "rights": rights}
    panel["messages"] = messages
    seconds = _SECONDS if _is_moving(line) else 0
    return render.page("task.html", request, **panel, line=line, happened=happened, held=held, seconds=seconds)


@post("/queue/{task_id:uuid}/retry", guards=[guards.signed_in, guards.csrf, May(Right.RETRY)])
async def retry(
    request: Request[Any, Any, Any], parts: GivenParts, session: GivenSession, task_id: FromPath[UUID]
) -> Redirect:
    """Queue a failed or cancelled task once more."""
    user, search_time = session.user, timedelta(minutes=parts.config.workers.search_minutes)
    await cancel.try_again(
        parts.database, task_id, actor=user.actor, clinic_code=user.clinic_code, search_time=search_time
    )
    return Redirect(places.task_or_queue(request, task_id), status_code=303)


@get("/queue/{task_id:uuid}/cancel", guards=[guards.signed_in, May(Right.CANCEL)])
async def ask_to_cancel(
    request: Request[Any, Any, Any], parts: GivenParts, session: GivenSession, task_id: FromPath[UUID]
) -> Response[str]:
    """Ask once."""
    async with parts.database.transaction() as tx:
        task = await tasks.find(tx, task_id, clinic_code=session.user.clinic_code)
    if task is None:
        raise Problem(404, _NO_TASK)
    back = places.task_or_queue(request, task_id)
    return render.page("task_cancel.html", request, session=session, config=parts.config, task=task, back=back)


@post("/queue/{task_id:uuid}/cancel", guards=[guards.signed_in, guards.csrf, May(Right.CANCEL)])
async def stop(
    request: Request[Any, Any, Any], parts: GivenParts, session: GivenSession, task_id: FromPath[UUID]
) -> Redirect:
    """Cancel a task that has not ended."""
    user = session.user
    await cancel.cancel(parts.database, task_id, actor=user.actor, clinic_code=user.clinic_code)
    return Redirect(places.task_or_queue(request, task_id), status_code=303)


async def _context(request: Request[Any, Any, Any], parts: Parts, session: Session) -> dict[str, Any]:
    where, query = places.asked(request, places.is_moment), queue_filter.query_of(request)
    wanted = queue_filter.read(query, session.user)
    async with parts.database.transaction() as tx:
        read = await queue.lines(tx, wanted, limit=places.READ, place=where.place or queue.FIRST, back=where.back)
        tx.ends_with_next()
        away, now = await outages.known_now(tx)
    page = places.page("/queue", where, read, query)
    return {
        "page": page,
        "query": query,
        "here_query": request.scope["query_string"].decode("latin-1"),
        "seconds": _SECONDS if any(map(_is_moving, page.items)) else 0,
        "now": now,
        "obstacle": parts.obstacle(),
        "away": [(*shown, outage.since) for outage in away if (shown := _shown(outage, parts, session))],
        "session": session,
        "config": parts.config,
    }


def _shown(outage: Outage, parts: Parts, session: Session) -> tuple[Clinic, Pacs] | None:
    """Return the clinic and the PACS that is away, where it is one of those that the person sees."""
    may_see = session.user.clinic_code in {None, outage.clinic_code}
    clinic = parts.config.clinic(outage.clinic_code) if may_see else None
    pacs = clinic and clinic.pacs_called(outage.ae_title)
    return (clinic, pacs) if clinic and pacs else None


def _is_moving(line: QueueLine) -> bool:
    return line.task.status in IN_PROGRESS and line.task.status is not Status.NEEDS_REVIEW


routes = (start, show, lines, show_one, retry, ask_to_cancel, stop)
