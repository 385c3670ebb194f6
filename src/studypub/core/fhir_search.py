"""Reads which ImagingStudies are asked for (FHIR R4, Search)."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from uuid import UUID

from studypub.core.request import FieldError, InvalidRequest
from studypub.errors import Sentence

MOST, USUAL = 100, 20
_LONGEST = 128
_DATE = re.compile(
    r"(eq|gt|lt|ge|le)?"
    r"(\d{4})(?:-(\d\d)(?:-(\d\d)(?:T(\d\d):(\d\d)(?::(\d\d)(?:\.\d+)?)?(Z|[+-]\d\d:\d\d)?)?)?)?"
)
_FIRST, _LAST = datetime(1, 1, 3, tzinfo=UTC), datetime(9999, 12, 29, tzinfo=UTC)

_NO_DATE = Sentence("Должна быть дата FHIR, например ge2025-02-01.", "Must be a date of FHIR, such as ge2025-02-01.")
_NO_COUNT = Sentence(f"Число от 0 до {MOST}.", f"A number from 0 to {MOST}.")
_NO_OFFSET = Sentence("Это не _offset из прошлого ответа.", "This is no _offset of an answer before.")
_UNKNOWN = Sentence("Такого параметра нет.", "There is no such parameter.")
_NO_TEXT = Sentence(f"От 1 до {_LONGEST} знаков.", f"1 to {_LONGEST} characters.")


@dataclass(frozen=True, slots=True)
class Period:
    """From one moment on, up to and without another."""

    begin: datetime = _FIRST
    end: datetime = _LAST

    def also(self, other: "Period") -> "Period":
        """Return what both hold."""
        return Period(max(self.begin, other.begin), min(self.end, other.end))


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a search asks for; None: any."""

    study_ids: tuple[UUID, ...] | None
    accession_numbers: tuple[str, ...] | None
    patient_ids: tuple[str, ...] | None
    started: Period
    updated: Period
    count: int
    offset: int


_NAMES = ("_id", "identifier", "patient", "patient.identifier", "patient:identifier", "started", "_lastUpdated")
_OF_THE_ANSWER = ("_count", "_offset", "_format", "_pretty", "_summary", "_total", "_sort")


def read(query: Iterable[tuple[str, str]], zone: tzinfo, *, strict: bool = False) -> Wanted:
    """Return what is asked for; a date without an offset is meant in this zone.

    `strict`: unknown parameters are faults (Prefer: handling=strict). Raises InvalidRequest.
    """
    errors: list[FieldError] = []
    values: dict[str, list[str]] = {}
    for name, value in query:
        values.setdefault(name, []).append(value)
        known = name in _NAMES or name in _OF_THE_ANSWER
        if not known and strict:
            errors.append(FieldError(name, _UNKNOWN))
        if known and not 1 <= len(value) <= _LONGEST:
            errors.append(FieldError(name, _NO_TEXT))
    wanted = Wanted(
        study_ids=_ids(values.get("_id")),
        accession_numbers=_tokens(values.get("identifier")),
        patient_ids=_tokens([one for name in _NAMES[2:5] for one in values.get(name, ())] or None),
        started=_period("started", values, zone, errors),
        updated=_period("_lastUpdated", values, zone, errors),
        count=_number("_count", values, USUAL, MOST, _NO_COUNT, errors),
        offset=_number("_offset", values, 0, 1_000_000, _NO_OFFSET, errors),
    )
    if errors:
        raise InvalidRequest(errors)
    return wanted


def _ids(texts: list[str] | None) -> tuple[UUID, ...] | None:
    if texts is None:
        return None
    found = []
    for text in ",".join(texts).split(","):
        try:
            found.append(UUID(text))
        except ValueError:
            continue  # no study is called so
    return tuple(found)


def _tokens(texts: list[str] | None) -> tuple[str, ...] | None:
    """Return values without the system before them (`system|value`), or the kind (`Patient/value`)."""
    if texts is None:
        return None
    return tuple(text.rpartition("|")[2].removeprefix("Patient/") for text in ",".join(texts).split(",") if text)


def _number(
    name: str, values: dict[str, list[str]], usual: int, most: int, sentence: Sentence, errors: list[FieldError]
) -> int:
    text = values.get(name, [str(usual)])[-1]
    if text.isascii() and text.isdigit() and int(text) <= most:
        return int(text)
    errors.append(FieldError(name, sentence))
    return usual


def _period(name: str, values: dict[str, list[str]], zone: tzinfo, errors: list[FieldError]) -> Period:
    period = Period()
    for text in values.get(name, ()):
        one = _date(text, zone)
        if one is None:
            errors.append(FieldError(name, _NO_DATE))
        else:
            period = period.also(one)
    return period


def _date(text: str, zone: tzinfo) -> Period | None:
    """Return the period that one value names: `2025-02` is a month, `lt2025` all before that year."""
    found = _DATE.fullmatch(text.replace(" ", "+"))  # a plus that nobody wrote as %2B
    if found is None:
        return None
    prefix, *numbers, offset = found.groups()
    try:
        moment = _moment(numbers, offset, zone)
        begin, end = moment.astimezone(UTC), _after(moment, numbers).astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    return {
        "gt": Period(begin=end),
        "ge": Period(begin=begin),
        "lt": Period(end=begin),
        "le": Period(end=end),
    }.get(prefix, Period(begin, end))


def _moment(numbers: list[str | None], offset: str | None, zone: tzinfo) -> datetime:
    year, month, day, hour, minute, second = numbers
    local = datetime(
        int(year or 0), int(month or 1), int(day or 1), int(hour or 0), int(minute or 0), int(second or 0), tzinfo=zone
    )
    if not offset:
        return local
    return datetime.fromisoformat(local.replace(tzinfo=None).isoformat() + offset.replace("Z", "+00:00"))


def _after(begin: datetime, numbers: list[str | None]) -> datetime:
    """Return the moment at which what was named with these numbers is over."""
    _, month, day, hour, _, second = numbers
    if month is None:
        return begin.replace(year=begin.year + 1)
    if day is None:
        return (begin.replace(day=28) + timedelta(days=4)).replace(day=1)
    if hour is None:
        return begin + timedelta(days=1)
    return begin + (timedelta(minutes=1) if second is None else timedelta(seconds=1))
