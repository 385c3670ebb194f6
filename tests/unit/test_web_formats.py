"""Times, sizes and numbers as readers say them."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from studypub.errors import Sentence
from studypub.web.formats import Formats
from studypub.web.language import Language

MOSCOW = ZoneInfo("Europe/Moscow")
NOW = datetime(2026, 3, 1, 0, 30, tzinfo=MOSCOW)


@pytest.mark.parametrize(
    ("moment", "russian", "english"),
    [
        (datetime(2026, 2, 28, 21, 5, tzinfo=UTC), "сегодня, 00:05", "today, 00:05"),
        (datetime(2026, 2, 28, 20, 59, tzinfo=UTC), "вчера, 23:59", "yesterday, 23:59"),
        (datetime(2026, 1, 7, 6, 0, tzinfo=UTC), "7 янв., 09:00", "7 Jan, 09:00"),
        (datetime(2025, 12, 31, 21, 0, tzinfo=UTC), "1 янв., 00:00", "1 Jan, 00:00"),
        (datetime(2025, 11, 7, 6, 0, tzinfo=UTC), "7 нояб. 2025, 09:00", "7 Nov 2025, 09:00"),
    ],
)
def test_moment(moment: datetime, russian: str, english: str) -> None:
    assert f">{russian}</time>" in Formats("ru").moment(moment, NOW, MOSCOW)
    assert f">{english}</time>" in Formats("en").moment(moment, NOW, MOSCOW)


@pytest.mark.parametrize(
    ("seconds", "russian", "english"),
    [(0, "1 мин", "1 min"), (80, "1 мин", "1 min"), (3600, "60 мин", "60 min"), (7200, "2 ч", "2 hr")],
)
def test_span(seconds: int, russian: str, english: str) -> None:
    assert Formats("ru").span(timedelta(seconds=seconds)).replace("\u00a0", " ") == russian
    assert Formats("en").span(timedelta(seconds=seconds)).replace("\u00a0", " ") == english


def test_time_carries_the_full_instant() -> None:
    text = Formats("ru").moment(datetime(2026, 2, 28, 21, 5, 9, tzinfo=UTC), NOW, MOSCOW)
    assert 'datetime="2026-03-01T00:05:09+03:00"' in text
    assert 'title="1 марта 2026, 00:05:09 (GMT+03:00)"' in text


def test_day_is_the_clinics_day() -> None:
    late = datetime(2026, 2, 28, 20, 59, 59, tzinfo=UTC)
    assert ">28 февр. 2026</time>" in Formats("ru").day(late, MOSCOW)
    assert ">1 марта 2026</time>" in Formats("ru").day(late, ZoneInfo("Asia/Vladivostok"), "d MMMM y")


@pytest.mark.parametrize(
    ("octets", "language", "text"),
    [
        (0, "ru", "0\u00a0Б"),
        (1023, "ru", "1\u00a0023\u00a0Б"),
        (1024, "en", "1\u00a0KB"),
        (1536, "ru", "1,5\u00a0КБ"),
        (53_477_376, "ru", "51\u00a0МБ"),
        (53_477_376, "en", "51\u00a0MB"),
        (1024**2 - 1, "ru", "1\u00a0МБ"),
        (1_503_238_553, "en", "1.4\u00a0GB"),
        (3 * 1024**5, "en", "3,072\u00a0TB"),
    ],
)
def test_size(octets: int, language: Language, text: str) -> None:
    assert Formats(language).size(octets) == f'<data value="{octets}">{text}</data>'


def test_number_and_sentence() -> None:
    assert (Formats("ru").number(12345), Formats("en").number(12345)) == ("12\u00a0345", "12,345")
    assert Formats("en").said(Sentence("да", "yes")) == "yes"
