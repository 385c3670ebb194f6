from datetime import date
from functools import cache

import pytest
from tests.unit.gate.planting import element, finds, gate, image, missed, part10, sources

from studypub.gate import dates
from studypub.gate.clues import Permitted
from studypub.gate.gate import Gate

STUDY_DATE, BIRTH_DATE = 0x00080020, 0x00100030
FORMS = [
    "20250201", "01022025", "02012025", "2025-02-01", "2025.02.01", "2025/02/01", "2025 02 01", "2025_02_01",
    "2025:02:01", "01.02.2025", "01-02-2025", "01/02/2025", "01 02 2025", "01_02_2025", "02/01/2025",
    "02-01-2025", "01.02.25", "01/02/25", "01-02-25", "02/01/25", "25-02-01", "25/02/01", "1.2.2025",
    "1/2/2025", "2/1/2025", "2025-2-1", "1 февраля 2025", "01 февраля 2025", "1 фев 2025", "01 ФЕВ 2025",
    "1 Feb 2025", "01-FEB-2025", "1 February 2025", "February 1, 2025", "Feb 1, 2025", "FEBRUARY 01 2025",
    "01Feb2025", "2025feb01", "20250201161802", "20250201161802.123", "2025020116", "2025-02-01T16:18:02+03:00",
    "2025-02-01 16:18",
]  # fmt: skip


@cache
def seen(received: str) -> Gate:
    return gate((STUDY_DATE, "DA" if len(received) < 11 else "DT", received))


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("received", ["20250201", "2025.02.01", "20250201091733.120"])
def test_a_date_is_found_in_every_form(form: str, received: str) -> None:
    assert finds(seen(received), form)


def test_every_form_of_the_table_is_found() -> None:
    day = date(1979, 11, 3)
    searched = gate((BIRTH_DATE, "DA", "19791103"))
    assert missed(searched, [dates.written(day, form) for form in dates.FORMS]) == []


@pytest.mark.parametrize(
    "text", ["120250201", "202502011", "20250201991", "3.1.2.2025", "1.2.2025.4", "11.2.2025", "20250202"]
)
def test_likenesses_are_no_dates(text: str) -> None:
    assert not finds(seen("20250201"), text)


def test_dates_in_running_text_are_harvested() -> None:
    searched = gate((0x00104000, "LT", "род. 23.11.1979, поступила 2025-01-27"))
    assert missed(searched, ["19791123", "1979-11-23", "27.01.2025"]) == []


@pytest.mark.parametrize("empty", ["19000101", "", "1900", "20251301", "00010101"])
def test_what_is_no_date_gives_no_clue(empty: str) -> None:
    searched = gate((STUDY_DATE, "DA", empty))
    assert not finds(searched, empty or " ")
    assert not finds(searched, "01.01.1900")


def test_a_date_that_the_profile_writes_is_permitted_in_its_form_only() -> None:
    """The study of 1 March was made 28 days after a calibration, and its dates are moved by just so many."""
    planted = ((STUDY_DATE, "DA", "20250301"), (0x00181200, "DA", "20250201"))
    written = image(b"", text="20250201", vr="DA")
    assert sources(gate(*planted), written) == {"DateOfLastCalibration"}
    searched = gate(*planted, permitted=Permitted(days=28))
    assert searched.search("a", written) == []
    assert sources(searched, image(b"", text="20250201")) == {"DateOfLastCalibration"}
    assert sources(searched, image(b"", text="01.02.2025", vr="DA")) == {"DateOfLastCalibration"}
    assert sources(searched, image(b"", text="20250301", vr="DA")) == {"StudyDate"}


def test_a_number_of_eight_digits_is_no_date_among_measures() -> None:
    searched = gate((STUDY_DATE, "DA", "20250201"))
    assert searched.search("a", part10(element(0x00180050, "DS", "20250201"))) == []
    assert searched.search("a", part10(element(0x0020000D, "UI", "1.20250201"))) != []
