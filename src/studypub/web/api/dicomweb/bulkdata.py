"""WADO-RS bulk data (PS3.18 10.4.1.1.5): values that metadata only point to."""

import asyncio
import re
from typing import Any, Final

from litestar import Response, get
from litestar.params import FromPath
from litestar.response import Stream
from pydicom.uid import UID, ExplicitVRLittleEndian

from studypub.web.api.dicomweb import media
from studypub.web.api.dicomweb.asked import NOT_THERE, Asked, GivenFound, GivenView
from studypub.web.api.dicomweb.retrieve import send_frames
from studypub.web.errors import Problem

_TAG: Final = re.compile(r"[0-9A-F]{8}", re.ASCII | re.IGNORECASE)
_PIXELS: Final = 0x7FE00010


@get("/{study:str}/series/{series:str}/instances/{instance:str}/bulkdata/{tag:str}")
async def value(request: Asked, view: GivenView, found: GivenFound, tag: FromPath[str]) -> Response[Any]:
    """Send one value of an instance; compressed pixels frame by frame."""
    instance, number = found.instance, int(tag, 16) if _TAG.fullmatch(tag) else 0
    # What stands behind pixel data is not pointed to, and to come there all of it would be read.
    if not 0 < number <= _PIXELS:
        raise Problem(404, NOT_THERE)
    if number == _PIXELS and UID(instance.syntax).is_encapsulated and instance.frames:
        return await send_frames(request, view, instance, range(1, len(instance.frames) + 1))
    told = await asyncio.to_thread(view.views.value, view.publication, instance, number)
    if told is None:
        raise Problem(404, NOT_THERE)
    accepted = media.chosen(request.headers.get("accept", ""), ExplicitVRLittleEndian, of_file=False)
    if accepted.is_multipart:
        return media.multipart(media.OCTETS, iter([(media.OCTETS, told.pieces)]))
    return Stream(told.pieces, media_type=media.OCTETS, headers={"Content-Length": str(told.length)})


handlers = (value,)
