"""Which of its tasks a program wants to see, as the address says it."""

from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

from studypub.core.listing import Place
from studypub.core.request import FieldError, InvalidRequest
from studypub.core.task import Status
from studypub.db.queue import FIRST
from studypub.errors import Sentence
from studypub.web import places

LONGEST = 200
_USUAL = 50
_NAMES = ("clinic_code", "status", "q", "limit", "after")
_LONGEST_TEXT = 64

_UNKNOWN = Sentence("Такого параметра нет.", "There is no such parameter.")
_NO_STATUS = Sentence("Такого состояния нет.", "There is no such status.")
_NO_LIMIT = Sentence(f"Число от 1 до {LONGEST}.", f"A number from 1 to {LONGEST}.")
_NO_PLACE = Sentence("Это не значение after из прошлого ответа.", "This is no `after` of an answer before.")
_NO_TEXT = Sentence("Часть номера, до 64 знаков.", "A part of a number, of at most 64 characters.")


@dataclass(frozen=True, slots=True)
class Asked:
    """So many tasks after a place, in these states, with that text in one of their numbers."""

    statuses: tuple[Status, ...]
    text: str
    limit: int
    after: Place


def read(query: Mapping[str, str]) -> Asked:
    """Return what is asked for. Raises InvalidRequest with every fault that was found."""
    errors = [FieldError(name, _UNKNOWN) for name in query if name not in _NAMES]
    names = [name for name in query.get("status", "").split(",") if name]
    if not set(names) <= {status.value for status in Status}:
        errors.append(FieldError("status", _NO_STATUS))
    text = query.get("q", "")
    if "\0" in text or len(text) > _LONGEST_TEXT:
        errors.append(FieldError("q", _NO_TEXT))
    limit = query.get("limit", str(_USUAL))
    if not (limit.isascii() and limit.isdigit() and len(limit) < 4 and 1 <= int(limit) <= LONGEST):
        errors.append(FieldError("limit", _NO_LIMIT))
    after = _place(query["after"]) if "after" in query else FIRST
    if after is None:
        errors.append(FieldError("after", _NO_PLACE))
    if errors or after is None:
        raise InvalidRequest(errors)
    return Asked(tuple(map(Status, names)) or tuple(Status), text, int(limit), after)


def place(place: Place) -> str:
    """Return what `read` finds a place in."""
    return f"{place.value}~{place.item}"


def _place(text: str) -> Place | None:
    value, _, item = text.rpartition("~")
    try:
        return Place(value, UUID(item)) if places.is_moment(value) else None
    except ValueError:
        return None
