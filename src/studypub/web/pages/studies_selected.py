"""Several publications at once: keep them for longer, withdraw them."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from litestar import Request, Response, get, post
from litestar.response import Redirect

from studypub.core.publication import Publication, State
from studypub.core.rights import Right
from studypub.db import studies
from studypub.db.people import Session
from studypub.errors import Refused, Sentence
from studypub.flows import withdraw
from studypub.web import forms, guards, keeping, places, render
from studypub.web.errors import Problem
from studypub.web.formats import zone_of
from studypub.web.given import GivenParts, GivenSession
from studypub.web.parts import Parts
from studypub.web.rights import May

_MOST = 100
_NOTHING = Sentence("Отметьте в списке открытые публикации.", "Mark open publications in the list.")


@get("/studies/selected/keep", guards=[guards.signed_in, May(Right.KEEP)])
async def ask_how_long(request: Request[Any, Any, Any], parts: GivenParts, session: GivenSession) -> Response[str]:
    """Show the form for the date until which they are kept."""
    chosen, now = await _chosen(parts, session, request.query_params.getall("study", []))
    return _keep_page(request, parts, session, chosen, now, forms.empty("save_till_date"))


@post("/studies/selected/keep", guards=[guards.signed_in, guards.csrf, May(Right.KEEP)])
async def keep(request: Request[Any, Any, Any], parts: GivenParts, session: GivenSession) -> Response[str]:
    """Keep them to the end of a day."""
    chosen, now = await _chosen(parts, session, (await request.form()).getall("study", []))
    form = await forms.read(request, "save_till_date")
    user, longest = session.user, timedelta(days=parts.config.retention.max_days)
    ids = [study.study_id for study in chosen]
    try:
        till = keeping.end_of_day(form.value("save_till_date"), zone_of(parts.config, chosen[0].clinic_code))
        await withdraw.keep_all(
            parts.database, ids, till, longest=longest, actor=user.actor, clinic_code=user.clinic_code
        )
    except Refused as refusal:
        wrong = form.refused("save_till_date", refusal)
        return _keep_page(request, parts, session, chosen, now, wrong, status=422)
    return Redirect(places.same_list("/studies", request), status_code=303)


@get("/studies/selected/withdraw", guards=[guards.signed_in, May(Right.WITHDRAW)])
async def ask_to_withdraw(request: Request[Any, Any, Any], parts: GivenParts, session: GivenSession) -> Response[str]:
    """Ask once."""
    chosen, now = await _chosen(parts, session, request.query_params.getall("study", []))
    panel: dict[str, Any] = {"session": session, "config": parts.config, "now": now}
    back = places.same_list("/studies", request)
    return render.page("studies_withdraw.html", request, **panel, chosen=chosen, back=back)


@post("/studies/selected/withdraw", guards=[guards.signed_in, guards.csrf, May(Right.WITHDRAW)])
async def close(request: Request[Any, Any, Any], parts: GivenParts, session: GivenSession) -> Redirect:
    """Close their links."""
    chosen, _ = await _chosen(parts, session, (await request.form()).getall("study", []))
    user, ids = session.user, [study.study_id for study in chosen]
    await withdraw.withdraw_all(parts.database, ids, actor=user.actor, clinic_code=user.clinic_code)
    return Redirect(places.same_list("/studies", request), status_code=303)


async def _chosen(parts: Parts, session: Session, texts: list[Any]) -> tuple[list[Publication], datetime]:
    """Return those of the marked publications that are open and may be seen. Raises Problem where there are none."""
    ids = list(dict.fromkeys(filter(None, map(_uuid, texts[:_MOST]))))
    async with parts.database.transaction() as tx:
        now = await tx.now()
        found = [await studies.find(tx, study_id, clinic_code=session.user.clinic_code) for study_id in ids]
    chosen = [study for study in found if study and study.state is State.LIVE and study.save_till > now]
    if not chosen:
        raise Problem(409, _NOTHING)
    return chosen, now


def _uuid(text: object) -> UUID | None:
    try:
        return UUID(str(text))
    except ValueError:
        return None


def _keep_page(
    request: Request[Any, Any, Any],
    parts: Parts,
    session: Session,
    chosen: list[Publication],
    now: datetime,
    form: forms.Form,
    status: int = 200,
) -> Response[str]:
    panel: dict[str, Any] = {"session": session, "config": parts.config, "now": now}
    days = keeping.bounds(now, zone_of(parts.config, chosen[0].clinic_code), parts.config)
    back = places.same_list("/studies", request)
    return render.page(
        "studies_keep.html", request, status=status, **panel, **days, chosen=chosen, form=form, back=back
    )


routes = (ask_how_long, keep, ask_to_withdraw, close)
