"""A task as programs are told of it: asked for, or by a callback."""

from datetime import datetime, tzinfo
from typing import Annotated, Literal

from msgspec import Meta, Struct

from studypub.core import access
from studypub.core.access import Access
from studypub.core.publication import Publication, link
from studypub.core.task import Status, Task

Language = Literal["ru", "en"]
Moment = Annotated[datetime, Meta(tz=True)]


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
