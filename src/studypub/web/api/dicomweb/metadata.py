"""WADO-RS metadata (PS3.18 10.4.1.1.2): what instances say of themselves, as DICOM JSON."""

import asyncio
import gzip
from collections.abc import Iterator
from typing import Any

from litestar import Response, get
from litestar.params import FromPath
from litestar.response import Stream

from studypub.web.api.dicomweb import media
from studypub.web.api.dicomweb.asked import Asked, GivenFound, GivenView


@get("/{study:str}/metadata")
async def study_metadata(request: Asked, view: GivenView, study: FromPath[str]) -> Response[Any]:
    """Send the JSON of all instances, series by series."""
    numbers = [series.number for series in view.all_series(study).values()]
    media.require_json(request.headers.get("accept", ""))

    def pieces() -> Iterator[bytes]:
        for position, number in enumerate(numbers):
            content = gzip.decompress(view.views.metadata(view.publication, number))
            yield (b"," if position else b"[") + content[1:-1]
        yield b"]"

    return Stream(pieces(), media_type=media.JSON)


@get("/{study:str}/series/{series:str}/metadata")
async def series_metadata(
    request: Asked, view: GivenView, study: FromPath[str], series: FromPath[str]
) -> Response[bytes]:
    """Send the JSON of all instances of a series: as it was compressed at publication, where that is accepted."""
    number = view.series(study, series).number
    media.require_json(request.headers.get("accept", ""))
    content = await asyncio.to_thread(view.views.metadata, view.publication, number)
    if "gzip" in request.headers.get("accept-encoding", ""):
        headers = {"Content-Encoding": "gzip", "Vary": "Accept-Encoding"}
        return Response(content, media_type=media.JSON, headers=headers)
    plain = await asyncio.to_thread(gzip.decompress, content)
    return Response(plain, media_type=media.JSON, headers={"Vary": "Accept-Encoding"})


@get("/{study:str}/series/{series:str}/instances/{instance:str}/metadata")
async def instance_metadata(request: Asked, view: GivenView, found: GivenFound) -> Response[bytes]:
    """Send the JSON of one instance."""
    media.require_json(request.headers.get("accept", ""))
    content = await asyncio.to_thread(view.views.json_of, view.publication, found)
    return Response(b"[" + content + b"]", media_type=media.JSON)


handlers = (study_metadata, series_metadata, instance_metadata)
