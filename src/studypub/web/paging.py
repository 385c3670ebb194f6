"""Cuts long lists into pages."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar
from urllib.parse import urlencode

from litestar import Request

LENGTH = 50
_LAST = 10_000  # beyond it lies nothing that a person looks for, and an OFFSET costs

_Item = TypeVar("_Item")


@dataclass(frozen=True, slots=True)
class Page(Generic[_Item]):
    """The items of one page, counted from 1, and the addresses of its neighbours."""

    items: Sequence[_Item]
    number: int
    newer: str | None
    older: str | None


def number_of(request: Request[Any, Any, Any]) -> int:
    """Return the page that is asked for; the first one where the address says nothing sensible."""
    text = request.query_params.get("page", "1")
    return min(int(text), _LAST) if text.isascii() and text.isdigit() and len(text) < 9 and int(text) > 0 else 1


def window(number: int) -> dict[str, int]:
    """Return the limit and offset to read by: one item more than the page shows, to know whether there is another."""
    return {"limit": LENGTH + 1, "offset": (number - 1) * LENGTH}


def page(path: str, number: int, read: Sequence[_Item], **query: str) -> Page[_Item]:
    """Return the page; `query` is what else its neighbours' addresses carry."""
    kept = {name: value for name, value in query.items() if value}
    newer = _address(path, number - 1, kept) if number > 1 else None
    older = _address(path, number + 1, kept) if len(read) > LENGTH else None
    return Page(read[:LENGTH], number, newer, older)


def _address(path: str, number: int, query: dict[str, str]) -> str:
    pairs = {**query, **({"page": str(number)} if number > 1 else {})}
    return f"{path}?{urlencode(pairs)}" if pairs else path
