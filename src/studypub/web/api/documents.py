"""The documents that programs send and get."""

from typing import Annotated, Literal

from msgspec import Meta, Struct

from studypub.core.task_document import Moment, TaskDocument

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
    clinic_code: Annotated[str, Meta(max_length=64, description="By default the API key's, or the first")] | None = None
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
    patient_email: (
        Annotated[str, Meta(max_length=254, description="The link is sent there, where the clinic does that")] | None
    ) = None
    patient_phone: (
        Annotated[str, Meta(max_length=32, description="As patient_email, by a text message; +79161234567")] | None
    ) = None


class KeepDocument(Struct, kw_only=True, forbid_unknown_fields=True):
    """A new date for a study. Describes what `core.request` reads; nothing is decoded into it."""

    save_till_date: Annotated[str, Meta(description="ISO 8601; a bare date means the end of that day")]


class TaskListDocument(Struct, kw_only=True):
    """Tasks, the newest first."""

    tasks: list[TaskDocument]
    after: Annotated[str, Meta(description="`after` of the request for those that follow; null: these are all")] | None


class CallbackDocument(Struct, kw_only=True):
    """What a program is told of a task. Describes what `core.callback` writes."""

    type: Literal["task.completed", "task.failed", "task.needs_review", "task.cancelled", "task.expired"]
    timestamp: Annotated[Moment, Meta(description="When it changed")]
    data: Annotated[TaskDocument, Meta(description="The task as it stands when this is sent")]


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
