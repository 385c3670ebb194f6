"""Writes times, sizes and numbers the way a reader says them."""

from collections.abc import Callable
from datetime import date, datetime, timedelta
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

from babel.dates import format_date, format_timedelta
from babel.numbers import format_decimal
from jinja2 import pass_context
from jinja2.runtime import Context
from markupsafe import Markup

from studypub.config import Config
from studypub.errors import Sentence
from studypub.web.catalogue import translations
from studypub.web.language import Language

_STEP = 1024
_MOST_REMEMBERED = 4096


class Formats:
    """The filters of one language."""

    def __init__(self, language: Language) -> None:
        self._language: Language = language
        self._words = translations(language)
        # Pages that are looked at again and again say the same moments, and sizes.
        self._moment = lru_cache(_MOST_REMEMBERED)(self._written_moment)

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Return them by the names that templates use."""
        return {
            "instant": datetime.fromisoformat,
            "moment": self._moment_in,
            "day": self._day_in,
            "date": self.calendar_day,
            "size": lru_cache(_MOST_REMEMBERED)(self.size),
            "number": self.number,
            "span": self.span,
            "said": self.said,
        }

    def moment(self, value: datetime, now: datetime, zone: ZoneInfo) -> Markup:
        """Return «сегодня, 14:05», within `<time>`."""
        return self._moment(value, now.astimezone(zone).date(), zone)

    def day(self, value: datetime, zone: ZoneInfo, pattern: str = "d MMM y") -> Markup:
        """Return the day, within `<time>`."""
        local = value.astimezone(zone)
        return self._time(local, _written(local.date(), pattern, self._language))

    def calendar_day(self, value: date) -> Markup:
        """Return a day that belongs to no time zone, within `<time>`."""
        text = format_date(value, "d MMMM y", locale=self._language)
        return Markup('<time datetime="{}">{}</time>').format(value.isoformat(), text)

    def size(self, octets: int) -> Markup:
        """Return «51 МБ», within `<data>`; a unit is 1024 of the one before it."""
        units = [self._words.gettext(unit) for unit in _UNITS]
        amount, unit = float(octets), 0
        while round(amount) >= _STEP and unit < len(units) - 1:
            amount, unit = amount / _STEP, unit + 1
        digits = "#,##0" if amount >= 10 or unit == 0 else "#,##0.#"
        text = f"{format_decimal(amount, digits, locale=self._language)}\u00a0{units[unit]}"
        return Markup('<data value="{}">{}</data>').format(octets, text)

    def number(self, value: int) -> str:
        """Return the number with its thousands apart."""
        return format_decimal(value, locale=self._language)

    def span(self, length: timedelta) -> str:
        """Return «12 мин»: how long something has lasted, roughly."""
        length = max(length, timedelta(minutes=1))
        return format_timedelta(length, granularity="minute", threshold=1.5, format="short", locale=self._language)

    def said(self, sentence: Sentence) -> str:
        """Return the sentence in this language."""
        text: str = getattr(sentence, self._language)
        return text

    def _written_moment(self, value: datetime, today: date, zone: ZoneInfo) -> Markup:
        local = value.astimezone(zone)
        return self._time(local, f"{self._near(local.date(), today)}, {local:%H:%M}")

    def _near(self, day: date, today: date) -> str:
        if day == today:
            return self._words.gettext(_TODAY)
        if day == today - timedelta(days=1):
            return self._words.gettext(_YESTERDAY)
        return _written(day, "d MMM" if day.year == today.year else "d MMM y", self._language)

    def _time(self, local: datetime, text: str) -> Markup:
        offset = f"{local:%z}"
        full = f"{_written(local.date(), 'd MMMM y', self._language)}, {local:%H:%M:%S} (GMT{offset[:3]}:{offset[3:5]})"
        instant = local.isoformat(timespec="seconds")
        return Markup('<time datetime="{}" title="{}">{}</time>').format(instant, full, text)

    @pass_context
    def _moment_in(self, context: Context, value: datetime, clinic_code: str | None = None) -> Markup:
        return self.moment(value, context["now"], zone_of(context["config"], clinic_code))

    @pass_context
    def _day_in(
        self, context: Context, value: datetime, clinic_code: str | None = None, pattern: str = "d MMM y"
    ) -> Markup:
        return self.day(value, zone_of(context["config"], clinic_code), pattern)


@lru_cache(_MOST_REMEMBERED)
def _written(day: date, pattern: str, language: Language) -> str:
    """Return the day as that pattern of CLDR writes it; a page writes the same few days again and again."""
    return format_date(day, pattern, locale=language)


def zone_of(config: Config, clinic_code: str | None) -> ZoneInfo:
    """Return a clinic's time zone; the first clinic's where there is none of that code any more."""
    return (config.clinic(clinic_code) or config.clinics[0]).zone


def _(text: str) -> str:
    """Mark a text for the catalogue."""
    return text


_TODAY, _YESTERDAY = _("сегодня"), _("вчера")
_UNITS = (_("Б"), _("КБ"), _("МБ"), _("ГБ"), _("ТБ"))
