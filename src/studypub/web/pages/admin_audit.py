"""The audit log: who did what, and when."""

from collections.abc import AsyncIterator
from typing import Any

import orjson
from litestar import Request, Response, get, post
from litestar.response import Stream

from studypub.core.listing import Place
from studypub.db import audit, audit_list
from studypub.db.audit_list import AuditFilter
from studypub.db.database import Database
from studypub.web import guards, places, render, spreadsheet
from studypub.web.days import days
from studypub.web.formats import zone_of
from studypub.web.given import GivenLanguage, GivenParts, GivenSession
from studypub.web.parts import Parts

_NAMES = ("q", "action", "at_from", "at_to")
_LONGEST_TEXT = 64
_MOST_DIGITS = 18
_BATCH = 1000
_HEAD = ("entry", "at", "actor", "action", "subject", "details")


@get("/admin/audit", guards=[guards.administrator, guards.of_every_clinic])
async def show(request: Request[Any, Any, Any], parts: GivenParts, session: GivenSession) -> Response[str]:
    """Show the log, newest first, or those of its entries that were asked for."""
    query, where = _query(request), places.asked(request, _is_entry)
    async with parts.database.transaction() as tx:
        read = await audit_list.lines(
            tx, _filter(query, parts), limit=places.READ, place=where.place or audit_list.FIRST, back=where.back
        )
        now = await tx.now()
    panel: dict[str, Any] = {"session": session, "config": parts.config, "now": now}
    page, here_query = places.page("/admin/audit", where, read, query), request.scope["query_string"].decode("latin-1")
    return render.page("audit.html", request, **panel, page=page, query=query, here_query=here_query)


@post("/admin/audit/export", guards=[guards.administrator, guards.of_every_clinic, guards.csrf])
async def export(
    request: Request[Any, Any, Any], parts: GivenParts, session: GivenSession, language: GivenLanguage
) -> Stream:
    """Send what is shown, all of its pages, as a table; the log remembers it."""
    query = _query(request)
    async with parts.database.transaction() as tx:
        asked = {name: value for name, value in query.items() if value}
        await audit.append(tx, session.user.actor, "audit.exported", "*", **asked)
    return spreadsheet.answer("audit", _HEAD, _rows(parts.database, _filter(query, parts), audit_list.FIRST), language)


async def _rows(database: Database, wanted: AuditFilter, place: Place) -> AsyncIterator[list[spreadsheet.Row]]:
    while True:
        async with database.transaction() as tx:
            read = await audit_list.lines(tx, wanted, limit=_BATCH, place=place)
        entries = (line.entry for line in read)
        yield [
            (one.entry, one.at.isoformat(), one.actor, one.action, one.subject, orjson.dumps(one.details).decode())
            for one in entries
        ]
        if len(read) < _BATCH:
            return
        place = read[-1].place


def _query(request: Request[Any, Any, Any]) -> dict[str, str]:
    texts = {name: request.query_params.get(name, "") for name in _NAMES}
    return {name: text.replace("\0", "").strip()[:_LONGEST_TEXT] for name, text in texts.items()}


def _filter(query: dict[str, str], parts: Parts) -> AuditFilter:
    zone = zone_of(parts.config, None)
    return AuditFilter(text=query["q"], action=query["action"], days=days(query, "at"), zone=zone)


def _is_entry(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= _MOST_DIGITS


routes = (show, export)
