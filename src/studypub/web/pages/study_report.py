"""The doctor's report beside a publication: attached, replaced and taken away by a registrator."""

from typing import Any, Final
from uuid import UUID

from litestar import Request, Response, get, post
from litestar.datastructures import UploadFile
from litestar.params import FromPath
from litestar.response import Redirect

from studypub.core.publication import Publication
from studypub.core.report import LARGEST
from studypub.core.request import FieldError
from studypub.core.rights import Right
from studypub.db import reports, studies
from studypub.db.people import Session
from studypub.errors import Refused, Sentence
from studypub.flows import report
from studypub.flows.report import Written
from studypub.web import forms, guards, render
from studypub.web.errors import Problem
from studypub.web.given import GivenParts, GivenSession
from studypub.web.parts import Parts
from studypub.web.rights import May

_NO_STUDY: Final = Sentence("Такой публикации нет.", "There is no such publication.")
_NOTHING: Final = Sentence("Выберите файл PDF или введите текст.", "Choose a PDF, or type the text.")
_TOO_LARGE: Final = Sentence(f"Файл больше {LARGEST >> 20} МБ.", f"The file is larger than {LARGEST >> 20} MB.")
_NOT_CONFIRMED: Final = Sentence(
    "Отметьте, что заключение прочтёт каждый, у кого есть ссылка.", "Confirm that whoever has the link reads it."
)
_FORM_BYTES: Final = 1 << 20  # of what is sent besides the file


@get("/studies/{study_id:uuid}/report", guards=[guards.signed_in, May(Right.LINK)])
async def show(
    request: Request[Any, Any, Any], parts: GivenParts, session: GivenSession, study_id: FromPath[UUID]
) -> Response[str]:
    """Show what is attached, and the form."""
    study = await _study(parts, session, study_id)
    return await _page(request, parts, session, study, forms.empty("file", "text", "accepted"))


@post(
    "/studies/{study_id:uuid}/report",
    guards=[guards.signed_in, May(Right.LINK), guards.csrf],  # no file is unpacked of who may not send one
    opt={guards.TAKES_FILES: True},
    request_max_body_size=LARGEST + _FORM_BYTES,
)
async def attach(
    request: Request[Any, Any, Any], parts: GivenParts, session: GivenSession, study_id: FromPath[UUID]
) -> Response[str]:
    """Attach a file, or the text that was typed; whoever does so has read what that means."""
    study, form = await _study(parts, session, study_id), await forms.read(request, "file", "text", "accepted")
    written = await _written(request, form)
    if isinstance(written, FieldError):
        return await _page(request, parts, session, study, form.with_errors(written), status=422)
    if not form.value("accepted"):
        wrong = form.with_errors(FieldError("accepted", _NOT_CONFIRMED))
        return await _page(request, parts, session, study, wrong, status=422)
    user = session.user
    try:
        place = await report.place_for(parts.config, parts.database, study.task_id, clinic_code=user.clinic_code)
        await report.attach(parts.database, parts.store, place, written, accepted=True, actor=user.actor)
    except Refused as refusal:
        wrong = form.refused("text" if written.is_text else "file", refusal)
        return await _page(request, parts, session, study, wrong, status=422)
    return Redirect(f"/studies/{study_id}/report", status_code=303)


@post("/studies/{study_id:uuid}/report/remove", guards=[guards.signed_in, guards.csrf, May(Right.LINK)])
async def remove(parts: GivenParts, session: GivenSession, study_id: FromPath[UUID]) -> Redirect:
    """Take the report away."""
    study, user = await _study(parts, session, study_id), session.user
    await report.detach(parts.database, study.task_id, actor=user.actor, clinic_code=user.clinic_code)
    return Redirect(f"/studies/{study_id}/report", status_code=303)


async def _written(request: Request[Any, Any, Any], form: forms.Form) -> Written | FieldError:
    sent = (await request.form()).get("file")
    content = await sent.read() if isinstance(sent, UploadFile) else b""
    if len(content) > LARGEST:
        return FieldError("file", _TOO_LARGE)
    if content:
        return Written(content, is_text=False)
    if form.value("text").strip():
        return Written(form.value("text").encode(), is_text=True)
    return FieldError("file", _NOTHING)


async def _study(parts: Parts, session: Session, study_id: UUID) -> Publication:
    """Return the publication. Raises Problem where there is none, or its clinic puts no reports beside images."""
    async with parts.database.transaction() as tx:
        study = await studies.find(tx, study_id, clinic_code=session.user.clinic_code)
    if study is None or report.allowed(parts.config, study.clinic_code) is None:
        raise Problem(404, _NO_STUDY)
    return study


async def _page(
    request: Request[Any, Any, Any],
    parts: Parts,
    session: Session,
    study: Publication,
    form: forms.Form,
    status: int = 200,
) -> Response[str]:
    async with parts.database.transaction() as tx:
        attached, now = await reports.of_task(tx, study.task_id), await tx.now()
    return render.page(
        "study_report.html",
        request,
        status=status,
        session=session,
        config=parts.config,
        study=study,
        now=now,
        attached=attached,
        form=form,
    )


routes = (show, attach, remove)
