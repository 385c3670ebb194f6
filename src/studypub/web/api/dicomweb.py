"""DICOMweb of one link (PS3.18): QIDO-RS and WADO-RS of its publication, and of nothing else."""

import asyncio
import gzip
import re
from collections.abc import Iterable, Iterator
from typing import Any, Final

import msgspec
from litestar import Request, Response, get
from litestar.params import FromPath
from litestar.response import Stream

from studypub.archive.viewing import Instance, Overview, Series
from studypub.core.publication import Publication
from studypub.errors import Sentence
from studypub.flows.view import Found, Views
from studypub.web.api import dicomweb_media as media
from studypub.web.errors import Problem
from studypub.web.given import GivenParts, GivenViews
from studypub.web.links import open_asked, publication_behind

_ROOT: Final = "/s/{token:str}/dicomweb/studies"
_SERIES: Final = _ROOT + "/{study:str}/series"
_INSTANCES: Final = _SERIES + "/{series:str}/instances"
_MOST_FRAMES: Final = 100
_NUMBERS: Final = re.compile(r"[1-9][0-9]{0,6}(,[1-9][0-9]{0,6})*", re.ASCII)
_NOT_THERE: Final = Sentence("В этой публикации такого нет.", "There is no such thing in this publication.")
_NOT_NUMBERS: Final = Sentence("Это не номера кадров.", "These are no numbers of frames.")

Asked = Request[Any, Any, Any]


class _View:
    """What one request looks at."""

    def __init__(self, views: Views, publication: Publication, overview: Overview) -> None:
        self.views = views
        self.publication = publication
        self.overview = overview

    def series(self, study: str, uid: str) -> Series:
        """Return a series of this study. Raises Problem 404 for any other."""
        found = self.overview.series.get(uid) if study == self.overview.uid else None
        if found is None:
            raise Problem(404, _NOT_THERE)
        return found

    def all_series(self, study: str) -> list[Series]:
        """Return every series of the study. Raises Problem 404 for another."""
        if study != self.overview.uid:
            raise Problem(404, _NOT_THERE)
        return list(self.overview.series.values())

    async def instance(self, study: str, series: str, uid: str) -> Found:
        """Return an instance. Raises Problem 404 where it is not in this series."""
        number = self.series(study, series).number
        found = await asyncio.to_thread(self.views.find, self.publication, number, uid)
        if found is None:
            raise Problem(404, _NOT_THERE)
        return found


async def _view(request: Asked, parts: GivenParts, views: Views, token: str) -> _View:
    """Open the link. Raises Problem as a download does, and 404 where there is nothing to view."""
    publication = publication_behind(await open_asked(request, parts, token))
    overview = await asyncio.to_thread(views.overview, publication)
    if overview is None:
        raise Problem(404, _NOT_THERE)
    return _View(views, publication, overview)


@get(_ROOT)
async def find_studies(request: Asked, parts: GivenParts, views: GivenViews, token: FromPath[str]) -> Response[bytes]:
    """Tell of the one study there is, unless another is asked for."""
    view = await _view(request, parts, views, token)
    overview = view.overview
    wanted = request.query_params.get("StudyInstanceUID") or request.query_params.get("0020000D") or overview.uid
    found = overview.uid in re.split(r"[,\\]", wanted) and _paged(request, "offset", 0) == 0
    return _json(request, [_of_study(overview)] if found else [])


@get(_SERIES)
async def find_series(
    request: Asked, parts: GivenParts, views: GivenViews, token: FromPath[str], study: FromPath[str]
) -> Response[bytes]:
    """Tell of every series."""
    view = await _view(request, parts, views, token)
    view.all_series(study)
    wanted = request.query_params.get("SeriesInstanceUID") or request.query_params.get("0020000E")
    found = [
        _of_series(series) for uid, series in view.overview.series.items() if not wanted or uid in wanted.split(",")
    ]
    return _json(request, _page(request, found))


@get([_INSTANCES, _ROOT + "/{study:str}/instances"])
async def find_instances(
    request: Asked,
    parts: GivenParts,
    views: GivenViews,
    token: FromPath[str],
    study: FromPath[str],
) -> Response[bytes]:
    """Tell of every instance of a series, or of the study."""
    view = await _view(request, parts, views, token)
    series = request.path_params.get("series", "")
    wanted = request.query_params.get("SOPInstanceUID") or request.query_params.get("00080018")
    found = []
    view.all_series(study)
    for uid in [series] if series else view.overview.series:
        instances = await asyncio.to_thread(views.instances, view.publication, view.series(study, uid).number)
        found += [_of_instance(study, uid, each) for each in instances if not wanted or each.uid in wanted.split(",")]
    return _json(request, _page(request, found))


@get(_ROOT + "/{study:str}/metadata")
async def study_metadata(
    request: Asked, parts: GivenParts, views: GivenViews, token: FromPath[str], study: FromPath[str]
) -> Response[Any]:
    """Send the JSON of all instances, series by series."""
    view = await _view(request, parts, views, token)
    numbers = [series.number for series in view.all_series(study)]
    media.require_json(request.headers.get("accept", ""))

    def pieces() -> Iterator[bytes]:
        for position, number in enumerate(numbers):
            content = gzip.decompress(views.metadata(view.publication, number))
            yield (b"," if position else b"[") + content[1:-1]
        yield b"]"

    return Stream(pieces(), media_type=media.JSON)


@get(_SERIES + "/{series:str}/metadata")
async def series_metadata(
    request: Asked,
    parts: GivenParts,
    views: GivenViews,
    token: FromPath[str],
    study: FromPath[str],
    series: FromPath[str],
) -> Response[bytes]:
    """Send the JSON of all instances of a series: as it was compressed at publication, where that is accepted."""
    view = await _view(request, parts, views, token)
    number = view.series(study, series).number
    media.require_json(request.headers.get("accept", ""))
    content = await asyncio.to_thread(views.metadata, view.publication, number)
    if "gzip" in request.headers.get("accept-encoding", ""):
        headers = {"Content-Encoding": "gzip", "Vary": "Accept-Encoding"}
        return Response(content, media_type=media.JSON, headers=headers)
    plain = await asyncio.to_thread(gzip.decompress, content)
    return Response(plain, media_type=media.JSON, headers={"Vary": "Accept-Encoding"})


@get(_INSTANCES + "/{instance:str}/metadata")
async def instance_metadata(
    request: Asked,
    parts: GivenParts,
    views: GivenViews,
    token: FromPath[str],
    study: FromPath[str],
    series: FromPath[str],
    instance: FromPath[str],
) -> Response[bytes]:
    """Send the JSON of one instance."""
    view = await _view(request, parts, views, token)
    found = await view.instance(study, series, instance)
    media.require_json(request.headers.get("accept", ""))
    content = await asyncio.to_thread(views.json_of, view.publication, found)
    return Response(b"[" + content + b"]", media_type=media.JSON)


@get(_INSTANCES + "/{instance:str}/frames/{frames:str}")
async def frames_of(
    request: Asked,
    parts: GivenParts,
    views: GivenViews,
    token: FromPath[str],
    study: FromPath[str],
    series: FromPath[str],
    instance: FromPath[str],
    frames: FromPath[str],
) -> Response[Any]:
    """Send frames as they are coded, each with its transfer syntax."""
    view = await _view(request, parts, views, token)
    found = (await view.instance(study, series, instance)).instance
    numbers = _numbers(frames, len(found.frames))
    accepted = media.chosen(request.headers.get("accept", ""), found.syntax, of_file=False)
    content_type = f"{accepted.type}; transfer-syntax={found.syntax}"
    first = await asyncio.to_thread(views.frame, view.publication, found, numbers[0])
    if not accepted.is_multipart and len(numbers) == 1:
        return Response(first, media_type=content_type)

    def pieces() -> Iterator[tuple[str, Iterable[bytes]]]:
        yield content_type, [first]
        for number in numbers[1:]:
            yield content_type, [views.frame(view.publication, found, number)]

    return _multipart(accepted.type, pieces())


@get([_INSTANCES + "/{instance:str}"])
async def instance_file(
    request: Asked,
    parts: GivenParts,
    views: GivenViews,
    token: FromPath[str],
    study: FromPath[str],
    series: FromPath[str],
    instance: FromPath[str],
) -> Response[Any]:
    """Send the file of an instance (PS3.10)."""
    view = await _view(request, parts, views, token)
    found = (await view.instance(study, series, instance)).instance
    accepted = media.chosen(request.headers.get("accept", ""), found.syntax, of_file=True)
    content_type = f"{media.DICOM}; transfer-syntax={found.syntax}"
    content = views.file(view.publication, found)
    if not accepted.is_multipart:
        return Stream(content, media_type=content_type, headers={"Content-Length": str(found.size)})
    return _multipart(media.DICOM, iter([(content_type, content)]))


@get([_ROOT + "/{study:str}", _SERIES + "/{series:str}"])
async def all_files(
    request: Asked,
    parts: GivenParts,
    views: GivenViews,
    token: FromPath[str],
    study: FromPath[str],
) -> Response[Any]:
    """Send the files of a series, or of the whole study, one after the other."""
    view = await _view(request, parts, views, token)
    series = request.path_params.get("series", "")
    chosen = [view.series(study, series)] if series else view.all_series(study)
    media.chosen(request.headers.get("accept", ""), "", of_file=True)

    def pieces() -> Iterator[tuple[str, Iterable[bytes]]]:
        for each in chosen:
            for found in views.instances(view.publication, each.number):
                yield f"{media.DICOM}; transfer-syntax={found.syntax}", views.file(view.publication, found)

    return _multipart(media.DICOM, pieces())


def _multipart(kind: str, parts: Iterator[tuple[str, Iterable[bytes]]]) -> Stream:
    boundary = media.new_boundary()
    content_type = f'multipart/related; type="{kind}"; boundary={boundary}'
    return Stream(media.multipart(parts, boundary), media_type=content_type)


def _json(request: Asked, content: list[dict[str, Any]]) -> Response[bytes]:
    media.require_json(request.headers.get("accept", ""))
    return Response(msgspec.json.encode(content), media_type=media.JSON)


def _numbers(text: str, count: int) -> list[int]:
    """Return numbers of frames. Raises Problem 400 for what are none, 404 for those that are not there."""
    if not _NUMBERS.fullmatch(text):
        raise Problem(400, _NOT_NUMBERS)
    numbers = [int(number) for number in text.split(",")]
    if len(numbers) > _MOST_FRAMES:
        raise Problem(400, _NOT_NUMBERS)
    if max(numbers) > count:
        raise Problem(404, _NOT_THERE)
    return numbers


def _paged(request: Asked, name: str, otherwise: int) -> int:
    text = request.query_params.get(name, "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 9 else otherwise


def _page(request: Asked, found: list[dict[str, Any]]) -> list[dict[str, Any]]:
    begin = _paged(request, "offset", 0)
    return found[begin : begin + _paged(request, "limit", len(found))]


def _of_study(overview: Overview) -> dict[str, Any]:
    modalities = {
        value for series in overview.series.values() for value in series.attributes.get("00080060", {}).get("Value", [])
    }
    instances = sum(series.instances for series in overview.series.values())
    return {
        **overview.attributes,
        "00080061": {"vr": "CS", "Value": sorted(modalities)},
        "00201206": {"vr": "IS", "Value": [len(overview.series)]},
        "00201208": {"vr": "IS", "Value": [instances]},
    }


def _of_series(series: Series) -> dict[str, Any]:
    return {**series.attributes, "00201209": {"vr": "IS", "Value": [series.instances]}}


def _of_instance(study: str, series: str, instance: Instance) -> dict[str, Any]:
    return {
        "00080016": {"vr": "UI", "Value": [instance.sop_class]},
        "00080018": {"vr": "UI", "Value": [instance.uid]},
        "0020000D": {"vr": "UI", "Value": [study]},
        "0020000E": {"vr": "UI", "Value": [series]},
        "00280008": {"vr": "IS", "Value": [len(instance.frames)]},
    }


routes = (
    find_studies,
    find_series,
    find_instances,
    study_metadata,
    series_metadata,
    instance_metadata,
    frames_of,
    instance_file,
    all_files,
)
