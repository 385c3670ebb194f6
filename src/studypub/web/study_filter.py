"""Which publications somebody wants to see, and in which order, as the address says it."""

from collections.abc import Mapping
from typing import Any

from litestar import Request

from studypub.config import Config
from studypub.core.people import User
from studypub.db.studies_list import COLUMNS, Sort, StudyFilter
from studypub.web import places
from studypub.web.days import days
from studypub.web.formats import zone_of

_LONGEST_TEXT = 64
_MEGABYTE = 2**20
_MOST_DIGITS = 9
RANGES = ("size", "study_date", "upload_date", "save_till")
_NAMES = (
    *("q", "state", "clinic", "pid", "acsn", "emk_record_id"),
    *(f"{name}_{end}" for name in RANGES for end in ("from", "to")),
)


def query_of(request: Request[Any, Any, Any]) -> dict[str, str]:
    """Return the part of the address that says what is wanted, and how it is sorted."""
    query = {
        name: request.query_params.get(name, "").replace("\0", "").strip()[:_LONGEST_TEXT] for name in (*_NAMES, "sort")
    }
    return {**query, "sort": query["sort"] if query["sort"].removeprefix("-") in COLUMNS else ""}


def narrows(query: Mapping[str, str]) -> bool:
    """Whether anything is asked for but an order."""
    return any(query[name] for name in _NAMES)


def narrows_columns(query: Mapping[str, str]) -> bool:
    """Whether something is asked for that stands in the head of the table."""
    return any(query[name] for name in _NAMES[3:])


def sort_of(query: Mapping[str, str]) -> Sort:
    """Return the order; the newest first where none is asked for."""
    name = query["sort"]
    return Sort(name.removeprefix("-"), name.startswith("-")) if name else Sort()


def sorts(query: Mapping[str, str]) -> dict[str, tuple[str, str]]:
    """Return for each column where its head leads, and how the list is sorted by it now, as ARIA says it."""
    now = sort_of(query)
    heads = {}
    for column in COLUMNS:
        is_now = column == now.column
        descending = not now.descending if is_now else column in RANGES
        address = places.address("/studies", {**query, "sort": f"{'-' if descending else ''}{column}"})
        heads[column] = (address, ("descending" if now.descending else "ascending") if is_now else "none")
    return heads


def read(query: Mapping[str, str], user: User, config: Config) -> StudyFilter:
    """Return the filter; what cannot be read counts for nothing, and nobody leaves their own clinic."""
    low, high = (_number(query[f"size_{end}"]) for end in ("from", "to"))
    sizes = (low * _MEGABYTE if low is not None else None, (high + 1) * _MEGABYTE - 1 if high is not None else None)
    return StudyFilter(
        clinic_code=user.clinic_code or query["clinic"] or None,
        state=query["state"],
        text=query["q"],
        pid=query["pid"],
        acsn=query["acsn"],
        emk=query["emk_record_id"],
        sizes=sizes if None in sizes or sizes[0] <= sizes[1] else (None, None),  # type: ignore[operator]
        dates=days(query, "study_date"),
        uploads=days(query, "upload_date"),
        tills=days(query, "save_till"),
        zone=zone_of(config, user.clinic_code or query["clinic"] or None),
    )


def _number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) <= _MOST_DIGITS else None
