"""What an administrator sets while the daemon runs."""

from typing import Any

from litestar import Request, Response, get, post
from litestar.response import Redirect

from studypub.db import settings
from studypub.errors import Refused
from studypub.flows.set_retention import set_default_days
from studypub.web import forms, guards, render
from studypub.web.given import GivenParts, GivenSession

_DAYS = "default_days"
_MOST_DIGITS = 6


@get("/admin/settings", guards=[guards.administrator, guards.of_every_clinic])
async def show(request: Request[Any, Any, Any], parts: GivenParts, session: GivenSession) -> Response[str]:
    """Show the settings."""
    async with parts.database.transaction() as tx:
        days = await settings.integer(
            tx, settings.RETENTION_DEFAULT_DAYS, otherwise=parts.config.retention.default_days
        )
    form = forms.empty(default_days=str(days))
    saved = request.query_params.get("saved") == "1"
    return render.page("settings.html", request, session=session, config=parts.config, form=form, saved=saved)


@post("/admin/settings", guards=[guards.administrator, guards.of_every_clinic, guards.csrf])
async def change(request: Request[Any, Any, Any], parts: GivenParts, session: GivenSession) -> Response[str]:
    """Change them."""
    form = await forms.read(request, _DAYS)
    longest = parts.config.retention.max_days
    try:
        await set_default_days(parts.database, _days(form), longest=longest, actor=session.user.actor)
    except Refused as refusal:
        panel = {"session": session, "config": parts.config, "saved": False}
        return render.page("settings.html", request, status=422, **panel, form=form.refused(_DAYS, refusal))
    return Redirect("/admin/settings?saved=1", status_code=303)


def _days(form: forms.Form) -> int:
    text = form.value(_DAYS).strip()
    return int(text) if text.isascii() and text.isdigit() and len(text) <= _MOST_DIGITS else 0


routes = (show, change)
