"""What a patient, or the doctor they sent it to, sees behind the link."""

from typing import Any

import segno
from litestar import HttpMethod, Request, Response, route
from litestar.params import FromPath

from studypub.core.access import Access
from studypub.core.publication import link
from studypub.flows.open_link import Opened, open_link
from studypub.web import render
from studypub.web.given import GivenParts


@route("/s/{token:str}", http_method=[HttpMethod.GET, HttpMethod.HEAD])
async def landing(request: Request[Any, Any, Any], parts: GivenParts, token: FromPath[str]) -> Response[str]:
    """Say what the link opens; nothing changes by looking."""
    opened = await open_link(parts.database, token)
    study = opened.publication
    clinic = parts.config.clinic(study.clinic_code if study else None) or parts.config.clinics[0]
    if study is None or opened.access is not Access.OPEN:
        return render.page("link_closed.html", request, status=_status(opened), access=opened.access, clinic=clinic)
    qr = segno.make(link(parts.config.server.base_url, token), error="m").svg_data_uri(border=4)
    return render.page("link.html", request, study=study, clinic=clinic, qr=qr, config=parts.config)


def _status(opened: Opened) -> int:
    return 404 if opened.access is Access.UNKNOWN else 410


routes = (landing,)
