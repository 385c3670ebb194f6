from datetime import date

import pytest
from pydicom.dataset import Dataset

from studypub.deid import dates
from studypub.deid.field import Context, Field
from studypub.deid.pseudonyms import Pseudonyms

CONTEXT = Context(Pseudonyms(bytes(32)), Dataset())
DAYS = CONTEXT.pseudonyms.days


def shifted(vr: str, value: bytes) -> bytes | None:
    return dates.shifted(Field(0x00080020, vr, "3", dates.shifted, None, False, None, 1), value, Dataset(), CONTEXT)


def moved(year: int, month: int, day: int) -> bytes:
    return date.fromordinal(date(year, month, day).toordinal() - DAYS).strftime("%Y%m%d").encode()


@pytest.mark.parametrize(
    ("vr", "value", "written"),
    [
        ("DA", b"20240229", moved(2024, 2, 29)),
        ("DA", b"2024.03.01", moved(2024, 3, 1)),
        ("DA", b"", b""),
        ("DA", b"20240230", None),
        ("DA", b"yesterday", None),
        ("DA", b"00010101", None),
        ("TM", b"235959.123456", b"235959.123456"),
        ("TM", b"23:59:07", b"235907"),
        ("TM", b"07", b"07"),
        ("TM", b"2507", None),
        ("TM", b"Ivanov", None),
        ("TM", b"13\\02\\1937", None),
        ("DT", b"20240301120000.5+0300", moved(2024, 3, 1) + b"120000.5"),
        ("DT", b"202403", moved(2024, 3, 1)[:6]),
        ("DT", b"2024", moved(2024, 7, 1)[:4]),
        ("DT", b"Ivanov", None),
    ],
)
def test_dates_shift_and_times_stay(vr: str, value: bytes, written: bytes | None) -> None:
    assert shifted(vr, value) == written


def test_several_dates_shift_where_the_standard_allows_several() -> None:
    value = b"20240301\\20240302 "
    field = Field(0x0008002A, "DT", "3", dates.shifted, None, False, None, 2)
    written = moved(2024, 3, 1) + b"\\" + moved(2024, 3, 2)
    assert dates.shifted(field, value, Dataset(), CONTEXT) == written
    assert dates.shifted(field._replace(vm=1), value, Dataset(), CONTEXT) is None


def test_each_key_shifts_by_another_number_of_days_and_always_by_two_months() -> None:
    days = {Pseudonyms(bytes([number]) * 32).days for number in range(200)}
    assert len(days) > 150
    assert 60 <= min(days) < max(days) < 3650


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (b"045Y", b"045Y"),
        (b"089Y", b"089Y"),
        (b"090Y", b"090Y"),
        (b"104Y", b"090Y"),
        (b"003M", b"003M"),
        (b"045", None),
        (b"old", None),
        (b"", None),
    ],
)
def test_ages_above_89_are_one(value: bytes, written: bytes | None) -> None:
    assert (
        dates.age(Field(0x00101010, "AS", "3", dates.age, None, False, None, 1), value, Dataset(), CONTEXT) == written
    )
