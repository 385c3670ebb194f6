"""Published studies: the list, narrowed down and sorted, and taken away as a file."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from litestar import Request, Response, get, post
from litestar.response import Stream

from studypub.core.listing import Place
from studypub.core.publication import Publication, State, link
from studypub.core.rights import Right
from studypub.db import audit, studies_list
from studypub.db.studies_list import Sort, StudyFilter
from studypub.web import guards, places, render, spreadsheet, study_filter
from studypub.web.formats import zone_of
from studypub.web.given import GivenLanguage, GivenParts, GivenRights, GivenSession
from studypub.web.parts import Parts
from studypub.web.rights import May

_BATCH = 1000
_HEAD = (
    *("acsn", "pid", "emk_record_id", "service_title", "arch_link", "size", "study_date", "upload_date", "save_till"),
    *("state", "clinic_code", "instances"),
)


@get("/studies", guards=[guards.signed_in])
async def show(
    request: Request[Any, Any, Any], parts: GivenParts, session: GivenSession, rights: GivenRights
) -> Response[str]:
    """Show the publications, or those that were asked for."""
    query = study_filter.query_of(request)
    sort, wanted = study_filter.sort_of(query), study_filter.read(query, session.user, parts.config)
    where = places.asked(request, sort.is_value)
    async with parts.database.transaction() as tx:
        read = await studies_list.lines(
            tx, wanted, sort, limit=places.READ, place=where.place, back=where.back and where.place is not None
        )
        now = await tx.now()
    panel: dict[str, Any] = {"session": session, "config": parts.config, "now": now, "rights": rights}
    return render.page(
        "studies.html",
        request,
        **panel,
        page=places.page("/studies", where, read, query),
        query=query,
        here_query=request.scope["query_string"].decode("latin-1"),
        sorts=study_filter.sorts(query),
        narrowed=study_filter.narrows(query),
        columns_narrowed=study_filter.narrows_columns(query),
    )


@post("/studies/export", guards=[guards.signed_in, guards.csrf, May(Right.EXPORT)])
async def export(
    request: Request[Any, Any, Any],
    parts: GivenParts,
    session: GivenSession,
    rights: GivenRights,
    language: GivenLanguage,
) -> Stream:
    """Send the list that is shown, all of its pages, as a table; the audit log remembers it."""
    query = study_filter.query_of(request)
    wanted = study_filter.read(query, session.user, parts.config)
    async with parts.database.transaction() as tx:
        asked = {name: value for name, value in query.items() if value}
        await audit.append(tx, session.user.actor, "studies.exported", wanted.clinic_code or "*", **asked)
        now = await tx.now()
    writing = _Writing(parts, now, with_link=Right.LINK in rights)
    return spreadsheet.answer("studies", _HEAD, writing.rows(wanted, study_filter.sort_of(query)), language)


@dataclass(frozen=True)
class _Writing:
    """How publications become rows of a table."""

    parts: Parts
    now: datetime
    with_link: bool

    async def rows(
        self, wanted: StudyFilter, sort: Sort, place: Place | None = None
    ) -> AsyncIterator[list[spreadsheet.Row]]:
        """Give every row from a place on, in batches."""
        while True:
            async with self.parts.database.transaction() as tx:
                read = await studies_list.lines(tx, wanted, sort, limit=_BATCH, place=place)
            yield [self._row(line.study) for line in read]
            if len(read) < _BATCH:
                return
            place = read[-1].place

    def _row(self, study: Publication) -> spreadsheet.Row:
        opens = study.state is State.LIVE and study.save_till > self.now
        address = link(self.parts.config.server.base_url, study.token) if opens and self.with_link else ""
        zone = zone_of(self.parts.config, study.clinic_code)
        dates = [
            moment and moment.astimezone(zone) for moment in (study.study_date, study.upload_date, study.save_till)
        ]
        return (
            *(study.accession_number, study.patient_id, study.emk_record_id, study.service_title, address, study.size),
            *(moment and moment.isoformat(timespec="seconds") for moment in dates),
            *(study.state if opens or study.state is not State.LIVE else State.EXPIRED, study.clinic_code),
            study.instances,
        )


routes = (show, export)
