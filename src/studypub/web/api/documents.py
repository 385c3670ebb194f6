"""The documents that programs send and get."""

from datetime import datetime, tzinfo
from typing import Annotated, Literal

from msgspec import Meta, Struct

from studypub.core import access
from studypub.core.access import Access
from studypub.core.publication import Publication, link
from studypub.core.task import Status, Task
from studypub.web.language import Language

Moment = Annotated[datetime, Meta(tz=True)]
_SEARCHED = r"^[^*?\\\x00-\x1f]+$"


class PublishDocument(Struct, kw_only=True, forbid_unknown_fields=True):
    """A request to publish a study. Describes what `core.request` reads; nothing is decoded into it."""

    patient_id: Annotated[
        str, Meta(min_length=1, max_length=64, pattern=_SEARCHED, description="ЭМК пациента, PatientID (0010,0020)")
    ]
    accession_number: Annotated[
        str, Meta(min_length=1, max_length=16, pattern=_SEARCHED, description="AccessionNumber (0008,0050)")
    ]
    emk_record_id: Annotated[str, Meta(max_length=64)] | None = None
    clinic_code: Annotated[str, Meta(max_length=64, description="By default the clinic of the API key")] | None = None
    service_code: Annotated[str, Meta(max_length=64)] | None = None
    service_title: Annotated[str, Meta(max_length=256)] | None = None
    study_date: Annotated[str, Meta(description="ISO 8601; without an offset, in the clinic's time zone")] | None = None
    save_till_date: Annotated[str, Meta(description="ISO 8601; a bare date means the end of that day")] | None = None
    pin: (
        Annotated[
            str,
            Meta(
                pattern=r"^[0-9]{4,12}$",
                description="The link asks for it, such as the birth year; six digits or more are safer. For a study "
                "that is queued or published already, it replaces the one before",
            ),
        ]
        | None
    ) = None
    archive_format: (
        Annotated[
            Literal["zip", "tar.zst", "iso"],
            Meta(description="By default the clinic's. What is published already stays as it is"),
        ]
        | None
    ) = None


class KeepDocument(Struct, kw_only=True, forbid_unknown_fields=True):
    """A new date for a study. Describes what `core.request` reads; nothing is decoded into it."""

    save_till_date: Annotated[str, Meta(description="ISO 8601; a bare date means the end of that day")]


class Progress(Struct, kw_only=True):
    """Instances received, and expected once the PACS has listed them."""

    received: int
    expected: int | None


class TaskError(Struct, kw_only=True):
    """Why a task failed, or what it waits for."""

    code: str
    message: str


class LeftOut(Struct, kw_only=True):
    """How many instances were left out of the publication for one reason."""

    reason: str
    message: str
    count: int


class TaskDocument(Struct, kw_only=True):
    """A task, and what came of it. Times carry the offset of the clinic."""

    task_id: str
    status: Status
    patient_id: str
    accession_number: str
    emk_record_id: str | None
    clinic_code: str
    created_at: Moment
    updated_at: Moment
    progress: Progress
    received_bytes: Annotated[int, Meta(description="Of what has come so far; no PACS says before how many it will be")]
    error: TaskError | None
    arch_link: Annotated[str, Meta(description="The patient's link; null unless it opens now")] | None
    size: Annotated[int, Meta(description="Bytes of the archive")] | None
    study_date: Moment | None
    upload_date: Moment | None
    save_till: Moment | None
    pin: Annotated[bool, Meta(description="The link asks for a PIN")]
    partial: Annotated[bool, Meta(description="An administrator has published less than the PACS lists")]
    save_till_limited: Annotated[
        bool, Meta(description="The date asked for was beyond the longest time of storage and was cut to it")
    ]
    left_out: list[LeftOut]
    covered: Annotated[int, Meta(description="Images whose text was covered")]
    faces: Annotated[int, Meta(description="Images of a head, from which a face can be rebuilt")]


class TaskListDocument(Struct, kw_only=True):
    """Tasks, the newest first."""

    tasks: list[TaskDocument]
    after: Annotated[str, Meta(description="`after` of the request for those that follow; null: these are all")] | None


class FieldProblem(Struct, kw_only=True):
    """What is wrong with one field."""

    field: str
    message: str


class ProblemDocument(Struct, kw_only=True, omit_defaults=True):
    """An error (RFC 9457); `detail` is a sentence for people."""

    title: str
    status: int
    detail: str
    code: str | None = None
    errors: list[FieldProblem] = []


class BatchAnswer(Struct, kw_only=True, omit_defaults=True):
    """What one study of several was answered: as it would be alone."""

    status: Annotated[int, Meta(description="200 or 202 with `task`, else `problem`")]
    task: TaskDocument | None = None
    problem: ProblemDocument | None = None


class BatchDocument(Struct, kw_only=True):
    """The answers, in the order of what was asked."""

    answers: list[BatchAnswer]


def task_document(
    task: Task, publication: Publication | None, *, base_url: str, zone: tzinfo, now: datetime, language: Language
) -> TaskDocument:
    """Return the document of a task and, where it made one, its publication."""
    study_date = task.study_date or task.requested_date
    return TaskDocument(
        task_id=str(task.task_id),
        status=task.status,
        patient_id=task.patient_id,
        accession_number=task.accession_number,
        emk_record_id=task.emk_record_id,
        clinic_code=task.clinic_code,
        created_at=_local(task.created_at, zone),
        updated_at=_local(task.updated_at, zone),
        progress=Progress(received=task.received, expected=task.expected),
        received_bytes=task.received_bytes,
        error=_error(task, language),
        arch_link=_open_link(publication, base_url, now),
        size=publication.size if publication else None,
        study_date=_local(study_date, zone) if study_date else None,
        upload_date=_local(publication.upload_date, zone) if publication else None,
        save_till=_local(publication.save_till, zone) if publication else None,
        pin=publication is not None and publication.pin_hash is not None,
        partial=publication is not None and publication.part is not None,
        save_till_limited=task.till_was_cut,
        left_out=[
            LeftOut(reason=group.reason, message=getattr(group.sentence, language), count=group.count)
            for group in task.left_out
        ],
        covered=task.covered,
        faces=task.faces,
    )


def _local(moment: datetime, zone: tzinfo) -> datetime:
    return moment.astimezone(zone).replace(microsecond=0)


def _error(task: Task, language: Language) -> TaskError | None:
    if task.error_code is None or task.error_text is None:
        return None
    return TaskError(code=task.error_code, message=getattr(task.error_text, language))


def _open_link(publication: Publication | None, base_url: str, now: datetime) -> str | None:
    if publication is None or access.decide(publication, now) is not Access.OPEN:
        return None
    return link(base_url, publication.token)
