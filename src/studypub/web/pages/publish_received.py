"""An administrator publishes what was received of a study, and says why."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from litestar import Request, Response, get, post
from litestar.params import FromPath
from litestar.response import Redirect

from studypub.core.task import Task
from studypub.db import tasks
from studypub.db.people import Session
from studypub.errors import Refused, Sentence
from studypub.flows.publish_received import publish_received
from studypub.web import forms, guards, places, render
from studypub.web.errors import Problem
from studypub.web.given import GivenParts, GivenSession
from studypub.web.parts import Parts

_NO_TASK = Sentence("Такого задания нет, или ему хватает изображений.", "There is no such task, or it lacks no images.")


@get("/queue/{task_id:uuid}/received", guards=[guards.administrator])
async def ask_why(
    request: Request[Any, Any, Any], parts: GivenParts, session: GivenSession, task_id: FromPath[UUID]
) -> Response[str]:
    """Ask once, and for the reason."""
    task = await _task(parts, session, task_id)
    return _page(request, parts, session, task, forms.empty("reason"))


@post("/queue/{task_id:uuid}/received", guards=[guards.administrator, guards.csrf])
async def allow(
    request: Request[Any, Any, Any], parts: GivenParts, session: GivenSession, task_id: FromPath[UUID]
) -> Response[str]:
    """Queue the task once more, content with what comes."""
    task, form, user = await _task(parts, session, task_id), await forms.read(request, "reason"), session.user
    search_time = timedelta(minutes=parts.config.workers.search_minutes)
    try:
        await publish_received(
            parts.database,
            task_id,
            form.value("reason"),
            actor=user.actor,
            clinic_code=user.clinic_code,
            search_time=search_time,
        )
    except Refused as refusal:
        return _page(request, parts, session, task, form.refused("reason", refusal), status=422)
    return Redirect(places.task_or_queue(request, task_id), status_code=303)


async def _task(parts: Parts, session: Session, task_id: UUID) -> Task:
    async with parts.database.transaction() as tx:
        task = await tasks.find(tx, task_id, clinic_code=session.user.clinic_code)
    if task is None or not task.lacks_images:
        raise Problem(404, _NO_TASK)
    return task


def _page(
    request: Request[Any, Any, Any], parts: Parts, session: Session, task: Task, form: forms.Form, status: int = 200
) -> Response[str]:
    panel: dict[str, Any] = {"session": session, "config": parts.config, "task": task, "form": form}
    back = places.task_or_queue(request, task.task_id)
    return render.page("task_received.html", request, status=status, **panel, back=back)


routes = (ask_why, allow)
