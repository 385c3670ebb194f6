"""What registrators may do."""

from typing import Any

from litestar import Request, Response, get, post
from litestar.response import Redirect

from studypub.core.rights import Right
from studypub.db import settings
from studypub.flows.grant_rights import grant_rights
from studypub.web import guards, render
from studypub.web.given import GivenParts, GivenSession


@get("/admin/rights", guards=[guards.administrator, guards.of_every_clinic])
async def show(request: Request[Any, Any, Any], parts: GivenParts, session: GivenSession) -> Response[str]:
    """Show what is granted."""
    async with parts.database.transaction() as tx:
        granted = await settings.rights_of_registrators(tx)
    saved = request.query_params.get("saved") == "1"
    return render.page("rights.html", request, session=session, config=parts.config, granted=granted, saved=saved)


@post("/admin/rights", guards=[guards.administrator, guards.of_every_clinic, guards.csrf])
async def change(request: Request[Any, Any, Any], parts: GivenParts, session: GivenSession) -> Redirect:
    """Grant what is marked and nothing else."""
    form = await request.form()
    marked = frozenset(right for right in Right if form.get(right.value) == "1")
    await grant_rights(parts.database, marked, actor=session.user.actor)
    return Redirect("/admin/rights?saved=1", status_code=303)


routes = (show, change)
