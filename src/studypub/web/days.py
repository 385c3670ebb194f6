"""Reads from an address between which days something is wanted."""

from collections.abc import Mapping
from datetime import date

_EARLIEST, _LATEST = date(1900, 1, 1), date(2200, 1, 1)


def days(query: Mapping[str, str], name: str) -> tuple[date | None, date | None]:
    """Return the first and the last day, `NAME_from` and `NAME_to`; None where there is none that can be read."""
    first, last = _day(query[f"{name}_from"]), _day(query[f"{name}_to"])
    return (last, first) if first and last and first > last else (first, last)


def _day(text: str) -> date | None:
    try:
        day = date.fromisoformat(text)
    except ValueError:
        return None
    return day if _EARLIEST <= day <= _LATEST else None
