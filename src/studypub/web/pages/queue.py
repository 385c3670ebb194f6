"""The queue: every task, how far it is, and what can be done about it."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from litestar import Request, Response, get, post
from litestar.params import FromPath
from litestar.response import Redirect

from studypub.core.task import IN_PROGRESS, Status
from studypub.db import tasks
from studypub.db.people import Session
from studypub.db.tasks import QueueLine
from studypub.errors import Sentence
from studypub.flows import cancel
from studypub.web import guards, paging, render
from studypub.web.errors import Problem
from studypub.web.given import GivenParts, GivenSession
from studypub.web.parts import Parts

_SECONDS_MOVING, _SECONDS_STILL = 2, 20
_NO_TASK = Sentence("Такого задания нет.", "There is no such task.")


@get("/", guards=[guards.signed_in])
async def start() -> Redirect:
    """Begin with the queue."""
    return Redirect("/queue", status_code=303)


@get("/queue", guards=[guards.signed_in])
async def show(request: Request[Any, Any, Any], parts: GivenParts, session: GivenSession) -> Response[str]:
    """Show the queue."""
    return render.page("queue.html", request, **await _context(request, parts, session))


@get("/queue/lines", guards=[guards.signed_in])
async def lines(request: Request[Any, Any, Any], parts: GivenParts, session: GivenSession) -> Response[str]:
    """Show the table alone, for the page that asks again and again."""
    return render.page("_queue.html", request, **await _context(request, parts, session))


@post("/queue/{task_id:uuid}/retry", guards=[guards.signed_in, guards.csrf])
async def retry(
    request: Request[Any, Any, Any], parts: GivenParts, session: GivenSession, task_id: FromPath[UUID]
) -> Redirect:
    """Queue a failed or cancelled task once more."""
    user, search_time = session.user, timedelta(minutes=parts.config.workers.search_minutes)
    await cancel.try_again(
        parts.database, task_id, actor=user.actor, clinic_code=user.clinic_code, search_time=search_time
    )
    return _back(request)


@get("/queue/{task_id:uuid}/cancel", guards=[guards.signed_in])
async def ask_to_cancel(
    request: Request[Any, Any, Any], parts: GivenParts, session: GivenSession, task_id: FromPath[UUID]
) -> Response[str]:
    """Ask once."""
    async with parts.database.transaction() as tx:
        task = await tasks.find(tx, task_id, clinic_code=session.user.clinic_code)
    if task is None:
        raise Problem(404, _NO_TASK)
    page = paging.number_of(request)
    return render.page("task_cancel.html", request, session=session, config=parts.config, task=task, page=page)


@post("/queue/{task_id:uuid}/cancel", guards=[guards.signed_in, guards.csrf])
async def stop(
    request: Request[Any, Any, Any], parts: GivenParts, session: GivenSession, task_id: FromPath[UUID]
) -> Redirect:
    """Cancel a task that has not ended."""
    user = session.user
    await cancel.cancel(parts.database, task_id, actor=user.actor, clinic_code=user.clinic_code)
    return _back(request)


async def _context(request: Request[Any, Any, Any], parts: Parts, session: Session) -> dict[str, Any]:
    number = paging.number_of(request)
    async with parts.database.transaction() as tx:
        read = await tasks.newest(tx, clinic_code=session.user.clinic_code, **paging.window(number))
        now = await tx.now()
    page = paging.page("/queue", number, read)
    seconds = _SECONDS_MOVING if any(map(_is_moving, page.items)) else _SECONDS_STILL
    return {
        "page": page,
        "seconds": seconds,
        "now": now,
        "obstacle": parts.obstacle(),
        "session": session,
        "config": parts.config,
    }


def _is_moving(line: QueueLine) -> bool:
    return line.task.status in IN_PROGRESS and line.task.status is not Status.NEEDS_REVIEW


def _back(request: Request[Any, Any, Any]) -> Redirect:
    number = paging.number_of(request)
    return Redirect(f"/queue?page={number}" if number > 1 else "/queue", status_code=303)


routes = (start, show, lines, retry, ask_to_cancel, stop)
