"""What becomes of a task whose attempt has failed."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from studypub.core.retry import Later, Limits, after_failure, retry_delay
from studypub.core.task import Origin, Status, Task
from studypub.errors import (
    AlreadyInProgress,
    AmbiguousAccession,
    BucketIsPublic,
    Collision,
    ConflictingInstances,
    DatabaseUnavailable,
    DiskFull,
    IncompleteRetrieve,
    InternalError,
    NothingArrived,
    NothingToPublish,
    PacsAway,
    PacsBusy,
    PacsCannotDeliver,
    PacsFull,
    PacsGivenUp,
    PacsNotSecured,
    PacsRefused,
    PacsSilent,
    PacsUnreachable,
    PatientMismatch,
    PhiSuspected,
    SetAside,
    StorageRefused,
    StorageUnavailable,
    StoredObjectDiffers,
    StudyChanged,
    StudyNotFound,
    StudypubError,
    UnprovenStudy,
)

NOW = datetime(2025, 2, 1, 12, tzinfo=UTC)
LIMITS = Limits(max_attempts=4, retry_base=timedelta(seconds=10), search_interval=timedelta(seconds=30))
TASK = Task(
    task_id=uuid4(),
    clinic_code="default",
    patient_id="P1",
    accession_number="A1",
    emk_record_id=None,
    service_code=None,
    service_title=None,
    archive_format=None,
    origin=Origin.MIS,
    requested_by="key:abc",
    requested_date=None,
    requested_till=None,
    till_was_cut=False,
    status=Status.SEARCHING,
    attempt=1,
    crashes=0,
    due_at=NOW,
    search_until=NOW + timedelta(minutes=10),
    lease_token=uuid4(),
    chosen_study_uid=None,
    partial_reason=None,
    study_instance_uid=None,
    study_date=None,
    modalities=(),
    received=0,
    received_bytes=0,
    expected=None,
    left_out=(),
    covered=0,
    faces=0,
    error_code=None,
    error_text=None,
    created_at=NOW,
    updated_at=NOW,
)
HEALING: list[StudypubError] = [
    InternalError(),
    PacsUnreachable(pacs="X", address="a:1"),
    PacsBusy(pacs="X", status="s"),
    PacsCannotDeliver(pacs="X", status="s", ae_title="Y"),
    IncompleteRetrieve(received=1, expected=2),
    NothingArrived(pacs="X", received=0, expected=2, ae_title="Y", port=1),
    UnprovenStudy(received=2, expected="?"),
    StudyChanged(received=1, expected=2),
    StorageUnavailable(),
    StoredObjectDiffers(),
]
FINAL: list[StudypubError] = [
    AmbiguousAccession(accession_number="A1", count=2, found="?"),
    PatientMismatch(accession_number="A1", patient_id="P1"),
    PacsRefused(pacs="X", reason_ru="р", reason_en="r"),
    PacsGivenUp(pacs="X", address="a:1", since="05:00"),
    NothingToPublish(left_out=3),
    PhiSuspected(),
    StorageRefused(reason="r"),
    BucketIsPublic(),
    ConflictingInstances(),
    AlreadyInProgress(),
    SetAside(attempts=3),
]


def _name(error: StudypubError) -> str:
    return type(error).__name__


@pytest.mark.parametrize("error", HEALING, ids=_name)
def test_what_time_may_heal_is_tried_again_until_the_attempts_are_used_up(error: StudypubError) -> None:
    for attempt in (1, 2, 3):
        later = after_failure(replace(TASK, attempt=attempt), error, LIMITS, NOW)
        assert later is not None
        assert later.attempts == attempt
        assert later.delay > timedelta(0)
    assert after_failure(replace(TASK, attempt=4), error, LIMITS, NOW) is None


PASSING: list[StudypubError] = [
    DiskFull(),
    DatabaseUnavailable(),
    Collision(),
    PacsAway(pacs="X", address="a:1"),
    PacsSilent(pacs="X", address="a:1", since="05:00"),
    PacsFull(pacs="X", status="s"),
    PacsNotSecured(pacs="X", address="a:1", reason_ru="р", reason_en="r"),
]


@pytest.mark.parametrize("error", PASSING, ids=_name)
def test_f45_what_is_no_fault_of_the_task_is_waited_out_without_counting_attempts(error: StudypubError) -> None:
    exhausted = replace(TASK, attempt=4)
    assert after_failure(exhausted, error, LIMITS, NOW) == Later(timedelta(seconds=20), 3)
    assert after_failure(exhausted, error, LIMITS, NOW + timedelta(hours=25)) is None


@pytest.mark.parametrize("error", FINAL, ids=_name)
def test_what_time_cannot_heal_fails_at_once(error: StudypubError) -> None:
    assert after_failure(TASK, error, LIMITS, NOW) is None


def test_every_error_of_a_task_is_in_one_of_the_tables() -> None:
    of_programs = {"NameTaken", "ComeLater", "TooManyTries", "TooManyRequests", "QueueFull"}
    of_messages = {"RecipientRefused", "ReceiverUnavailable", "ReceiverRefused"}
    of_sign_on = {"ProviderUnavailable", "SignOnRefused", "TokenRefused", "KeyUnknown"}
    of_reports = {"ReportsOff", "ReportUnusable", "ReportNamesPatient"}
    of_clinics = {"ClinicChanged", "ClinicInUse", "LogoUnusable"}
    elsewhere = {
        *of_programs,
        *of_messages,
        *of_sign_on,
        *of_reports,
        *of_clinics,
        "MailUnavailable",
        "MailRefused",
        "Refused",
        "NotThere",
        "ConfigError",
    }
    not_of_tasks = {*elsewhere, "StudyNotFound"}
    known = {_name(error) for error in HEALING + FINAL + PASSING}
    assert known | not_of_tasks == {_name_of(kind) for kind in _subclasses(StudypubError)}


def _name_of(kind: type) -> str:
    return kind.__name__


def _subclasses(kind: type[StudypubError]) -> set[type[StudypubError]]:
    ours = {child for child in kind.__subclasses__() if child.__module__.startswith("studypub.errors.")}
    return ours.union(*(_subclasses(child) for child in ours))


def test_a_missing_study_is_looked_for_again_without_costing_an_attempt() -> None:
    missing = StudyNotFound(accession_number="A1")
    assert after_failure(replace(TASK, attempt=9), missing, LIMITS, NOW) == Later(timedelta(seconds=30), 8)


@pytest.mark.parametrize("seconds_left", [30, 29, 0, -5])
def test_a_missing_study_fails_when_another_look_would_come_too_late(seconds_left: int) -> None:
    task = replace(TASK, search_until=NOW + timedelta(seconds=seconds_left))
    assert after_failure(task, StudyNotFound(accession_number="A1"), LIMITS, NOW) is None


@pytest.mark.parametrize(
    ("attempt", "seconds"), [(1, 10), (2, 20), (3, 40), (6, 320), (7, 640), (8, 900), (50, 900), (10_000, 900)]
)
def test_the_delay_doubles_up_to_a_quarter_of_an_hour_give_or_take_a_quarter(attempt: int, seconds: int) -> None:
    delays = {retry_delay(attempt, LIMITS.retry_base).total_seconds() for _ in range(200)}
    assert all(seconds * 0.75 <= delay <= seconds * 1.25 for delay in delays)
    assert max(delays) - min(delays) > seconds * 0.1
