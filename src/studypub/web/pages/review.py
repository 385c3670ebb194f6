"""What was held back: small pictures, why, and a decision about each."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from litestar import Request, Response, get, post
from litestar.params import FromPath
from litestar.response import Redirect

from studypub.core.review import Decision, HeldInstance
from studypub.core.rights import Right
from studypub.core.task import Task
from studypub.db import review, tasks
from studypub.db.people import Session
from studypub.errors import Sentence
from studypub.flows.review import decide
from studypub.web import guards, render
from studypub.web.errors import Problem
from studypub.web.given import GivenParts, GivenSession
from studypub.web.parts import Parts
from studypub.web.rights import May

_NO_TASK = Sentence("Такого задания нет.", "There is no such task.")
_NO_PICTURE = Sentence("Такого снимка нет.", "There is no such picture.")


@get("/review/{task_id:uuid}", guards=[guards.signed_in, May(Right.REVIEW)])
async def show(
    request: Request[Any, Any, Any], parts: GivenParts, session: GivenSession, task_id: FromPath[UUID]
) -> Response[str]:
    """Show what waits for a decision."""
    task, held = await _held(parts, session, task_id)
    return render.page("review.html", request, session=session, config=parts.config, task=task, held=held)


@get("/review/pictures/{held_id:uuid}", guards=[guards.signed_in, May(Right.REVIEW)])
async def picture(parts: GivenParts, session: GivenSession, held_id: FromPath[UUID]) -> Response[bytes]:
    """Send the small picture of a held instance."""
    async with parts.database.transaction() as tx:
        found = await review.thumbnail(tx, held_id, clinic_code=session.user.clinic_code)
    if found is None:
        raise Problem(404, _NO_PICTURE)
    return Response(found, media_type="image/png")


@post("/review/{task_id:uuid}", guards=[guards.signed_in, guards.csrf, May(Right.REVIEW)])
async def decide_all(
    request: Request[Any, Any, Any], parts: GivenParts, session: GivenSession, task_id: FromPath[UUID]
) -> Redirect:
    """Write the decisions down; with the last one the task goes on."""
    _, held = await _held(parts, session, task_id)
    form, user = await request.form(), session.user
    for decision in Decision:
        chosen = [one.held_id for one in held if _wanted(one, form) == decision.value]
        if chosen:
            await decide(parts.database, task_id, chosen, decision, actor=user.actor, clinic_code=user.clinic_code)
    return Redirect("/queue", status_code=303)


def _wanted(one: HeldInstance, form: Mapping[str, Any]) -> object:
    """Return what the form says of one; what cannot be covered is left out where all is to be covered."""
    wanted = form.get("all") or form.get(str(one.held_id))
    return Decision.LEAVE_OUT.value if wanted == Decision.MASK.value and not one.can_be_masked else wanted


async def _held(parts: Parts, session: Session, task_id: UUID) -> tuple[Task, list[HeldInstance]]:
    async with parts.database.transaction() as tx:
        task = await tasks.find(tx, task_id, clinic_code=session.user.clinic_code)
        if task is None:
            raise Problem(404, _NO_TASK)
        return task, [one for one in await review.of_task(tx, task_id) if one.decision is None]


routes = (show, picture, decide_all)
