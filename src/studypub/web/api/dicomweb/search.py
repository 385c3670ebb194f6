"""QIDO-RS (PS3.18 10.6): what there is."""

import asyncio
import re
from typing import Any

import msgspec
from litestar import Response, get
from litestar.params import FromPath

from studypub.archive.viewing import Instance, Overview, Series
from studypub.web.api.dicomweb import media
from studypub.web.api.dicomweb.asked import Asked, GivenView


@get("/")
async def find_studies(request: Asked, view: GivenView) -> Response[bytes]:
    """Tell of the one study there is, unless another is asked for."""
    overview = view.overview
    wanted = request.query_params.get("StudyInstanceUID") or request.query_params.get("0020000D") or overview.uid
    found = overview.uid in re.split(r"[,\\]", wanted) and _paged(request, "offset", 0) == 0
    return _json(request, [_of_study(overview)] if found else [])


@get("/{study:str}/series")
async def find_series(request: Asked, view: GivenView, study: FromPath[str]) -> Response[bytes]:
    """Tell of every series."""
    wanted = request.query_params.get("SeriesInstanceUID") or request.query_params.get("0020000E")
    every = view.all_series(study).items()
    found = [_of_series(series) for uid, series in every if not wanted or uid in wanted.split(",")]
    return _json(request, _page(request, found))


@get(["/{study:str}/instances", "/{study:str}/series/{series:str}/instances"])
async def find_instances(request: Asked, view: GivenView, study: FromPath[str]) -> Response[bytes]:
    """Tell of every instance of a series, or of the study."""
    wanted = request.query_params.get("SOPInstanceUID") or request.query_params.get("00080018")
    found = []
    for uid, series in view.chosen(request, study).items():
        instances = await asyncio.to_thread(view.views.instances, view.publication, series.number)
        found += [_of_instance(study, uid, each) for each in instances if not wanted or each.uid in wanted.split(",")]
    return _json(request, _page(request, found))


def _json(request: Asked, content: list[dict[str, Any]]) -> Response[bytes]:
    media.require_json(request.headers.get("accept", ""))
    return Response(msgspec.json.encode(content), media_type=media.JSON)


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


handlers = (find_studies, find_series, find_instances)
