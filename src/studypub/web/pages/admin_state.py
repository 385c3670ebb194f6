"""How PACS, storage, disk and queue do, on one page, and a check of all of them now."""

import asyncio
import shutil
from pathlib import Path
from typing import Any

from litestar import Request, Response, get, post

from studypub.db import state
from studypub.db.people import Session
from studypub.flows.check_now import check_now
from studypub.flows.examine.finding import Finding
from studypub.web import guards, render
from studypub.web.given import GivenCurrent, GivenParts, GivenSession
from studypub.web.parts import Parts


@get("/admin/state", guards=[guards.administrator, guards.of_every_clinic])
async def show(request: Request[Any, Any, Any], parts: GivenParts, session: GivenSession) -> Response[str]:
    """Show what is known without asking anybody."""
    return await _page(request, parts, session, [])


@post("/admin/state", guards=[guards.administrator, guards.of_every_clinic, guards.csrf])
async def check(
    request: Request[Any, Any, Any], parts: GivenParts, session: GivenSession, current: GivenCurrent
) -> Response[str]:
    """Try every part, and show what was found."""
    findings = await check_now(current, parts.database, parts.probes)
    return await _page(request, parts, session, findings)


async def _page(
    request: Request[Any, Any, Any], parts: Parts, session: Session, findings: list[Finding]
) -> Response[str]:
    faults = await parts.readiness()
    async with parts.database.transaction() as tx:
        known, now = await state.known(tx), await tx.now()
    disk = await asyncio.to_thread(_disk, parts.config.database.data_dir)
    panel: dict[str, Any] = {"session": session, "config": parts.config, "now": now}
    panel["certificates"] = parts.certificates()
    return render.page("state.html", request, **panel, faults=faults, known=known, disk=disk, findings=findings)


def _disk(folder: Path) -> Any:
    """Return bytes in all and bytes free; None where the folder is not there."""
    try:
        return shutil.disk_usage(folder)
    except OSError:
        return None


routes = (show, check)
