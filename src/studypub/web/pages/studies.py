"""Published studies: find one, hand over its link, keep it for longer, withdraw it."""

from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from uuid import UUID

import segno
from litestar import Request, Response, get, post
from litestar.params import FromPath
from litestar.response import Redirect

from studypub.core.publication import Publication, link
from studypub.db import studies
from studypub.db.people import Session
from studypub.errors import Refused, Sentence
from studypub.flows import withdraw
from studypub.web import forms, guards, paging, render
from studypub.web.errors import Problem
from studypub.web.formats import zone_of
from studypub.web.given import GivenParts, GivenSession
from studypub.web.parts import Parts

_LONGEST_TEXT = 64
_NO_STUDY = Sentence("Такой публикации нет.", "There is no such publication.")
_NO_DATE = Sentence("Укажите дату.", "Give a date.")


@get("/studies", guards=[guards.signed_in])
async def show(request: Request[Any, Any, Any], parts: GivenParts, session: GivenSession) -> Response[str]:
    """Show the publications, or those whose numbers have the text that was asked for."""
    number, text = paging.number_of(request), request.query_params.get("q", "").strip()[:_LONGEST_TEXT]
    text = text.replace("\0", "")
    async with parts.database.transaction() as tx:
        read = await studies.newest(tx, clinic_code=session.user.clinic_code, text=text, **paging.window(number))
        now = await tx.now()
    page = paging.page("/studies", number, read, q=text)
    return render.page("studies.html", request, **_panel(parts, session, now), page=page, text=text)


@get("/studies/{study_id:uuid}", guards=[guards.signed_in])
async def show_one(
    request: Request[Any, Any, Any], parts: GivenParts, session: GivenSession, study_id: FromPath[UUID]
) -> Response[str]:
    """Show one publication's link and its QR code."""
    study, now = await _study(parts, session, study_id)
    address = link(parts.config.server.base_url, study.token)
    qr = segno.make(address, error="m").svg_data_uri(border=4)
    return render.page("study.html", request, **_panel(parts, session, now), study=study, address=address, qr=qr)


@get("/studies/{study_id:uuid}/keep", guards=[guards.signed_in])
async def ask_how_long(
    request: Request[Any, Any, Any], parts: GivenParts, session: GivenSession, study_id: FromPath[UUID]
) -> Response[str]:
    """Show the form for the date until which the study is kept."""
    study, now = await _study(parts, session, study_id)
    till = study.save_till.astimezone(zone_of(parts.config, study.clinic_code)).date()
    return _keep_page(request, parts, session, study, now, forms.empty(save_till_date=till.isoformat()))


@post("/studies/{study_id:uuid}/keep", guards=[guards.signed_in, guards.csrf])
async def keep(
    request: Request[Any, Any, Any], parts: GivenParts, session: GivenSession, study_id: FromPath[UUID]
) -> Response[str]:
    """Keep the study to the end of a day."""
    study, now = await _study(parts, session, study_id)
    form = await forms.read(request, "save_till_date")
    user, longest = session.user, timedelta(days=parts.config.retention.max_days)
    try:
        till = _end_of_day(form.value("save_till_date"), parts, study)
        await withdraw.keep_until(
            parts.database, study_id, till, longest=longest, actor=user.actor, clinic_code=user.clinic_code
        )
    except Refused as refusal:
        wrong = form.refused("save_till_date", refusal)
        return _keep_page(request, parts, session, study, now, wrong, status=422)
    return Redirect("/studies", status_code=303)


@get("/studies/{study_id:uuid}/withdraw", guards=[guards.signed_in])
async def ask_to_withdraw(
    request: Request[Any, Any, Any], parts: GivenParts, session: GivenSession, study_id: FromPath[UUID]
) -> Response[str]:
    """Ask once."""
    study, now = await _study(parts, session, study_id)
    return render.page("study_withdraw.html", request, **_panel(parts, session, now), study=study)


@post("/studies/{study_id:uuid}/withdraw", guards=[guards.signed_in, guards.csrf])
async def close(parts: GivenParts, session: GivenSession, study_id: FromPath[UUID]) -> Redirect:
    """Close the link."""
    user = session.user
    await withdraw.withdraw(parts.database, study_id, actor=user.actor, clinic_code=user.clinic_code)
    return Redirect("/studies", status_code=303)


async def _study(parts: Parts, session: Session, study_id: UUID) -> tuple[Publication, datetime]:
    async with parts.database.transaction() as tx:
        study = await studies.find(tx, study_id, clinic_code=session.user.clinic_code)
        if study is None:
            raise Problem(404, _NO_STUDY)
        return study, await tx.now()


def _panel(parts: Parts, session: Session, now: datetime) -> dict[str, Any]:
    return {"session": session, "config": parts.config, "now": now}


def _keep_page(
    request: Request[Any, Any, Any],
    parts: Parts,
    session: Session,
    study: Publication,
    now: datetime,
    form: forms.Form,
    status: int = 200,
) -> Response[str]:
    today = now.astimezone(zone_of(parts.config, study.clinic_code)).date()
    # The end of the last day must not lie beyond the limit, which counts from this minute.
    latest = today + timedelta(days=parts.config.retention.max_days - 1)
    panel = _panel(parts, session, now)
    return render.page(
        "study_keep.html", request, status=status, **panel, study=study, form=form, earliest=today, latest=latest
    )


def _end_of_day(text: str, parts: Parts, study: Publication) -> datetime:
    try:
        day = date.fromisoformat(text)
    except ValueError:
        raise Refused(reason_ru=_NO_DATE.ru, reason_en=_NO_DATE.en) from None
    zone = zone_of(parts.config, study.clinic_code)
    return datetime.combine(day, time(23, 59, 59), zone).astimezone(UTC)


routes = (show, show_one, ask_how_long, keep, ask_to_withdraw, close)
