"""The audit log: who did what, and when."""

from typing import Any

from litestar import Request, Response, get

from studypub.db import audit
from studypub.web import guards, paging, render
from studypub.web.given import GivenParts, GivenSession


@get("/admin/audit", guards=[guards.administrator, guards.of_every_clinic])
async def show(request: Request[Any, Any, Any], parts: GivenParts, session: GivenSession) -> Response[str]:
    """Show a page of the log, newest first."""
    number = paging.number_of(request)
    async with parts.database.transaction() as tx:
        read, now = await audit.newest(tx, **paging.window(number)), await tx.now()
    page = paging.page("/admin/audit", number, read)
    return render.page("audit.html", request, session=session, config=parts.config, now=now, page=page)


routes = (show,)
