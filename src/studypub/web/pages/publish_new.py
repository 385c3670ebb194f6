"""The form by which a registrator publishes a study: it shows what the PACS has before anything is published."""

import re
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from litestar import Request, Response, get, post
from litestar.response import Redirect

from studypub.config import Clinic
from studypub.core.people import User
from studypub.core.request import Earlier, FieldError, InvalidRequest, PublishRequest, read_request
from studypub.core.rights import Right
from studypub.core.task import Origin
from studypub.db import settings, tasks
from studypub.db.people import Session
from studypub.errors import Refused, Sentence
from studypub.flows.keep_recipient import keep_recipient
from studypub.flows.look_up import Looked, look_up
from studypub.flows.request import Answer, Asker, request_publication
from studypub.web import forms, guards, keeping, render
from studypub.web.formats import zone_of
from studypub.web.given import GivenParts, GivenRights, GivenSession
from studypub.web.parts import Parts

_FIELDS = (
    "clinic_code",
    "patient_id",
    "accession_number",
    "save_till_date",
    "archive_format",
    "patient_email",
    "patient_phone",
)
_CHOICE, _MUST_CHOOSE = "study_instance_uid", "must_choose"
_UID = re.compile(r"[0-9.]{1,64}")
_NOT_CHOSEN = Sentence(
    "Под этим номером несколько исследований: выберите одно.",
    "There are several studies under this number: choose one.",
)


@get("/publish/new", guards=[guards.signed_in])
async def ask(
    request: Request[Any, Any, Any], parts: GivenParts, session: GivenSession, rights: GivenRights
) -> Response[str]:
    """Show the form; with `again`, filled in as a task was that is there already."""
    form, earlier = await _form_of(parts, session, _fields(rights), request.query_params.get("again"))
    return await _page(request, parts, session, rights, form, earlier=earlier)


@post("/publish/new/look", guards=[guards.signed_in, guards.csrf])
async def look(
    request: Request[Any, Any, Any], parts: GivenParts, session: GivenSession, rights: GivenRights
) -> Response[str]:
    """Show what the PACS has under the number, and what we have; nothing is published."""
    form = await forms.read(request, *_fields(rights))
    try:
        asked = await _asked(form, parts, session.user)
    except InvalidRequest as invalid:
        # As a fragment it says so beside the button; what is wrong is being typed still.
        return await _page(request, parts, session, rights, form.with_errors(*invalid.errors), status=422)
    return await _page(request, parts, session, rights, form, looked=await _looked(parts, asked))


@post("/publish/new", guards=[guards.signed_in, guards.csrf])
async def publish(
    request: Request[Any, Any, Any], parts: GivenParts, session: GivenSession, rights: GivenRights
) -> Response[str]:
    """Queue the study and go where its progress, or its link, is seen."""
    form, choice = await forms.read(request, *_fields(rights)), await forms.read(request, _CHOICE, _MUST_CHOOSE)
    try:
        asked = await _asked(form, parts, session.user)
    except InvalidRequest as invalid:
        return await _page(request, parts, session, rights, form.with_errors(*invalid.errors), status=422)
    chosen = choice.value(_CHOICE)
    if (chosen or choice.value(_MUST_CHOOSE)) and not _UID.fullmatch(chosen):
        wrong = forms.Form({**form.fields, _CHOICE: ""}).with_errors(FieldError(_CHOICE, _NOT_CHOSEN))
        return await _page(request, parts, session, rights, wrong, looked=await _looked(parts, asked), status=422)
    asker = Asker(session.user.actor, Origin.MANUAL, session.user.user_id)
    asked, search_time = replace(asked, chosen_study_uid=chosen or None), parts.config.workers.search_minutes
    try:
        answer = await request_publication(parts.database, asked, asker, search_time=timedelta(minutes=search_time))
    except Refused as refusal:
        return await _page(request, parts, session, rights, form.refused("accession_number", refusal), status=422)
    await keep_recipient(parts.config, parts.database, asked, answer, actor=session.user.actor)
    return Redirect(_where(answer, rights), status_code=303)


async def _asked(form: forms.Form, parts: Parts, user: User) -> PublishRequest:
    async with parts.database.look() as tx:
        now = await tx.now()
    return _read(form, parts, user, now)


def _read(form: forms.Form, parts: Parts, user: User, now: datetime) -> PublishRequest:
    return read_request(
        form.fields,
        zones={clinic.code: clinic.zone for clinic in _clinics(parts, user)},
        default_clinic=user.clinic_code or parts.config.clinics[0].code,
        now=now,
        longest=timedelta(days=parts.config.retention.max_days),
    )


async def _looked(parts: Parts, asked: PublishRequest) -> Looked:
    clinic = parts.config.clinic(asked.clinic_code) or parts.config.clinics[0]
    return await look_up(parts.database, parts.lookups, clinic, parts.config.dicom.ae_title, asked)


def _fields(rights: frozenset[Right]) -> tuple[str, ...]:
    """Return the form's fields: a PIN belongs to the link, and is for those who hand links over."""
    return (*_FIELDS, "pin") if Right.LINK in rights else _FIELDS


async def _form_of(
    parts: Parts, session: Session, fields: tuple[str, ...], text: str | None
) -> tuple[forms.Form, Earlier | None]:
    """Return the form as that task was asked for, and how its study was asked for the last time."""
    try:
        task_id = UUID(text or "")
    except ValueError:
        return forms.empty(*fields), None
    async with parts.database.transaction() as tx:
        task = await tasks.find(tx, task_id, clinic_code=session.user.clinic_code)
        earlier = await tasks.earlier(tx, task) if task else None
        now = await tx.now()
    if task is None or earlier is None:
        return forms.empty(*fields), None
    known = {"clinic_code": task.clinic_code, "patient_id": task.patient_id, "accession_number": task.accession_number}
    known["archive_format"] = task.archive_format or ""
    if earlier.till is not None and earlier.till > now:
        known["save_till_date"] = keeping.last_day(earlier.till, zone_of(parts.config, task.clinic_code)).isoformat()
    return forms.empty(*fields, **known), earlier


def _where(answer: Answer, rights: frozenset[Right]) -> str:
    if answer.publication is not None and Right.LINK in rights:
        return f"/studies/{answer.publication.study_id}"
    return f"/queue#task-{answer.task.task_id}"


def _clinics(parts: Parts, user: User) -> list[Clinic]:
    return [clinic for clinic in parts.config.clinics if user.clinic_code in (None, clinic.code)]


async def _page(
    request: Request[Any, Any, Any],
    parts: Parts,
    session: Session,
    rights: frozenset[Right],
    form: forms.Form,
    *,
    looked: Looked | None = None,
    earlier: Earlier | None = None,
    status: int = 200,
) -> Response[str]:
    async with parts.database.transaction() as tx:
        days = await settings.integer(
            tx, settings.RETENTION_DEFAULT_DAYS, otherwise=parts.config.retention.default_days
        )
        now = await tx.now()
    retention, own = parts.config.retention, {one.retention_days for one in _clinics(parts, session.user)}
    days = (retention.own(own.pop()) if len(own) == 1 else 0) or days
    panel: dict[str, Any] = {"session": session, "config": parts.config, "now": now, "rights": rights}
    panel |= {"form": form, "looked": looked, "earlier": looked.earlier if looked else earlier}
    if request.headers.get("HX-Request") == "true":
        return render.page("_found.html", request, **panel)
    today = now.astimezone(zone_of(parts.config, session.user.clinic_code)).date()
    return render.page(
        "publish_new.html",
        request,
        status=status,
        **panel,
        clinics=_clinics(parts, session.user),
        writes=any(clinic.delivery.consent != "never" for clinic in _clinics(parts, session.user)),
        days=days,
        earliest=today,
        latest=today + timedelta(days=parts.config.retention.max_days),
    )


routes = (ask, look, publish)
