"""A request to publish, field by field."""

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from studypub.core.request import FIELDS, InvalidRequest, PublishRequest, read_accession_number, read_request

MOSCOW, NOVOSIBIRSK = ZoneInfo("Europe/Moscow"), ZoneInfo("Asia/Novosibirsk")
ZONES = {"f_Khimki": MOSCOW, "f_Sibir": NOVOSIBIRSK}
NOW = datetime(2025, 2, 1, 12, tzinfo=UTC)
LONGEST = timedelta(days=365)
SMALLEST = {"patient_id": "1000001158664", "accession_number": "KP125706548L"}
TEXTS = {
    "patient_id": 64,
    "accession_number": 16,
    "emk_record_id": 64,
    "clinic_code": 64,
    "service_code": 64,
    "service_title": 256,
}
DATES = ("study_date", "save_till_date")


def read(**changes: object) -> PublishRequest:
    return read_request({**SMALLEST, **changes}, zones=ZONES, default_clinic="f_Khimki", now=NOW, longest=LONGEST)


def faults(**changes: object) -> list[tuple[str, str]]:
    with pytest.raises(InvalidRequest) as raised:
        read(**changes)
    return [(error.field, error.sentence.en) for error in raised.value.errors]


def fault(field: str, value: object) -> str:
    (found,) = faults(**{field: value})
    assert found[0] == field
    return found[1]


def test_the_document_of_the_interface() -> None:
    request = read(
        emk_record_id="123456",
        clinic_code="f_Khimki",
        service_code="A01.201.405.002",
        service_title="МРТ суставов",
        study_date="2025-02-01T16:18:02+03:00",
        save_till_date="2025-03-01T00:00:00+03:00",
    )
    assert request == PublishRequest(
        patient_id="1000001158664",
        accession_number="KP125706548L",
        clinic_code="f_Khimki",
        emk_record_id="123456",
        service_code="A01.201.405.002",
        service_title="МРТ суставов",
        study_date=datetime(2025, 2, 1, 13, 18, 2, tzinfo=UTC),
        till=datetime(2025, 2, 28, 21, tzinfo=UTC),
    )


@pytest.mark.parametrize("form", ["zip", " tar.zst ", "iso"])
def test_a_form_of_the_archive(form: str) -> None:
    assert read(archive_format=form).archive_format == form.strip()
    assert fault("archive_format", f"{form.strip()}x") == "Must be zip, tar.zst, iso."


def test_two_fields_are_enough() -> None:
    assert read() == PublishRequest(patient_id="1000001158664", accession_number="KP125706548L", clinic_code="f_Khimki")


@pytest.mark.parametrize("value", [5, 0, 1.5, True, False, [], ["x"], {}, {"a": 1}])
@pytest.mark.parametrize("field", FIELDS)
def test_wrong_type(field: str, value: object) -> None:
    assert fault(field, value) == "Must be a string."


@pytest.mark.parametrize("value", [None, "", "   ", "\u00a0"])
@pytest.mark.parametrize("field", FIELDS)
def test_empty(field: str, value: object) -> None:
    if field in SMALLEST:
        assert fault(field, value) == "This field is required."
    else:
        assert read(**{field: value}) == read()


@pytest.mark.parametrize("field", SMALLEST)
def test_missing(field: str) -> None:
    document = {name: value for name, value in SMALLEST.items() if name != field}
    with pytest.raises(InvalidRequest) as raised:
        read_request(document, zones=ZONES, default_clinic="f_Khimki", now=NOW, longest=LONGEST)
    assert [error.field for error in raised.value.errors] == [field]


@pytest.mark.parametrize(("field", "longest"), TEXTS.items())
def test_length_in_characters_without_the_blanks_around(field: str, longest: int) -> None:
    text = "Я" * longest
    if field != "clinic_code":
        assert getattr(read(**{field: f"  {text} "}), field) == text
    assert faults(**{field: text + "Я"})[0] == (field, f"At most {longest} characters.")


@pytest.mark.parametrize(
    "character", ["\x00", "\n", "\r", "\t", "\x1b", "\x7f", "\x85", "\u2028", "\u2029", chr(0xD800), chr(0xDFFF)]
)
@pytest.mark.parametrize("place", ["{}A1", "A{}1", "A1{}"])
@pytest.mark.parametrize("field", TEXTS)
def test_control_characters_and_halves_of_characters(field: str, place: str, character: str) -> None:
    assert faults(**{field: place.format(character)})[0] == (field, "Contains characters that are not allowed.")


@pytest.mark.parametrize("text", ["*", "A*", "?", "A?1", "A\\B", "\\"])
@pytest.mark.parametrize("field", SMALLEST)
def test_a_pattern_would_match_other_patients(field: str, text: str) -> None:
    assert fault(field, text) == "The characters *, ? and \\ are not allowed."


def test_what_is_no_key_of_a_search_may_hold_any_printable_character() -> None:
    title = "МРТ* <b>\\?'\"; DROP TABLE tasks --"
    assert read(service_title=title).service_title == title


def test_unknown_fields_and_clinics() -> None:
    assert faults(role="administrator") == [("role", "Unknown field.")]
    assert faults(clinic_code="f_Nowhere") == [("clinic_code", "There is no such clinic.")]


def test_every_fault_is_named() -> None:
    named = [field for field, _ in faults(patient_id="", accession_number="*", study_date="soon", save_till_date=5)]
    assert named == ["patient_id", "accession_number", "study_date", "save_till_date"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2025-03-01T00:00:00+03:00", datetime(2025, 2, 28, 21, tzinfo=UTC)),
        ("2025-03-01T00:00:00Z", datetime(2025, 3, 1, tzinfo=UTC)),
        ("2025-03-01T10:30", datetime(2025, 3, 1, 7, 30, tzinfo=UTC)),
        ("2025-03-01 10:30:00", datetime(2025, 3, 1, 7, 30, tzinfo=UTC)),
        ("2025-03-01", datetime(2025, 3, 1, 20, 59, 59, tzinfo=UTC)),
        (" 2025-03-01 ", datetime(2025, 3, 1, 20, 59, 59, tzinfo=UTC)),
        ("20250301", datetime(2025, 3, 1, 20, 59, 59, tzinfo=UTC)),
        ("2025-W09-6", datetime(2025, 3, 1, 20, 59, 59, tzinfo=UTC)),
        ("20250301T103000", datetime(2025, 3, 1, 7, 30, tzinfo=UTC)),
    ],
)
def test_a_date_is_the_end_of_that_day_and_a_bare_time_is_meant_in_the_clinic(text: str, expected: datetime) -> None:
    request = read(save_till_date=text)
    assert request.till == expected
    assert not request.till_was_cut


def test_the_clinic_s_own_zone_counts() -> None:
    request = read(clinic_code="f_Sibir", save_till_date="2025-03-01", study_date="2025-01-31")
    assert request.till == datetime(2025, 3, 1, 16, 59, 59, tzinfo=UTC)
    assert request.study_date == datetime(2025, 1, 30, 17, tzinfo=UTC)


def test_the_end_of_today_has_not_passed() -> None:
    assert read(save_till_date="2025-02-01").till == datetime(2025, 2, 1, 20, 59, 59, tzinfo=UTC)


@pytest.mark.parametrize("text", ["2025-02-01T12:00:00Z", "2025-02-01T15:00:00+03:00", "2025-01-31", "1999-01-01"])
def test_a_date_in_the_past_is_refused(text: str) -> None:
    assert fault("save_till_date", text) == "The date until which to keep the study is in the past."


@pytest.mark.parametrize(
    "text",
    ["soon", "01.03.2025", "2025-13-01", "2025-02-30", "2025-03-01T25:00", "0001-01-01", "9999-12-31", "2025", "12:30",
     "2025-03-01T10:30:00+25:00", "20250301T1", "\ud800", "２０２５-03-01\u0661"],
)  # fmt: skip
@pytest.mark.parametrize("field", DATES)
def test_no_date(field: str, text: str) -> None:
    assert fault(field, text).startswith("Must be a date")


@pytest.mark.parametrize(
    ("till", "cut"),
    [(NOW + LONGEST, False), (NOW + LONGEST + timedelta(seconds=1), True), (NOW + timedelta(days=4000), True)],
)
def test_beyond_the_maximum_it_is_cut_and_said_so(till: datetime, cut: bool) -> None:
    request = read(save_till_date=till.isoformat())
    assert (request.till, request.till_was_cut) == (min(till, NOW + LONGEST), cut)


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters()),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)
_stamps = st.datetimes().map(str) | st.dates().map(str)


@given(document=st.dictionaries(st.sampled_from(FIELDS) | st.text(max_size=5), _json | _stamps, max_size=9))
def test_any_document_is_refused_in_words_or_valid(document: dict[str, Any]) -> None:
    given_document = {"patient_id": "P1", "accession_number": "A1", **document}
    try:
        request = read_request(given_document, zones=ZONES, default_clinic="f_Khimki", now=NOW, longest=LONGEST)
    except InvalidRequest:
        return
    for field, longest in TEXTS.items():
        text = getattr(request, field)
        if text is not None:
            assert 1 <= len(text) <= longest
            assert text == text.strip()
            assert not any(ord(character) < 32 for character in text)
            assert text.encode()  # no half of a character
    assert not set("*?\\") & set(request.patient_id + request.accession_number)
    assert request.clinic_code in ZONES
    assert request.till is None or NOW < request.till <= NOW + LONGEST


def test_an_accession_number_that_is_looked_up_is_checked_alike() -> None:
    assert read_accession_number(" KP1 ") == "KP1"
    for text in ("", None, "*", "A\n", "x" * 17):
        with pytest.raises(InvalidRequest):
            read_accession_number(text)
