"""Cuts long lists into pages that begin at a place in the list: the thousandth is read as fast as the first."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, Protocol, TypeVar
from urllib.parse import urlencode
from uuid import UUID

from litestar import Request

from studypub.core.listing import Place

LENGTH = 50
READ = LENGTH + 1  # one more than is shown, to know whether there is another page
_LONGEST = 128


class _Placed(Protocol):
    @property
    def place(self) -> Place: ...


_Item = TypeVar("_Item", bound=_Placed)


@dataclass(frozen=True, slots=True)
class Where:
    """The place that a page begins after, None at the list's head; with `back`, the place that it ends before."""

    place: Place | None = None
    back: bool = False


@dataclass(frozen=True, slots=True)
class Page(Generic[_Item]):
    """The items of one page, and the addresses of its neighbours; `at_head` where the list begins here."""

    items: Sequence[_Item]
    before: str | None
    after: str | None
    at_head: bool


def asked(request: Request[Any, Any, Any], is_value: Callable[[str], bool]) -> Where:
    """Return where the page begins; at the head where the address says nothing sensible."""
    for name, back in (("after", False), ("before", True)):
        value, _, item = request.query_params.get(name, "").rpartition("~")
        try:
            place = Place(value, UUID(item))
        except ValueError:
            continue
        if len(value) <= _LONGEST and "\0" not in value and is_value(value):
            return Where(place, back)
    return Where()


def is_moment(text: str) -> bool:
    """Whether the text is an instant."""
    try:
        return datetime.fromisoformat(text).tzinfo is not None
    except ValueError:
        return False


def page(path: str, where: Where, read: Sequence[_Item], query: Mapping[str, str]) -> Page[_Item]:
    """Return the page of what was read; `query` is what else its neighbours' addresses carry."""
    more = len(read) > LENGTH
    items = read[-LENGTH:] if where.back else read[:LENGTH]
    has_before = more if where.back else where.place is not None
    has_after = bool(items) if where.back else more
    before = _address(path, query, "before", items[0].place) if items and has_before else None
    after = _address(path, query, "after", items[-1].place) if items and has_after else None
    return Page(items, before, after, not has_before)


def address(path: str, query: Mapping[str, str]) -> str:
    """Return the path with what of the query is not empty."""
    pairs = {name: value for name, value in query.items() if value}
    return f"{path}?{urlencode(pairs)}" if pairs else path


def same_list(path: str, request: Request[Any, Any, Any], without: tuple[str, ...] = ("study", "from")) -> str:
    """Return the list where an action began: its address carries what the list was narrowed down to."""
    return address(path, {name: value for name, value in request.query_params.items() if name not in without})


def task_or_queue(request: Request[Any, Any, Any], task_id: UUID) -> str:
    """Return where an action leads: to the task where it began there, else to the same part of the queue."""
    return f"/queue/{task_id}" if request.query_params.get("from") == "task" else same_list("/queue", request)


def _address(path: str, query: Mapping[str, str], name: str, place: Place) -> str:
    return address(path, {**query, name: f"{place.value}~{place.item}"})
