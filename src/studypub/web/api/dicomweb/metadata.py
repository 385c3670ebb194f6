"""WADO-RS metadata (PS3.18 10.4.1.1.2): what instances say of themselves, as DICOM JSON."""

import asyncio
from collections.abc import Iterator
from typing import Any, Final

from isal import isal_zlib
from litestar import Response, get
from litestar.params import FromPath
from litestar.response import Stream

from studypub.web.api.dicomweb import media
from studypub.web.api.dicomweb.asked import Asked, GivenFound, GivenView

_GZIP: Final = isal_zlib.MAX_WBITS + 16


@get("/{study:str}/metadata")
async def study_metadata(request: Asked, view: GivenView, study: FromPath[str]) -> Response[Any]:
    """Send the JSON of all instances, series by series."""
    every = view.all_series(study)
    media.require_json(request.headers.get("accept", ""))

    def pieces() -> Iterator[bytes]:
        for position, (uid, series) in enumerate(every.items()):
            content = view.views.metadata(view.publication, series.number, view.address(uid))
            yield (b"," if position else b"[") + content[1:-1]
        yield b"]"

    return Stream(pieces(), media_type=media.JSON)


@get("/{study:str}/series/{series:str}/metadata")
async def series_metadata(
    request: Asked, view: GivenView, study: FromPath[str], series: FromPath[str]
) -> Response[bytes]:
    """Send the JSON of all instances of a series, compressed where that is accepted."""
    number = view.series(study, series).number
    media.require_json(request.headers.get("accept", ""))
    content = await asyncio.to_thread(view.views.metadata, view.publication, number, view.address(series))
    headers = {"Vary": "Accept-Encoding"}
    if "gzip" in request.headers.get("accept-encoding", ""):
        content = await asyncio.to_thread(isal_zlib.compress, content, 1, _GZIP)
        headers["Content-Encoding"] = "gzip"
    return Response(content, media_type=media.JSON, headers=headers)


@get("/{study:str}/series/{series:str}/instances/{instance:str}/metadata")
async def instance_metadata(
    request: Asked, view: GivenView, found: GivenFound, series: FromPath[str]
) -> Response[bytes]:
    """Send the JSON of one instance."""
    media.require_json(request.headers.get("accept", ""))
    content = await asyncio.to_thread(view.views.json_of, view.publication, found, view.address(series))
    return Response(b"[" + content + b"]", media_type=media.JSON)


handlers = (study_metadata, series_metadata, instance_metadata)
