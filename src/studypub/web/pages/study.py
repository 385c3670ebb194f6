"""One publication: hand over its link, on paper too, keep it for longer, withdraw it."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import segno
from litestar import Request, Response, get, post
from litestar.params import FromPath
from litestar.response import Redirect

from studypub.core.publication import Publication, link
from studypub.core.request import FieldError
from studypub.core.rights import Right
from studypub.db import studies
from studypub.db.people import Session
from studypub.errors import Refused, Sentence
from studypub.flows import pin, withdraw
from studypub.flows.clinic_logo import logo_beside
from studypub.web import forms, guards, keeping, places, render
from studypub.web.errors import Problem
from studypub.web.formats import zone_of
from studypub.web.given import GivenParts, GivenRights, GivenSession
from studypub.web.parts import Parts
from studypub.web.rights import May

_NO_STUDY = Sentence("Такой публикации нет.", "There is no such publication.")
_WRONG_PIN = Sentence("Это не ПИН-код этой ссылки.", "This is not the PIN of this link.")
_LONGEST_NAME = 128


@get("/studies/{study_id:uuid}", guards=[guards.signed_in, May(Right.LINK)])
async def show_one(
    request: Request[Any, Any, Any],
    parts: GivenParts,
    session: GivenSession,
    rights: GivenRights,
    study_id: FromPath[UUID],
) -> Response[str]:
    """Show the link and its QR code."""
    study, now = await _study(parts, session, study_id)
    return render.page("study.html", request, **_panel(parts, session, now), **_link(parts, study), rights=rights)


@get("/studies/{study_id:uuid}/slip", guards=[guards.signed_in, May(Right.LINK)])
async def slip(
    request: Request[Any, Any, Any], parts: GivenParts, session: GivenSession, study_id: FromPath[UUID]
) -> Response[str]:
    """Show the slip to print; it names nobody."""
    study, now = await _study(parts, session, study_id)
    return _slip(request, await _paper(parts, session, study, now), forms.empty("name", "pin"))


@post("/studies/{study_id:uuid}/slip", guards=[guards.signed_in, guards.csrf, May(Right.LINK)])
async def slip_with_name(
    request: Request[Any, Any, Any], parts: GivenParts, session: GivenSession, study_id: FromPath[UUID]
) -> Response[str]:
    """Show the slip with a name and a PIN on it that somebody typed; they are kept nowhere."""
    study, now = await _study(parts, session, study_id)
    form, page = await forms.read(request, "name", "pin"), await _paper(parts, session, study, now)
    typed = form.value("pin").strip()
    if typed and not await pin.is_right(study, typed):
        return _slip(request, page, form.with_errors(FieldError("pin", _WRONG_PIN)), status=422)
    return _slip(request, page, form)


@get("/studies/{study_id:uuid}/keep", guards=[guards.signed_in, May(Right.KEEP)])
async def ask_how_long(
    request: Request[Any, Any, Any], parts: GivenParts, session: GivenSession, study_id: FromPath[UUID]
) -> Response[str]:
    """Show the form for the date until which the study is kept."""
    study, now = await _study(parts, session, study_id)
    till = study.save_till.astimezone(zone_of(parts.config, study.clinic_code)).date()
    return _keep_page(request, parts, session, study, now, forms.empty(save_till_date=till.isoformat()))


@post("/studies/{study_id:uuid}/keep", guards=[guards.signed_in, guards.csrf, May(Right.KEEP)])
async def keep(
    request: Request[Any, Any, Any], parts: GivenParts, session: GivenSession, study_id: FromPath[UUID]
) -> Response[str]:
    """Keep the study to the end of a day."""
    study, now = await _study(parts, session, study_id)
    form = await forms.read(request, "save_till_date")
    user, longest = session.user, timedelta(days=parts.config.retention.max_days)
    try:
        till = keeping.end_of_day(form.value("save_till_date"), zone_of(parts.config, study.clinic_code))
        await withdraw.keep_until(
            parts.database, study_id, till, longest=longest, actor=user.actor, clinic_code=user.clinic_code
        )
    except Refused as refusal:
        wrong = form.refused("save_till_date", refusal)
        return _keep_page(request, parts, session, study, now, wrong, status=422)
    return Redirect(places.same_list("/studies", request), status_code=303)


@get("/studies/{study_id:uuid}/withdraw", guards=[guards.signed_in, May(Right.WITHDRAW)])
async def ask_to_withdraw(
    request: Request[Any, Any, Any], parts: GivenParts, session: GivenSession, study_id: FromPath[UUID]
) -> Response[str]:
    """Ask once."""
    study, now = await _study(parts, session, study_id)
    back = places.same_list("/studies", request)
    return render.page("study_withdraw.html", request, **_panel(parts, session, now), study=study, back=back)


@post("/studies/{study_id:uuid}/withdraw", guards=[guards.signed_in, guards.csrf, May(Right.WITHDRAW)])
async def close(
    request: Request[Any, Any, Any], parts: GivenParts, session: GivenSession, study_id: FromPath[UUID]
) -> Redirect:
    """Close the link."""
    user = session.user
    await withdraw.withdraw(parts.database, study_id, actor=user.actor, clinic_code=user.clinic_code)
    return Redirect(places.same_list("/studies", request), status_code=303)


async def _study(parts: Parts, session: Session, study_id: UUID) -> tuple[Publication, datetime]:
    async with parts.database.transaction() as tx:
        study = await studies.find(tx, study_id, clinic_code=session.user.clinic_code)
        if study is None:
            raise Problem(404, _NO_STUDY)
        return study, await tx.now()


def _slip(request: Request[Any, Any, Any], page: dict[str, Any], form: forms.Form, status: int = 200) -> Response[str]:
    name = form.value("name").strip()[:_LONGEST_NAME]
    return render.page("slip.html", request, status=status, **page, form=form, name=name)


def _panel(parts: Parts, session: Session, now: datetime) -> dict[str, Any]:
    return {"session": session, "config": parts.config, "now": now}


def _link(parts: Parts, study: Publication) -> dict[str, Any]:
    address = link(parts.config.server.base_url, study.token)
    qr = segno.make(address, error="m").svg_data_uri(border=4)
    clinic = parts.config.clinic(study.clinic_code) or parts.config.clinics[0]
    return {"study": study, "address": address, "qr": qr, "clinic": clinic}


async def _paper(parts: Parts, session: Session, study: Publication, now: datetime) -> dict[str, Any]:
    logo = await logo_beside(parts.database, study.clinic_code)
    return {**_panel(parts, session, now), **_link(parts, study), "logo": logo}


def _keep_page(
    request: Request[Any, Any, Any],
    parts: Parts,
    session: Session,
    study: Publication,
    now: datetime,
    form: forms.Form,
    status: int = 200,
) -> Response[str]:
    days = keeping.bounds(now, zone_of(parts.config, study.clinic_code), parts.config)
    panel, back = _panel(parts, session, now), places.same_list("/studies", request)
    return render.page("study_keep.html", request, status=status, **panel, **days, study=study, form=form, back=back)


routes = (show_one, slip, slip_with_name, ask_how_long, keep, ask_to_withdraw, close)
