"""Which study of those that a PACS lists is the one asked for."""

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from studypub.core.finding import FoundStudy, choose, choose_among, to_choose_from
from studypub.errors import (
    AmbiguousAccession,
    PacsAway,
    PacsBusy,
    PacsFull,
    PacsRefused,
    PatientMismatch,
    StudyNotFound,
    StudypubError,
)

MOSCOW = ZoneInfo("Europe/Moscow")


def found(uid: str, patient_id: str = "P1", accession_number: str = "A1", **more: str) -> FoundStudy:
    return FoundStudy(study_instance_uid=uid, patient_id=patient_id, accession_number=accession_number, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("studies", "outcome"),
    [
        ([], StudyNotFound),
        ([found("1.1")], "1.1"),
        ([found("1.1"), found("1.1")], "1.1"),  # a PACS that answers twice
        ([found("1.1"), found("1.2")], AmbiguousAccession),
        ([found("1.1", "P2")], PatientMismatch),
        ([found("1.1", "P2"), found("1.2", "P3")], PatientMismatch),
        ([found("1.1", "P2"), found("1.2")], AmbiguousAccession),
        ([found("1.1"), found("1.1", "P2")], PatientMismatch),  # one study, two patients: whose is it?
        ([found("1.1", "P2"), found("1.1")], PatientMismatch),
        ([found("1.1", accession_number="A10"), found("1.2", accession_number="XA1")], StudyNotFound),
        ([found("1.1", accession_number="a1")], StudyNotFound),
        ([found("1.1", accession_number="")], StudyNotFound),  # a PACS that ignores the key
        ([found("1.1", accession_number="A10"), found("1.2")], "1.2"),
        ([found("1.1", "")], PatientMismatch),
        ([found("1.1", "p1")], PatientMismatch),
        ([found("1.1", "P1 ")], PatientMismatch),
    ],
)
def test_choose(studies: list[FoundStudy], outcome: str | type[StudypubError]) -> None:
    if isinstance(outcome, str):
        assert choose(studies, patient_id="P1", accession_number="A1").study_instance_uid == outcome
        return
    with pytest.raises(outcome):
        choose(studies, patient_id="P1", accession_number="A1")


@pytest.mark.parametrize(
    ("studies", "outcome"),
    [
        ([found("1.1"), found("1.2")], "1.2"),
        ([found("1.1", "P2"), found("1.2")], "1.2"),
        ([found("1.1"), found("1.2", "P2")], PatientMismatch),
        ([found("1.2"), found("1.2", "P2")], PatientMismatch),
        ([found("1.1")], StudyNotFound),  # it was there when it was chosen
        ([found("1.2", accession_number="A2")], StudyNotFound),
    ],
)
def test_only_the_chosen_one_counts(studies: list[FoundStudy], outcome: str | type[StudypubError]) -> None:
    if isinstance(outcome, str):
        assert choose(studies, patient_id="P1", accession_number="A1", chosen="1.2").study_instance_uid == outcome
        return
    with pytest.raises(outcome):
        choose(studies, patient_id="P1", accession_number="A1", chosen="1.2")


AWAY = PacsAway(pacs="A", address="a:1")
FULL = PacsFull(pacs="A", status="full")
BUSY = PacsBusy(pacs="A", status="busy")
REFUSED = PacsRefused(pacs="A", reason_ru="x", reason_en="x")
ONE, TWO, OTHERS = [found("1.1")], [found("1.2")], [found("1.9", "P2")]


@pytest.mark.parametrize(
    ("answers", "outcome"),
    [
        ([ONE, TWO], (0, "1.1")),
        ([[], TWO], (1, "1.2")),
        ([ONE, ONE], (0, "1.1")),  # one study in two PACS
        ([ONE, AWAY], (0, "1.1")),
        *(([silent, TWO], (1, "1.2")) for silent in (AWAY, FULL, BUSY, REFUSED)),
        ([ONE + TWO, []], AmbiguousAccession),
        ([[], ONE + TWO], AmbiguousAccession),
        ([AWAY, ONE + TWO], AmbiguousAccession),
        ([[found("1.1", accession_number="A10")], TWO], (1, "1.2")),
        ([OTHERS, TWO], (1, "1.2")),  # a number that two archives have given
        ([OTHERS, []], PatientMismatch),
        ([[], OTHERS], PatientMismatch),
        ([OTHERS, OTHERS], PatientMismatch),
        ([[found("1.2", "P2")], TWO], PatientMismatch),  # one study, two patients: whose is it?
        ([TWO, [found("1.2", "P2")]], (0, "1.2")),  # nobody has asked the other one
        ([[], []], StudyNotFound),
        *((two, PacsAway) for two in ([AWAY, []], [[], AWAY], [OTHERS, AWAY], [REFUSED, AWAY], [BUSY, AWAY])),
        ([FULL, AWAY], PacsFull),
        ([[], BUSY], PacsBusy),
        ([REFUSED, BUSY], PacsBusy),
        ([[], REFUSED], PacsRefused),
        ([OTHERS, REFUSED], PacsRefused),
        ([[], [], TWO], (2, "1.2")),
    ],
)
def test_the_first_pacs_that_has_it_serves_it(
    answers: list[list[FoundStudy] | StudypubError], outcome: tuple[int, str] | type[StudypubError]
) -> None:
    asked = iter(answers)
    if isinstance(outcome, tuple):
        number, study = choose_among(asked, patient_id="P1", accession_number="A1")
        assert (number, study.study_instance_uid) == outcome
        assert len(list(asked)) == len(answers) - number - 1  # those after it are not asked
        return
    with pytest.raises(outcome):
        choose_among(asked, patient_id="P1", accession_number="A1")


def test_the_chosen_one_is_found_in_whichever_pacs_has_it() -> None:
    number, study = choose_among([ONE, TWO], patient_id="P1", accession_number="A1", chosen="1.2")
    assert (number, study.study_instance_uid) == (1, "1.2")


def test_the_patients_own_are_offered_others_only_where_there_are_none() -> None:
    studies = [found("1.1"), found("1.1"), found("1.2", "P2"), found("1.3", accession_number="A2")]
    offered = to_choose_from(studies, patient_id="P1", accession_number="A1")
    assert [study.study_instance_uid for study in offered] == ["1.1"]
    others = to_choose_from(studies, patient_id="P3", accession_number="A1")
    assert [study.study_instance_uid for study in others] == ["1.1", "1.2"]


@pytest.mark.parametrize(
    ("name", "initials"),
    [
        ("Ковалевская^Софья^Юрьевна", "К. С. Ю."),
        ("ivanov^pyotr", "I. P."),
        ("Иванов Пётр Сергеевич", "И. П. С."),
        ("^Пётр", "П."),
        ("=山田^太郎", "山. 太."),
        ("Doe^John^^Dr^PhD", "D. J."),
        ("^^^", ""),
        ("", ""),
    ],
)
def test_initials(name: str, initials: str) -> None:
    assert found("1.1", patient_name=name).initials == initials


@pytest.mark.parametrize(
    ("date", "year"), [("19800315", "1980"), ("1980.03.15", "1980"), ("1980", "1980"), ("80", ""), ("????0101", "")]
)
def test_year_of_birth(date: str, year: str) -> None:
    assert found("1.1", birth_date=date).birth_year == year


def test_several_are_counted_once_and_told_by_date_and_modality_never_by_patient() -> None:
    studies = [
        found("1.1", study_date="20250201", modalities=("MR",)),  # type: ignore[arg-type]
        found("1.1", study_date="20250201", modalities=("MR",)),  # type: ignore[arg-type]
        found("1.2", study_date="20250202", modalities=("CT", "SR")),  # type: ignore[arg-type]
    ]
    with pytest.raises(AmbiguousAccession) as raised:
        choose(studies, patient_id="P1", accession_number="A1")
    assert "исследований: 2 (20250201 MR, 20250202 CT/SR)" in raised.value.sentence.ru
    assert "2 studies" in raised.value.sentence.en
    assert "P1" not in raised.value.sentence.ru


@pytest.mark.parametrize(
    ("date", "time", "expected"),
    [
        ("20250203", "091733.120", datetime(2025, 2, 3, 9, 17, 33, tzinfo=MOSCOW)),
        ("20250203", "0917", datetime(2025, 2, 3, 9, 17, tzinfo=MOSCOW)),
        ("20250203", "09", datetime(2025, 2, 3, 9, tzinfo=MOSCOW)),
        ("20250203", "", datetime(2025, 2, 3, tzinfo=MOSCOW)),
        ("20250203", "nonsense", datetime(2025, 2, 3, tzinfo=MOSCOW)),
        ("2025.02.03", "09:17:33", datetime(2025, 2, 3, 9, 17, 33, tzinfo=MOSCOW)),  # ACR-NEMA (PS3.5 6.2)
        ("20250230", "0917", None),
        ("", "0917", None),
        ("20250101-20250303", "", None),
    ],
)
def test_taken_at(date: str, time: str, expected: datetime | None) -> None:
    assert found("1.1", study_date=date, study_time=time).taken_at(MOSCOW) == expected
