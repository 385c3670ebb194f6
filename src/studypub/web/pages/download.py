"""The archive behind a link: by redirect to the object store, or streamed from this machine, in parts if asked."""

import asyncio
import base64
from datetime import timedelta
from typing import Any

from litestar import HttpMethod, Request, Response, route
from litestar.params import FromPath
from litestar.response import Redirect

from studypub.core.publication import Publication
from studypub.errors import StorageUnavailable
from studypub.store.base import Store
from studypub.web.file_response import FileResponse
from studypub.web.given import GivenParts
from studypub.web.links import open_asked, publication_behind
from studypub.web.ranges import NotSatisfiable, Part, read_range


@route("/s/{token:str}/download", http_method=[HttpMethod.GET, HttpMethod.HEAD])
async def download(token: FromPath[str], request: Request[Any, Any, Any], parts: GivenParts) -> Response[Any]:
    """Send the archive; HEAD tells about it and leads nowhere, since a presigned address answers only GET."""
    opened = await open_asked(request, parts, token)
    publication = publication_behind(opened)
    if request.method == HttpMethod.HEAD:
        return Response(b"", headers={**_headers(publication), "Content-Length": str(publication.size)})
    address = await _address(parts.store, publication, opened.lifetime)
    if address is not None:
        return Redirect(address, status_code=307)
    return await _streamed(request, parts.store, publication)


async def _address(store: Store, publication: Publication, lifetime: timedelta) -> str | None:
    return await asyncio.to_thread(store.link, publication.object_key, _file_name(publication), lifetime)


async def _streamed(request: Request[Any, Any, Any], store: Store, publication: Publication) -> Response[Any]:
    path = await asyncio.to_thread(store.path, publication.object_key)
    if path is None:
        raise StorageUnavailable("the archive is not in the store")
    headers = _headers(publication)
    # Without a matching strong ETag the reader's part may be of another archive (RFC 9110 13.1.5).
    continues = request.headers.get("if-range", headers["ETag"]) == headers["ETag"]
    try:
        part = read_range(request.headers.get("range") if continues else None, publication.size)
    except NotSatisfiable:
        return Response(b"", status_code=416, headers={**headers, "Content-Range": f"bytes */{publication.size}"})
    if part is None:
        return FileResponse(path, Part(0, publication.size, publication.size), status_code=200, headers=headers)
    return FileResponse(path, part, status_code=206, headers={**headers, "Content-Range": part.content_range})


def _headers(publication: Publication) -> dict[str, str]:
    return {
        "Accept-Ranges": "bytes",
        "Cache-Control": "private, no-cache, no-transform",
        "Content-Disposition": f'attachment; filename="{_file_name(publication)}"',
        "Content-Type": publication.archive_format.media_type,
        "ETag": f'"{publication.sha256.hex()}"',
        "Repr-Digest": f"sha-256=:{base64.b64encode(publication.sha256).decode()}:",  # RFC 9530
    }


def _file_name(publication: Publication) -> str:
    return f"study-{publication.sha256.hex()[:8]}.{publication.archive_format}"


routes = (download,)
