"""WADO-RS (PS3.18 10.4): files and frames, as they are coded."""

import asyncio
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from litestar import Response, get
from litestar.params import FromPath
from litestar.response import Stream

from studypub.archive.viewing import Instance
from studypub.web.api.dicomweb import media
from studypub.web.api.dicomweb.asked import Asked, GivenFound, GivenView, View, frame_numbers


@get("/{study:str}/series/{series:str}/instances/{instance:str}/frames/{frames:str}")
async def frames_of(request: Asked, view: GivenView, found: GivenFound, frames: FromPath[str]) -> Response[Any]:
    """Send frames as they are coded, each with its transfer syntax."""
    return await send_frames(request, view, found.instance, frame_numbers(frames, len(found.instance.frames)))


async def send_frames(request: Asked, view: View, instance: Instance, numbers: Sequence[int]) -> Response[Any]:
    """Send these frames, the first of which is 1. Raises Problem 406."""
    views, publication = view.views, view.publication
    accepted = media.chosen(request.headers.get("accept", ""), instance.syntax, of_file=False)
    content_type = f"{accepted.type}; transfer-syntax={instance.syntax}"
    first = await asyncio.to_thread(views.frame, publication, instance, numbers[0])
    if not accepted.is_multipart and len(numbers) == 1:
        return Response(first, media_type=content_type)

    def pieces() -> Iterator[tuple[str, Iterable[bytes]]]:
        yield content_type, [first]
        for number in numbers[1:]:
            yield content_type, [views.frame(publication, instance, number)]

    return media.multipart(accepted.type, pieces())


@get("/{study:str}/series/{series:str}/instances/{instance:str}")
async def instance_file(request: Asked, view: GivenView, found: GivenFound) -> Response[Any]:
    """Send the file of an instance (PS3.10)."""
    instance = found.instance
    accepted = media.chosen(request.headers.get("accept", ""), instance.syntax, of_file=True)
    content_type = f"{media.DICOM}; transfer-syntax={instance.syntax}"
    content = view.views.file(view.publication, instance)
    if not accepted.is_multipart:
        return Stream(content, media_type=content_type, headers={"Content-Length": str(instance.size)})
    return media.multipart(media.DICOM, iter([(content_type, content)]))


@get(["/{study:str}", "/{study:str}/series/{series:str}"])
async def all_files(request: Asked, view: GivenView, study: FromPath[str]) -> Response[Any]:
    """Send the files of a series, or of the whole study, one after the other."""
    chosen = view.chosen(request, study).values()
    media.chosen(request.headers.get("accept", ""), "", of_file=True)

    def pieces() -> Iterator[tuple[str, Iterable[bytes]]]:
        for series in chosen:
            for each in view.views.instances(view.publication, series.number):
                yield f"{media.DICOM}; transfer-syntax={each.syntax}", view.views.file(view.publication, each)

    return media.multipart(media.DICOM, pieces())


handlers = (frames_of, instance_file, all_files)
