"""Rules for dates and times: shifted by the publication's own number of days, so that intervals stay."""

import re
from datetime import date, timedelta
from typing import Final

from pydicom.dataset import Dataset

from studypub.deid.field import Context, Field

# PS3.5 6.2, and the forms of ACR-NEMA that old files still carry; the time zone is not kept.
_DATE: Final = re.compile(rb"(\d{4})\.?(\d{2})\.?(\d{2})")
_TIME: Final = re.compile(rb"([01]\d|2[0-3])(?::?([0-5]\d)(?::?([0-5]\d|60)(\.\d{1,6})?)?)?")
_DATE_TIME: Final = re.compile(
    rb"(\d{4})(\d{2})?(\d{2})?"
    rb"((?:[01]\d|2[0-3])(?:[0-5]\d(?:(?:[0-5]\d|60)(?:\.\d{1,6})?)?)?)?"
    rb"([+-]\d{4})?"
)
_AGE: Final = re.compile(rb"(\d{3})([DWMY])")

# HIPAA 45 CFR 164.514(b)(2)(i)(C): ages above 89 are one category.
_OLDEST: Final = b"090Y"
_PER_YEAR: Final = {b"D": 365, b"W": 52, b"M": 12, b"Y": 1}


def shifted(field: Field, value: bytes, _source: Dataset, context: Context) -> bytes | None:
    """Shift dates, keep times of day; what is neither, or more than the Standard allows, is refused."""
    one = {"DA": _date, "TM": _time}.get(field.vr, _date_time)
    found = [one(part.strip(b" \0"), context.pseudonyms.days) for part in value.split(b"\\")]
    return None if None in found or len(found) > field.vm else b"\\".join(part for part in found if part is not None)


def age(_field: Field, value: bytes, _source: Dataset, _context: Context) -> bytes | None:
    """Keep an age up to 89 years; above, it is 90."""
    found = _AGE.fullmatch(value.strip(b" \0"))
    if found is None:
        return None
    return _OLDEST if int(found[1]) >= 90 * _PER_YEAR[found[2]] else found[0]


def _date(text: bytes, days: int) -> bytes | None:
    if not text:
        return b""
    found = _DATE.fullmatch(text)
    return None if found is None else _moved(found[1], found[2], found[3], days)


def _time(text: bytes, _days: int) -> bytes | None:
    if not text:
        return b""
    found = _TIME.fullmatch(text)
    return None if found is None else b"".join(part or b"" for part in found.groups())


def _date_time(text: bytes, days: int) -> bytes | None:
    """Shift a DT; one that names only a year or month keeps that precision."""
    if not text:
        return b""
    found = _DATE_TIME.fullmatch(text)
    if found is None or (found[4] and not found[3]):
        return None
    moved = _moved(found[1], found[2] or b"07", found[3] or b"01", days)
    precision = 8 if found[3] else 6 if found[2] else 4
    return None if moved is None else moved[:precision] + (found[4] or b"")


def _moved(year: bytes, month: bytes, day: bytes, days: int) -> bytes | None:
    try:
        moved = date(int(year), int(month), int(day)) - timedelta(days=days)
    except (ValueError, OverflowError):
        return None
    return b"%04d%02d%02d" % (moved.year, moved.month, moved.day)
