"""The form by which a registrator publishes a study."""

from datetime import datetime, timedelta
from typing import Any

from litestar import Request, Response, get, post
from litestar.response import Redirect

from studypub.config import Clinic
from studypub.core.people import User
from studypub.core.request import InvalidRequest, PublishRequest, read_request
from studypub.core.task import Origin
from studypub.db import settings
from studypub.db.people import Session
from studypub.flows.request import Answer, Asker, request_publication
from studypub.web import forms, guards, render
from studypub.web.formats import zone_of
from studypub.web.given import GivenParts, GivenSession
from studypub.web.parts import Parts

_FIELDS = ("clinic_code", "patient_id", "accession_number", "save_till_date")


@get("/publish/new", guards=[guards.signed_in])
async def ask(request: Request[Any, Any, Any], parts: GivenParts, session: GivenSession) -> Response[str]:
    """Show the form."""
    return await _page(request, parts, session, forms.empty(*_FIELDS))


@post("/publish/new", guards=[guards.signed_in, guards.csrf])
async def publish(request: Request[Any, Any, Any], parts: GivenParts, session: GivenSession) -> Response[str]:
    """Queue the study and go where its progress, or its link, is seen."""
    form = await forms.read(request, *_FIELDS)
    async with parts.database.transaction() as tx:
        now = await tx.now()
    try:
        asked = _read(form, parts, session.user, now)
    except InvalidRequest as invalid:
        return await _page(request, parts, session, form.with_errors(*invalid.errors), status=422)
    answer = await request_publication(
        parts.database,
        asked,
        Asker(session.user.actor, Origin.MANUAL, session.user.user_id),
        search_time=timedelta(minutes=parts.config.workers.search_minutes),
    )
    return Redirect(_where(answer), status_code=303)


def _read(form: forms.Form, parts: Parts, user: User, now: datetime) -> PublishRequest:
    return read_request(
        form.fields,
        zones={clinic.code: clinic.zone for clinic in _clinics(parts, user)},
        default_clinic=user.clinic_code or parts.config.clinics[0].code,
        now=now,
        longest=timedelta(days=parts.config.retention.max_days),
    )


def _where(answer: Answer) -> str:
    if answer.publication is not None:
        return f"/studies/{answer.publication.study_id}"
    return f"/queue#task-{answer.task.task_id}"


def _clinics(parts: Parts, user: User) -> list[Clinic]:
    return [clinic for clinic in parts.config.clinics if user.clinic_code in (None, clinic.code)]


async def _page(
    request: Request[Any, Any, Any], parts: Parts, session: Session, form: forms.Form, status: int = 200
) -> Response[str]:
    async with parts.database.transaction() as tx:
        days = await settings.integer(
            tx, settings.RETENTION_DEFAULT_DAYS, otherwise=parts.config.retention.default_days
        )
        now = await tx.now()
    today = now.astimezone(zone_of(parts.config, session.user.clinic_code)).date()
    return render.page(
        "publish_new.html",
        request,
        status=status,
        session=session,
        config=parts.config,
        form=form,
        clinics=_clinics(parts, session.user),
        days=days,
        earliest=today,
        latest=today + timedelta(days=parts.config.retention.max_days),
    )


routes = (ask, publish)
