"""What a search of FHIR asks for."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from studypub.core.fhir_search import Period, read
from studypub.core.request import InvalidRequest

MOSCOW = ZoneInfo("Europe/Moscow")


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


@pytest.mark.parametrize(
    ("value", "begin", "end"),
    [
        ("2025", "2025-01-01T00:00+03:00", "2026-01-01T00:00+03:00"),
        ("eq2024-02", "2024-02-01T00:00+03:00", "2024-03-01T00:00+03:00"),
        ("2024-12", "2024-12-01T00:00+03:00", "2025-01-01T00:00+03:00"),
        ("2025-02-01", "2025-02-01T00:00+03:00", "2025-02-02T00:00+03:00"),
        ("2025-02-01T10:30Z", "2025-02-01T10:30+00:00", "2025-02-01T10:31+00:00"),
        ("2025-02-01T10:30:05 05:00", "2025-02-01T10:30:05+05:00", "2025-02-01T10:30:06+05:00"),
        ("ge2025-02-01", "2025-02-01T00:00+03:00", None),
        ("gt2025-02-01", "2025-02-02T00:00+03:00", None),
        ("lt2025-02-01", None, "2025-02-01T00:00+03:00"),
        ("le2025-02-01", None, "2025-02-02T00:00+03:00"),
    ],
)
def test_a_date_is_a_period(value: str, begin: str | None, end: str | None) -> None:
    found = read([("started", value)], MOSCOW).started
    expected = Period(moment(begin) if begin else Period().begin, moment(end) if end else Period().end)
    assert found == expected


def test_several_dates_hold_together() -> None:
    query = [("_lastUpdated", "ge2025-02-01"), ("_lastUpdated", "lt2025-03-01")]
    found = read(query, MOSCOW).updated
    assert found == Period(moment("2025-02-01T00:00+03:00"), moment("2025-03-01T00:00+03:00"))


@pytest.mark.parametrize(
    ("query", "accession_numbers", "patient_ids"),
    [
        ([("identifier", "KP1")], ("KP1",), None),
        ([("identifier", "urn:x|KP1,|KP2")], ("KP1", "KP2"), None),
        ([("patient", "Patient/77")], None, ("77",)),
        ([("patient:identifier", "urn:mis|77")], None, ("77",)),
        ([("unknown", "x")], None, None),
    ],
)
def test_numbers_are_asked_for_with_and_without_their_system(
    query: list[tuple[str, str]], accession_numbers: tuple[str, ...] | None, patient_ids: tuple[str, ...] | None
) -> None:
    found = read(query, MOSCOW)
    assert (found.accession_numbers, found.patient_ids) == (accession_numbers, patient_ids)


def test_an_id_that_no_study_has_finds_none() -> None:
    assert read([("_id", "x")], MOSCOW).study_ids == ()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("started", "yesterday"),
        ("started", "2025-13"),
        ("started", "ap2025"),
        ("started", "0000"),
        ("started", "gt9999-12-31"),
        ("started", "0001-01-01T00:00:00+14:00"),
        ("_lastUpdated", "2025-02-01T25:00"),
        ("_count", "101"),
        ("_count", "-1"),
        ("_offset", "x"),
        ("identifier", ""),
        ("identifier", "1" * 129),
    ],
)
def test_what_cannot_be_read_is_named(name: str, value: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        read([(name, value)], MOSCOW)
    assert [error.field for error in refused.value.errors] == [name]


def test_unknown_parameters_are_faults_for_whoever_wants_that() -> None:
    with pytest.raises(InvalidRequest):
        read([("series", "1")], MOSCOW, strict=True)
