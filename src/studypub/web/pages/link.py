"""What a patient, or the doctor they sent it to, sees behind the link."""

import asyncio
from collections.abc import Container
from typing import Any, Final

import segno
from litestar import HttpMethod, Request, Response, post, route
from litestar.params import FromPath
from litestar.response import Redirect

from studypub.archive.viewing import OVERVIEW
from studypub.core.access import Access
from studypub.core.preview import INDEX
from studypub.core.publication import link
from studypub.core.report import Report
from studypub.core.request import FieldError
from studypub.errors import Sentence, StudypubError, TooManyTries
from studypub.flows import pin
from studypub.flows.clinic_logo import logo_beside
from studypub.flows.companion import Companions
from studypub.flows.open_link import Opened
from studypub.flows.report import beside
from studypub.web import cookies, forms, guards, render
from studypub.web.errors import problem_of
from studypub.web.given import GivenCompanions, GivenParts, GivenViewer
from studypub.web.links import open_asked
from studypub.web.parts import Parts

_WRONG_PIN: Final = Sentence(
    "ПИН-код не подходит. Проверьте его или позвоните в клинику.",
    "This PIN is wrong. Check it, or call the clinic.",
)
_STATUS: Final = {Access.OPEN: 200, Access.LOCKED: 200, Access.UNKNOWN: 404}


@route("/s/{token:str}", http_method=[HttpMethod.GET, HttpMethod.HEAD])
async def landing(
    request: Request[Any, Any, Any],
    parts: GivenParts,
    companions: GivenCompanions,
    viewer: GivenViewer,
    token: FromPath[str],
) -> Response[str]:
    """Say what the link opens; nothing changes by looking."""
    opened = await open_asked(request, parts, token)
    told = await _parts_beside(companions, opened)
    has_viewer = parts.config.viewer.enabled and viewer.manifest is not None
    study = opened.publication if opened.access is Access.OPEN else None
    report = await beside(parts.config, parts.database, study) if study else None
    return await _page(
        request,
        parts,
        token,
        opened,
        has_preview=INDEX in told,
        has_viewer=has_viewer and OVERVIEW in told,
        report=report,
    )


@post("/s/{token:str}", guards=[guards.same_origin])
async def enter_pin(request: Request[Any, Any, Any], parts: GivenParts, token: FromPath[str]) -> Response[str]:
    """Open the link for this browser, where the PIN is right."""
    opened = await open_asked(request, parts, token)
    if opened.access is not Access.LOCKED or opened.publication is None:
        return await _page(request, parts, token, opened)
    form = await forms.read(request, "pin")
    try:
        proof = await pin.unlock(parts.database, opened.publication, form.value("pin"), guards.client_of(request))
    except TooManyTries as refusal:
        problem = problem_of(refusal)
        response = await _page(request, parts, token, opened, refusal.sentence, problem.status)
        response.headers.update(problem.headers)
        return response
    if proof is None:
        return await _page(request, parts, token, opened, _WRONG_PIN, 422)
    response = Redirect(f"/s/{token}", status_code=303)
    response.set_cookie(cookies.entered_pin(parts.config.server, token, proof))
    return response


async def _page(
    request: Request[Any, Any, Any],
    parts: Parts,
    token: str,
    opened: Opened,
    fault: Sentence | None = None,
    status: int | None = None,
    *,
    has_preview: bool = False,
    has_viewer: bool = False,
    report: Report | None = None,
) -> Response[str]:
    study, answer = opened.publication, status or _STATUS.get(opened.access, 410)
    clinic = parts.config.clinic(study.clinic_code if study else None) or parts.config.clinics[0]
    logo = await logo_beside(parts.database, study.clinic_code) if study else None
    if study is not None and opened.access is Access.LOCKED:
        form = forms.empty("pin").with_errors(*([FieldError("pin", fault)] if fault else []))
        return render.page("link_pin.html", request, status=answer, token=token, clinic=clinic, logo=logo, form=form)
    if study is None or opened.access is not Access.OPEN:
        return render.page("link_closed.html", request, status=answer, access=opened.access, clinic=clinic, logo=logo)
    address = link(parts.config.server.base_url, token)
    qr = segno.make(address, error="m").svg_data_uri(border=4)
    return render.page(
        "link.html",
        request,
        study=study,
        clinic=clinic,
        logo=logo,
        qr=qr,
        address=address,
        now=opened.now,
        config=parts.config,
        has_preview=has_preview,
        has_viewer=has_viewer,
        report=report,
    )


async def _parts_beside(companions: Companions, opened: Opened) -> Container[str]:
    """Return the names of what can be shown; a store that is away hides it, and not the page."""
    companion = opened.publication.companion if opened.publication and opened.access is Access.OPEN else None
    if companion is None:
        return ()
    try:
        return await asyncio.to_thread(companions.table, companion)
    except StudypubError:
        return ()


routes = (landing, enter_pin)
