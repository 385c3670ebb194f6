"""Reads until which day studies are to be kept."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from studypub.config import Config
from studypub.errors import Refused, Sentence

_NO_DATE = Sentence("Укажите дату.", "Give a date.")


def end_of_day(text: str, zone: ZoneInfo) -> datetime:
    """Return the end of the day that was typed. Raises Refused where it is none."""
    try:
        day = date.fromisoformat(text)
    except ValueError:
        raise Refused(reason_ru=_NO_DATE.ru, reason_en=_NO_DATE.en) from None
    return datetime.combine(day, time(23, 59, 59), zone).astimezone(UTC)


def last_day(till: datetime, zone: ZoneInfo) -> date:
    """Return the last day on which something is kept as a whole, or in part; midnight belongs to the day before."""
    return (till - timedelta(seconds=1)).astimezone(zone).date()


def bounds(now: datetime, zone: ZoneInfo, config: Config) -> dict[str, date]:
    """Return the earliest and the latest day that can be chosen now."""
    today = now.astimezone(zone).date()
    # The end of the last day must not lie beyond the limit, which counts from this minute.
    return {"earliest": today, "latest": today + timedelta(days=config.retention.max_days - 1)}
