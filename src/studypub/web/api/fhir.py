"""FHIR R4 for programs of a clinic: its open publications as ImagingStudy."""

import asyncio
from datetime import UTC, tzinfo
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from litestar import Request, Response, get
from litestar.params import FromPath

from studypub import __version__
from studypub.core import fhir, fhir_search
from studypub.core.fhir_search import Wanted
from studypub.core.publication import Publication, State
from studypub.db import imaging_studies, studies
from studypub.errors import Sentence
from studypub.flows.imaging_study import described
from studypub.flows.view import Views
from studypub.web.errors import Problem
from studypub.web.given import GivenApiKey, GivenParts, GivenViews
from studypub.web.guards import with_api_key
from studypub.web.parts import Parts

_RELEASED = "2026-11-27"
_NOT_THERE = Sentence("Такого исследования нет.", "There is no such study.")
_GONE = Sentence("Исследование больше не хранится.", "The study is not kept any more.")

Resource = Response[fhir.Resource]


@get("/fhir/metadata")
async def capabilities(parts: GivenParts) -> Resource:
    """Tell what can be asked for."""
    return _answer(fhir.capability_statement(parts.config.server.base_url, __version__, _RELEASED))


@get("/fhir/ImagingStudy/{study_id:str}", guards=[with_api_key])
async def read(study_id: FromPath[str], parts: GivenParts, views: GivenViews, api_key: GivenApiKey) -> Resource:
    """Tell of one publication, down to its images."""
    async with parts.database.transaction() as tx:
        publication = await studies.find(tx, _id(study_id), clinic_code=api_key.clinic_code)
        now = await tx.now()
    if publication is None:
        raise Problem(404, _NOT_THERE)
    if publication.state is not State.LIVE or publication.save_till <= now:
        raise Problem(410, _GONE)
    (resource,) = await _described(parts, views, [publication], shortened=False)
    return _answer(resource)


@get("/fhir/ImagingStudy", guards=[with_api_key])
async def search(
    request: Request[Any, Any, Any], parts: GivenParts, views: GivenViews, api_key: GivenApiKey
) -> Resource:
    """Find publications, a page at a time, the newest first."""
    query = list(request.query_params.multi_items())
    strict = "handling=strict" in request.headers.get("prefer", "")
    wanted = fhir_search.read(query, _zone(parts, api_key.clinic_code), strict=strict)
    async with parts.database.transaction() as tx:
        found, total = await imaging_studies.find(tx, wanted, clinic_code=api_key.clinic_code)
    resources = await _described(parts, views, found, shortened=True)
    base_url = parts.config.server.base_url
    return _answer(fhir.search_set(resources, total, _links(query, wanted, total, base_url), base_url))


async def _described(parts: Parts, views: Views, found: list[Publication], *, shortened: bool) -> list[fhir.Resource]:
    """Describe them one after the other, in a thread: what an object store takes for each would add up."""
    base_url = parts.config.server.base_url
    zones = [_zone(parts, each.clinic_code) for each in found]

    def describe() -> list[fhir.Resource]:
        return [
            described(views, each, base_url=base_url, zone=zone, shortened=shortened)
            for each, zone in zip(found, zones, strict=True)
        ]

    return await asyncio.to_thread(describe)


def _links(query: list[tuple[str, str]], wanted: Wanted, total: int | None, base_url: str) -> dict[str, str]:
    def page(offset: int) -> str:
        kept = [(name, value) for name, value in query if name != "_offset"]
        return f"{base_url}/fhir/ImagingStudy?{urlencode([*kept, ('_offset', str(offset))])}"

    links = {"self": page(wanted.offset)}
    if wanted.count and total is not None and wanted.offset + wanted.count < total:
        links["next"] = page(wanted.offset + wanted.count)
    return links


def _zone(parts: Parts, clinic_code: str | None) -> tzinfo:
    clinic = parts.config.clinic(clinic_code)
    return clinic.zone if clinic else UTC


def _id(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise Problem(404, _NOT_THERE) from None


def _answer(resource: fhir.Resource) -> Resource:
    return Response(resource, media_type=fhir.MEDIA_TYPE)


routes = (capabilities, read, search)
