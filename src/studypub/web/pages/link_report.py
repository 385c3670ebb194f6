"""The doctor's report behind a link: the same gate as the archive's, and nothing of it stays on the way."""

import base64
from collections.abc import AsyncIterator
from typing import Any, Final

from litestar import HttpMethod, Request, Response, route
from litestar.params import FromPath
from litestar.response import Stream

from studypub.core.report import Report
from studypub.errors import Sentence
from studypub.flows.report import beside, stream
from studypub.web.errors import Problem
from studypub.web.given import GivenParts
from studypub.web.links import open_asked, publication_behind

_NONE: Final = Sentence("Заключения врача по этой ссылке нет.", "There is no doctor’s report behind this link.")


@route("/s/{token:str}/report", http_method=[HttpMethod.GET, HttpMethod.HEAD])
async def report(token: FromPath[str], request: Request[Any, Any, Any], parts: GivenParts) -> Response[Any]:
    """Send the report; the daemon does so itself for every store, as an address of a store's outlives the link."""
    publication = publication_behind(await open_asked(request, parts, token))
    found = await beside(parts.config, parts.database, publication)
    if found is None:
        raise Problem(404, _NONE)
    if request.method == HttpMethod.HEAD:
        return Response(b"", headers=_headers(found))
    pieces = stream(parts.store, found)
    first = await anext(pieces)  # a store that is away is told of as such, before anything is sent
    return Stream(_with(first, pieces), headers=_headers(found))


async def _with(first: bytes, others: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    yield first
    async for piece in others:
        yield piece


def _headers(found: Report) -> dict[str, str]:
    return {
        "Cache-Control": "no-store",
        "Content-Disposition": f'attachment; filename="report-{found.sha256.hex()[:8]}.pdf"',
        "Content-Length": str(found.size),
        # Saved, not shown here; where a program shows it all the same, it is nobody's page.
        "Content-Security-Policy": "default-src 'none'; sandbox",
        "Content-Type": "application/pdf",
        "Repr-Digest": f"sha-256=:{base64.b64encode(found.sha256).decode()}:",  # RFC 9530
    }


routes = (report,)
