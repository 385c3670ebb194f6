"""The study behind a link as pictures, to be looked at without a download."""

import asyncio
from datetime import timedelta
from typing import Any, Final

from litestar import HttpMethod, Request, Response, get, route
from litestar.params import FromPath
from litestar.response import Redirect

from studypub.archive.viewing import OVERVIEW
from studypub.core import preview
from studypub.core.access import Access
from studypub.core.publication import Publication
from studypub.errors import Sentence
from studypub.flows.clinic_logo import logo_beside
from studypub.flows.companion import Companions
from studypub.flows.open_link import Opened
from studypub.web import render
from studypub.web.errors import Problem
from studypub.web.given import GivenCompanions, GivenParts, GivenViewer
from studypub.web.links import open_asked, publication_behind

_NONE: Final = Sentence(
    "Картинок этого исследования нет: скачайте архив.",
    "There are no pictures of this study: download the archive.",
)
# Whoever leafs back loads nothing again; what is withdrawn is not shown for longer than this by any browser.
_KEPT: Final = timedelta(minutes=10)


@route("/s/{token:str}/preview", http_method=[HttpMethod.GET, HttpMethod.HEAD])
async def shown(
    request: Request[Any, Any, Any],
    parts: GivenParts,
    companions: GivenCompanions,
    viewer: GivenViewer,
    token: FromPath[str],
) -> Response[Any]:
    """Show one series, and lead to the others."""
    opened = await open_asked(request, parts, token)
    study = opened.publication
    if opened.access is Access.LOCKED:
        return Redirect(f"/s/{token}", status_code=303)
    clinic = parts.config.clinic(study.clinic_code if study else None) or parts.config.clinics[0]
    logo = await logo_beside(parts.database, study.clinic_code) if study else None
    if study is None or opened.access is not Access.OPEN:
        status = 404 if study is None else 410
        return render.page("link_closed.html", request, status=status, access=opened.access, clinic=clinic, logo=logo)
    content = await _part(companions, study, preview.INDEX)
    told = preview.decoded(content) if content else None
    if told is None or not told.series:
        raise Problem(404, _NONE)
    place = _asked(request, len(told.series))
    place = preview.opening(told) if place is None else place
    has_viewer = parts.config.viewer.enabled and viewer.manifest is not None
    return render.page(
        "preview.html",
        request,
        study=study,
        clinic=clinic,
        logo=logo,
        preview=told,
        place=place,
        has_viewer=has_viewer and await _part(companions, study, OVERVIEW) is not None,
    )


@get("/s/{token:str}/preview/{part:int}")
async def picture(
    request: Request[Any, Any, Any],
    parts: GivenParts,
    companions: GivenCompanions,
    token: FromPath[str],
    part: FromPath[int],
) -> Response[bytes]:
    """Send one picture."""
    opened = await open_asked(request, parts, token)
    study = publication_behind(opened)
    content = await _part(companions, study, preview.name_of(part))
    if content is None:
        raise Problem(404, _NONE)
    return Response(content, media_type="image/jpeg", headers={"Cache-Control": _kept(opened, study)})


def _kept(opened: Opened, study: Publication) -> str:
    """Say for how long a browser may keep a picture: not beyond the link's date, not at all behind a PIN."""
    if study.pin_hash is not None:
        return "no-store"
    return f"private, max-age={int(min(_KEPT, study.save_till - opened.now).total_seconds())}, immutable"


async def _part(companions: Companions, study: Publication, name: str) -> bytes | None:
    return await asyncio.to_thread(companions.read_part, study, name)


def _asked(request: Request[Any, Any, Any], count: int) -> int | None:
    text = request.query_params.get("series", "")
    known = text.isascii() and text.isdecimal() and len(text) < 6 and 1 <= int(text) <= count
    return int(text) - 1 if known else None


routes = (shown, picture)
