"""The list of publications as people look at it: filtered, sorted by any column, from any place on."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time
from types import MappingProxyType
from typing import NamedTuple
from uuid import UUID
from zoneinfo import ZoneInfo

from studypub.core.listing import Place
from studypub.core.publication import Publication
from studypub.db import few
from studypub.db.database import Transaction
from studypub.db.studies import publication_of

_LOWEST, _HIGHEST = UUID(int=0), UUID(int=2**128 - 1)
_UTC = ZoneInfo("UTC")
_EVERY_MOMENT = ("-infinity", "infinity")
_EVERY_TEXT = ("", "\U0010ffff")
_EVERY_SIZE = ("-1", str(2**63 - 1))


class _Column(NamedTuple):
    query: str
    ends: tuple[str, str]
    value: Callable[[Publication], str]


COLUMNS: Mapping[str, _Column] = MappingProxyType(
    {
        "pid": _Column("pid", _EVERY_TEXT, lambda study: study.patient_id),
        "acsn": _Column("acsn", _EVERY_TEXT, lambda study: study.accession_number),
        "emk_record_id": _Column("emk", _EVERY_TEXT, lambda study: study.emk_record_id or ""),
        "size": _Column("size", _EVERY_SIZE, lambda study: str(study.size)),
        "study_date": _Column("date", _EVERY_MOMENT, lambda study: _moment(study.study_date)),
        "upload_date": _Column("upload", _EVERY_MOMENT, lambda study: _moment(study.upload_date)),
        "save_till": _Column("till", _EVERY_MOMENT, lambda study: _moment(study.save_till)),
    }
)


@dataclass(frozen=True, slots=True)
class Sort:
    """The column that the list is sorted by."""

    column: str = "upload_date"
    descending: bool = True

    def is_value(self, text: str) -> bool:
        """Whether the text can stand in that column."""
        ends = COLUMNS[self.column].ends
        if ends == _EVERY_SIZE:
            return text.isascii() and text.isdigit() and len(text) < len(ends[1])
        return ends == _EVERY_TEXT or text == ends[0] or _is_moment(text)


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyFilter:
    """Which publications are shown; `clinic_code` None means every clinic, empty texts and ranges ask for nothing.

    `state`: open, expired or withdrawn. `text` stands in one of the numbers. Sizes in bytes, days of the zone, both
    ends included.
    """

    clinic_code: str | None = None
    state: str = ""
    text: str = ""
    pid: str = ""
    acsn: str = ""
    emk: str = ""
    sizes: tuple[int | None, int | None] = (None, None)
    dates: tuple[date | None, date | None] = (None, None)
    uploads: tuple[date | None, date | None] = (None, None)
    tills: tuple[date | None, date | None] = (None, None)
    zone: ZoneInfo = _UTC


@dataclass(frozen=True, slots=True)
class StudyLine:
    """A publication and where in the list it stands."""

    study: Publication
    place: Place


async def lines(
    tx: Transaction, wanted: StudyFilter, sort: Sort, *, limit: int, place: Place | None = None, back: bool = False
) -> list[StudyLine]:
    """Return what follows a place (None: from the head on); with `back`, what precedes it, in the same order."""
    column = COLUMNS[sort.column]
    down = sort.descending is not back
    begin = place or Place(column.ends[down], _HIGHEST if down else _LOWEST)
    rows = await tx.all(
        f"studies_by_{column.query}_{'down' if down else 'up'}",
        wanted=_row(wanted),
        few=await few.studies(tx, _texts(wanted)),
        after=begin.value,
        after_id=begin.item,
        limit=limit,
    )
    found = [StudyLine(study, Place(column.value(study), study.study_id)) for study in map(publication_of, rows)]
    return found[::-1] if back else found


def _row(wanted: StudyFilter) -> tuple[str | None, ...]:
    """Return the filter as a `study_filter` of the schema."""
    days = (wanted.dates, wanted.uploads, wanted.tills)
    ranges = (_range(*wanted.sizes), *(days_range(one, wanted.zone) for one in days))
    return (wanted.clinic_code, wanted.state, *_texts(wanted), *ranges)


def _texts(wanted: StudyFilter) -> tuple[str, ...]:
    return tuple(map(str.lower, (wanted.text, wanted.pid, wanted.acsn, wanted.emk)))


def _moment(value: datetime | None) -> str:
    return value.isoformat() if value else _EVERY_MOMENT[0]


def _is_moment(text: str) -> bool:
    try:
        return datetime.fromisoformat(text).tzinfo is not None
    except ValueError:
        return False


def _range(first: object, last: object) -> str:
    """Return a range of PostgreSQL that both ends belong to."""
    return f"[{first if first is not None else ''},{last if last is not None else ''}]"


def days_range(days: tuple[date | None, date | None], zone: ZoneInfo) -> str:
    """Return these days, both included, as a range of PostgreSQL."""
    first, last = days
    begin = datetime.combine(first, time.min, zone).isoformat() if first else None
    end = datetime.combine(last, time.max, zone).isoformat() if last else None
    return _range(begin, end)
