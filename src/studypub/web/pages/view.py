"""The study behind a link in OHIF Viewer, for a doctor."""

import asyncio
from typing import Any, Final

from litestar import HttpMethod, Request, Response, route
from litestar.params import FromPath
from litestar.response import Redirect

from studypub.core.access import Access
from studypub.errors import Sentence
from studypub.flows.clinic_logo import logo_beside
from studypub.viewer.edition import ADDRESS
from studypub.web import render
from studypub.web.errors import Problem
from studypub.web.given import GivenParts, GivenViewer, GivenViews
from studypub.web.links import open_asked
from studypub.web.viewer import PAGE_POLICY

_NONE: Final = Sentence(
    "Это исследование в браузере не открыть: скачайте архив.",
    "This study cannot be opened in the browser: download the archive.",
)
_STUDY: Final = "StudyInstanceUIDs"


@route("/s/{token:str}/view", http_method=[HttpMethod.GET, HttpMethod.HEAD])
async def viewed(
    request: Request[Any, Any, Any],
    parts: GivenParts,
    views: GivenViews,
    viewer: GivenViewer,
    token: FromPath[str],
) -> Response[Any]:
    """Show the viewer, settled to this link's study."""
    opened = await open_asked(request, parts, token)
    study = opened.publication
    if opened.access is Access.LOCKED:
        return Redirect(f"/s/{token}", status_code=303)
    clinic = parts.config.clinic(study.clinic_code if study else None) or parts.config.clinics[0]
    if study is None or opened.access is not Access.OPEN:
        status = 404 if study is None else 410
        logo = await logo_beside(parts.database, study.clinic_code) if study else None
        return render.page("link_closed.html", request, status=status, access=opened.access, clinic=clinic, logo=logo)
    manifest = viewer.manifest if parts.config.viewer.enabled else None
    overview = await asyncio.to_thread(views.overview, study) if manifest else None
    if manifest is None or overview is None:
        raise Problem(404, _NONE)
    # The viewer takes settings from its address; of all of them, only the study that it adds itself may stand there.
    if dict(request.query_params) not in ({}, {_STUDY: overview.uid}):
        return Redirect(f"/s/{token}/view", status_code=303)
    response = render.page(
        "view.html",
        request,
        study=study,
        uid=overview.uid,
        script=ADDRESS + manifest.main,
        styles=ADDRESS + manifest.styles,
    )
    response.headers["Content-Security-Policy"] = PAGE_POLICY
    return response


routes = (viewed,)
