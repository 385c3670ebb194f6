"""Clinics: what each is, where its PACS is, and how its studies are handed out."""

from datetime import datetime
from typing import Any, Final

from litestar import Request, Response, get, post
from litestar.datastructures import UploadFile
from litestar.params import FromPath
from litestar.response import Redirect

from studypub.config import Clinic, Current
from studypub.config.current import edition
from studypub.core.request import FieldError
from studypub.db import clinics
from studypub.db.clinics import Kept
from studypub.db.people import Session
from studypub.errors import ClinicChanged, ClinicInUse, LogoUnusable, Sentence, StudypubError
from studypub.flows.check_now import check_pacs
from studypub.flows.clinic_logo import logo_beside, remove_logo, set_logo
from studypub.flows.examine.finding import Finding
from studypub.flows.set_clinic import Editing, give_clinic_back, set_clinic
from studypub.web import clinic_form, forms, guards, render
from studypub.web.errors import Problem
from studypub.web.forms import Form
from studypub.web.given import GivenCurrent, GivenParts, GivenSession
from studypub.web.parts import Parts

_NO_CLINIC = Sentence("Такой клиники нет.", "There is no such clinic.")
_SEEING = [guards.administrator, guards.of_every_clinic]
_CHANGING = [*_SEEING, guards.csrf]
_LARGEST_FORM: Final = 8 << 20  # bytes: of a file that is a little too large is told beside its field


@get("/admin/clinics", guards=_SEEING)
async def show(
    request: Request[Any, Any, Any], parts: GivenParts, session: GivenSession, current: GivenCurrent
) -> Response[str]:
    """List the clinics, and what stands in the database that nobody can read."""
    kept, now = await _kept(parts)
    unread = [code for code in current.unusable if parts.config.clinic(code) is None]
    panel: dict[str, Any] = {"session": session, "config": parts.config, "now": now, "kept": kept}
    panel["unusable"] = current.unusable
    saved = request.query_params.get("saved", "")
    return render.page("clinics.html", request, **panel, unread=unread, saved=parts.config.clinic(saved))


@get("/admin/clinics/new", guards=_SEEING)
async def ask_for_new(
    request: Request[Any, Any, Any], parts: GivenParts, session: GivenSession, current: GivenCurrent
) -> Response[str]:
    """Show the form of a new one."""
    return await _page(request, parts, session, current, clinic_form.of(None, ""))


@post("/admin/clinics/new", guards=_CHANGING)
async def add(
    request: Request[Any, Any, Any], parts: GivenParts, session: GivenSession, current: GivenCurrent
) -> Response[str]:
    """Add it, or try its PACS first."""
    return await _sent(request, parts, session, current)


@get("/admin/clinics/{code:str}/edit", guards=_SEEING)
async def ask(
    request: Request[Any, Any, Any],
    parts: GivenParts,
    session: GivenSession,
    current: GivenCurrent,
    code: FromPath[str],
) -> Response[str]:
    """Show what a clinic is."""
    clinic = _clinic(parts, code)
    return await _page(request, parts, session, current, clinic_form.of(clinic, edition(clinic)), clinic)


@post("/admin/clinics/{code:str}/edit", guards=_CHANGING)
async def change(
    request: Request[Any, Any, Any],
    parts: GivenParts,
    session: GivenSession,
    current: GivenCurrent,
    code: FromPath[str],
) -> Response[str]:
    """Change it, or try its PACS first."""
    return await _sent(request, parts, session, current, _clinic(parts, code))


@get("/admin/clinics/{code:str}/back", guards=_SEEING)
async def ask_to_give_back(
    request: Request[Any, Any, Any],
    parts: GivenParts,
    session: GivenSession,
    current: GivenCurrent,
    code: FromPath[str],
) -> Response[str]:
    """Ask once."""
    return _ask_back(request, parts, session, current, await _set_here(parts, code))


@post("/admin/clinics/{code:str}/back", guards=_CHANGING)
async def give_back(
    request: Request[Any, Any, Any],
    parts: GivenParts,
    session: GivenSession,
    current: GivenCurrent,
    code: FromPath[str],
) -> Response[str]:
    """Let the file say again what it is; where the file does not name it, it is no more."""
    kept, form = await _set_here(parts, code), await forms.read(request, "edition")
    try:
        await give_clinic_back(current, parts.database, code, Editing(session.user.actor, form.value("edition")))
    except (ClinicChanged, ClinicInUse) as refusal:
        return _ask_back(request, parts, session, current, kept, refusal)
    return Redirect("/admin/clinics", status_code=303)


@post(
    "/admin/clinics/{code:str}/logo",
    guards=_CHANGING,
    opt={guards.TAKES_FILES: True},
    request_max_body_size=_LARGEST_FORM,
)
async def change_logo(
    request: Request[Any, Any, Any],
    parts: GivenParts,
    session: GivenSession,
    current: GivenCurrent,
    code: FromPath[str],
) -> Response[str]:
    """Show its patients a logo."""
    clinic, sent = _clinic(parts, code), (await request.form()).get("logo")
    content = await sent.read() if isinstance(sent, UploadFile) else b""
    try:
        await set_logo(parts.database, code, content, actor=session.user.actor)
    except LogoUnusable as refusal:
        fields = {**clinic_form.of(clinic, edition(clinic)).fields, "logo": ""}
        form = Form(fields).refused("logo", refusal)
        return await _page(request, parts, session, current, form, clinic, status=422)
    return Redirect(f"/admin/clinics/{code}/edit#logo", status_code=303)


@post("/admin/clinics/{code:str}/logo/remove", guards=_CHANGING)
async def take_logo_away(parts: GivenParts, session: GivenSession, code: FromPath[str]) -> Redirect:
    """Show none."""
    _clinic(parts, code)
    await remove_logo(parts.database, code, actor=session.user.actor)
    return Redirect(f"/admin/clinics/{code}/edit#logo", status_code=303)


async def _sent(
    request: Request[Any, Any, Any], parts: Parts, session: Session, current: Current, before: Clinic | None = None
) -> Response[str]:
    form = await forms.read(request, *clinic_form.FIELDS, do="save")
    in_file = current.file.clinic(before.code) if before else None
    form, clinic = clinic_form.judged(form, parts.config, before, in_file)
    if clinic is None:
        return await _page(request, parts, session, current, form, before, status=422)
    if form.value("do") == "try":
        tried = await check_pacs(parts.config, clinic)
        return await _page(request, parts, session, current, form, before, tried=tried)
    try:
        editing = Editing(session.user.actor, form.value("edition"))
        await set_clinic(current, parts.database, clinic, editing)
    except StudypubError as refusal:
        if refusal.retry:
            raise
        field = "" if isinstance(refusal, ClinicChanged) else clinic_form.MORE
        form = form.with_errors(FieldError(field, refusal.sentence))
        return await _page(request, parts, session, current, form, before, status=422)
    return Redirect(f"/admin/clinics?saved={clinic.code}", status_code=303)


async def _page(
    request: Request[Any, Any, Any],
    parts: Parts,
    session: Session,
    current: Current,
    form: Form,
    clinic: Clinic | None = None,
    *,
    tried: list[Finding] | None = None,
    status: int = 200,
) -> Response[str]:
    kept, now = await _kept(parts)
    panel: dict[str, Any] = {"session": session, "config": parts.config, "now": now, "form": form}
    panel["kept"] = kept.get(clinic.code) if clinic else None
    panel["logo"] = await logo_beside(parts.database, clinic.code) if clinic else None
    panel["in_file"] = clinic is not None and current.file.clinic(clinic.code) is not None
    panel["unusable"] = current.unusable.get(clinic.code) if clinic else None
    return render.page("clinic.html", request, status=status, clinic=clinic, tried=tried, **panel)


def _ask_back(
    request: Request[Any, Any, Any],
    parts: Parts,
    session: Session,
    current: Current,
    kept: Kept,
    refusal: StudypubError | None = None,
) -> Response[str]:
    clinic, in_file = parts.config.clinic(kept.code), current.file.clinic(kept.code) is not None
    panel: dict[str, Any] = {"session": session, "config": parts.config, "code": kept.code, "clinic": clinic}
    panel |= {"edition": edition(clinic), "in_file": in_file, "refusal": refusal and refusal.sentence}
    return render.page("clinic_back.html", request, status=409 if refusal else 200, **panel)


async def _kept(parts: Parts) -> tuple[dict[str, Kept], datetime]:
    """Return what stands before the file, by code, and the time."""
    async with parts.database.transaction() as tx:
        return {one.code: one for one in await clinics.kept(tx)}, await tx.now()


def _clinic(parts: Parts, code: str) -> Clinic:
    clinic = parts.config.clinic(code)
    if clinic is None:
        raise Problem(404, _NO_CLINIC)
    return clinic


async def _set_here(parts: Parts, code: str) -> Kept:
    kept, _ = await _kept(parts)
    if code not in kept:
        raise Problem(404, _NO_CLINIC)
    return kept[code]


routes = (show, ask_for_new, add, ask, change, ask_to_give_back, give_back, change_logo, take_logo_away)
