"""Dates in all the forms in which they are written."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Final

from studypub.gate.clue import Extent, Origin, Sight
from studypub.gate.encodings import Spelling, spell
from studypub.gate.kinds import Kind

_MONTHS: Final = (
    ("января", "янв", "january", "jan"),
    ("февраля", "фев", "february", "feb"),
    ("марта", "мар", "march", "mar"),
    ("апреля", "апр", "april", "apr"),
    ("мая", "май", "may", "may"),
    ("июня", "июн", "june", "jun"),
    ("июля", "июл", "july", "jul"),
    ("августа", "авг", "august", "aug"),
    ("сентября", "сен", "september", "sep"),
    ("октября", "окт", "october", "oct"),
    ("ноября", "ноя", "november", "nov"),
    ("декабря", "дек", "december", "dec"),
)
# Y, M, D: padded to two digits; y: two digits of the year; m, d: without padding; R r E e: the month's name.
FORMS: Final = (
    "YMD", "DMY", "MDY", "Y-M-D", "Y.M.D", "Y/M/D", "Y M D", "Y_M_D", "Y:M:D", "D.M.Y", "D-M-Y", "D/M/Y", "D M Y",
    "D_M_Y", "M/D/Y", "M-D-Y", "D.M.y", "D/M/y", "D-M-y", "M/D/y", "y-M-D", "y/M/D", "d.m.Y", "d/m/Y", "m/d/Y", "Y-m-d",
    "d R Y", "D R Y", "d r Y", "D r Y", "d E Y", "D E Y", "d e Y", "D e Y", "D-e-Y", "D-E-Y", "E d, Y", "E D, Y",
    "e d, Y", "e D, Y", "E d Y", "e d Y", "e D Y", "E D Y", "YeD", "DeY",
)  # fmt: skip
_COMPACT: Final = re.compile(r"(\d{4})[.-]?(\d{2})[.-]?(\d{2})")
_RUSSIAN: Final = re.compile(r"(?<!\d)(\d{1,2})[./-](\d{1,2})[./-](\d{4})(?!\d)")
_ISO: Final = re.compile(r"(?<![\d.])((?:19|20)\d\d)([./-]?)(\d\d)\2(\d\d)(?!\d)")
_TIME: Final = re.compile(r"(?:[01]\d|2[0-3])(?:[0-5]\d){0,2}(?!\d)")
# What the Standard's empty dates look like, ours included.
_PLACEHOLDERS: Final = frozenset({date(1900, 1, 1), date(1970, 1, 1), date(1, 1, 1), date(9999, 12, 31)})


def read(text: str) -> date | None:
    """Return the date that a DA or DT begins with (PS3.5 6.2), or None."""
    found = _COMPACT.match(text.strip(" \0"))
    return _real(found[1], found[2], found[3]) if found else None


def dates_in(text: str) -> Iterator[date]:
    """Yield the dates in running text."""
    found = [_real(year, month, day) for year, _, month, day in _ISO.findall(text)]
    found += [_real(year, month, day) for day, month, year in _RUSSIAN.findall(text)]
    yield from (each for each in found if each)


def _real(year: str, month: str, day: str) -> date | None:
    try:
        found = date(int(year), int(month), int(day))
    except ValueError:
        return None
    return None if found in _PLACEHOLDERS else found


def written(day: date, form: str) -> str:
    """Return the date in one of FORMS."""
    names = _MONTHS[day.month - 1]
    parts = {"Y": f"{day.year:04}", "M": f"{day.month:02}", "D": f"{day.day:02}"}
    parts |= {"y": f"{day.year % 100:02}", "m": str(day.month), "d": str(day.day)}
    parts |= {"R": names[0], "r": names[1], "E": names[2], "e": names[3]}
    return "".join(parts.get(letter, letter) for letter in form)


@dataclass(frozen=True)
class Day:
    """A date; `permitted`: the profile itself writes it, in the form of DA."""

    origin: Origin
    day: date
    permitted: bool = False
    kind: Kind = Kind.DATE

    def spellings(self) -> Iterator[Spelling]:
        """Yield it in every form."""
        for text in {written(self.day, form) for form in FORMS}:
            yield from spell(text)

    def confirm(self, sight: Sight) -> Extent | None:
        """Accept it unless it is a part of a longer number; a time of day may follow."""
        if sight.is_binary:
            return Extent()
        compact = sight.found.isdigit()
        if compact and (sight.vr == b"DS" or (self.permitted and sight.vr in {b"DA", b"DT"})):
            return None
        if sight.before[-1:].isalnum() or (not compact and re.search(r"\d[./-]\Z", sight.before)):
            return None
        timed = compact and _TIME.match(sight.after)
        inside = sight.after[:1].isdigit() or (not compact and re.match(r"[./-]\d", sight.after))
        return None if inside and not timed else Extent()
