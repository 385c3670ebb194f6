"""The one state machine: what a task can be, what can happen to it, and what follows."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from studypub.errors import IncompleteRetrieve, Sentence


class Status(StrEnum):
    """What a task is doing, or how it ended."""

    QUEUED = "QUEUED"
    SEARCHING = "SEARCHING"
    RETRIEVING = "RETRIEVING"
    PROCESSING = "PROCESSING"
    UPLOADING = "UPLOADING"
    COMPLETED = "COMPLETED"
    NEEDS_REVIEW = "NEEDS_REVIEW"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"
    EXPIRED = "EXPIRED"


class Event(StrEnum):
    """What can happen to a task."""

    CLAIM = "claim"  # a worker takes it
    FOUND = "found"  # exactly the study asked for is in the PACS
    RECEIVED = "received"  # every instance is in the spool
    PREPARED = "prepared"  # de-identified and archived
    PUBLISHED = "published"  # stored, verified, linked
    HOLD = "hold"  # a person has to look first
    RELEASE = "release"  # a person has looked
    POSTPONE = "postpone"  # later again: not found yet, a fault that can heal, or the daemon stops
    FAIL = "fail"  # no further attempt can help
    CANCEL = "cancel"  # a person does not want it any more; also a publication withdrawn
    EXPIRE = "expire"  # its date has come
    AGAIN = "again"  # a person asks for another try


class Origin(StrEnum):
    """Who asked."""

    MIS = "mis"
    MANUAL = "manual"
    COMMAND = "command"


RUNNING = (Status.SEARCHING, Status.RETRIEVING, Status.PROCESSING, Status.UPLOADING)
IN_PROGRESS = (Status.QUEUED, *RUNNING, Status.NEEDS_REVIEW)
ENDED = tuple(status for status in Status if status not in IN_PROGRESS)

TRANSITIONS: dict[tuple[Status, Event], Status] = {
    (Status.QUEUED, Event.CLAIM): Status.SEARCHING,
    # The lease of a worker that died has run out: whoever claims begins from the start.
    **{(status, Event.CLAIM): Status.SEARCHING for status in RUNNING},
    (Status.SEARCHING, Event.FOUND): Status.RETRIEVING,
    (Status.RETRIEVING, Event.RECEIVED): Status.PROCESSING,
    (Status.PROCESSING, Event.PREPARED): Status.UPLOADING,
    (Status.UPLOADING, Event.PUBLISHED): Status.COMPLETED,
    (Status.PROCESSING, Event.HOLD): Status.NEEDS_REVIEW,
    (Status.NEEDS_REVIEW, Event.RELEASE): Status.QUEUED,
    **{(status, Event.POSTPONE): Status.QUEUED for status in RUNNING},
    **{(status, Event.FAIL): Status.FAILED for status in (Status.QUEUED, *RUNNING)},
    **{(status, Event.CANCEL): Status.CANCELLED for status in (*IN_PROGRESS, Status.COMPLETED)},
    **{(status, Event.EXPIRE): Status.EXPIRED for status in (Status.UPLOADING, Status.COMPLETED)},
    **{(status, Event.AGAIN): Status.QUEUED for status in (Status.FAILED, Status.CANCELLED)},
}


class IllegalTransition(ValueError):
    """The event cannot happen in this state."""


class LeaseLost(Exception):
    """Somebody else owns the task now (or it was cancelled): drop the result."""


def after(status: Status, event: Event) -> Status:
    """Return the state that follows; raises IllegalTransition."""
    try:
        return TRANSITIONS[status, event]
    except KeyError:
        raise IllegalTransition(f"{event} in {status}") from None


@dataclass(frozen=True, slots=True)
class LeftOut:
    """Instances that were not published, all for one reason."""

    reason: str
    sentence: Sentence
    count: int


@dataclass(frozen=True, slots=True)
class Handled:
    """What de-identification did to a study beside the header: left out, text covered, faces that can be rebuilt."""

    left_out: tuple[LeftOut, ...]
    covered: int = 0
    faces: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """A request to publish one study, and how far it has come."""

    task_id: UUID
    clinic_code: str
    patient_id: str
    accession_number: str
    emk_record_id: str | None
    service_code: str | None
    service_title: str | None
    origin: Origin
    requested_by: str
    requested_date: datetime | None
    requested_till: datetime | None
    till_was_cut: bool
    status: Status
    attempt: int
    crashes: int
    due_at: datetime | None
    search_until: datetime
    lease_token: UUID | None
    archive_format: str | None  # None: the clinic's
    chosen_study_uid: str | None  # the study that a person has picked among several under one accession number
    partial_reason: str | None  # why an administrator takes less than the PACS lists; None: all has to come
    study_instance_uid: str | None
    study_date: datetime | None
    modalities: tuple[str, ...]
    received: int
    received_bytes: int
    expected: int | None
    left_out: tuple[LeftOut, ...]
    covered: int
    faces: int
    error_code: str | None
    error_text: Sentence | None
    created_at: datetime
    updated_at: datetime

    @property
    def lacks_images(self) -> bool:
        """Whether it failed because images were missing, and some had come: an administrator may publish those."""
        return self.status is Status.FAILED and self.error_code == IncompleteRetrieve.code and self.received > 0
