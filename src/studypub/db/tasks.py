"""Tasks: rows to values and back, every change guarded by state and lease."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from psycopg.types.json import Jsonb

from studypub.core.request import Earlier, PublishRequest
from studypub.core.task import Event, Handled, IllegalTransition, LeaseLost, LeftOut, Origin, Status, Task, after
from studypub.db.database import Row, Transaction
from studypub.errors import Sentence, StudypubError


@dataclass(frozen=True, slots=True)
class Standing:
    """How a study stands: the task that is working on it, and whether it is published.

    `is_full`: it is neither, and there is no room for it.
    """

    task: Task | None
    is_live: bool
    is_full: bool


async def queue(
    tx: Transaction,
    request: PublishRequest,
    *,
    origin: Origin,
    requested_by: str,
    search_time: timedelta,
    pin_hash: str | None = None,
) -> Task | None:
    """Queue a request; None where the same study is in progress already."""
    row = await tx.one(
        "queue_task",
        clinic_code=request.clinic_code,
        patient_id=request.patient_id,
        accession_number=request.accession_number,
        emk_record_id=request.emk_record_id,
        service_code=request.service_code,
        service_title=request.service_title,
        origin=origin.value,
        requested_by=requested_by,
        requested_date=request.study_date,
        requested_till=request.till,
        till_was_cut=request.till_was_cut,
        chosen_study_uid=request.chosen_study_uid,
        archive_format=request.archive_format,
        search_time=search_time,
        pin_hash=pin_hash,
    )
    return task_of(row) if row else None


async def set_pin(tx: Transaction, task_id: UUID, pin_hash: str) -> bool:
    """Set the PIN of what a task in progress will publish; False where it has ended."""
    return await tx.one("set_pin_of_task", task_id=task_id, pin_hash=pin_hash) is not None


async def set_till(tx: Transaction, task_id: UUID, till: datetime, *, cut: bool) -> Task | None:
    """Set until when what a task publishes is kept; None where it has ended without a link."""
    row = await tx.one("set_till_of_task", task_id=task_id, till=till, cut=cut)
    return task_of(row) if row else None


async def till(tx: Transaction, task: Task) -> datetime | None:
    """Return until when a task's publication is to be kept, which nobody changes until the transaction ends."""
    row = await tx.one("till_of_task", task_id=task.task_id)
    return row["requested_till"] if row else None


async def standing(tx: Transaction, request: PublishRequest, most: int | None) -> Standing:
    """Return how the study asked for stands; `most` tasks in progress are as many as its clinic may have."""
    row = await tx.one("standing", **_study(request), most=most)
    assert row is not None  # noqa: S101 - it has one row, whatever there is
    return Standing(task_of(row) if row["task_id"] else None, is_live=row["is_live"], is_full=row["is_full"])


async def earlier(tx: Transaction, study: PublishRequest | Task) -> Earlier | None:
    """Return how the study was asked for the last time; None where it never was."""
    row = await tx.one("earlier_request", **_study(study))
    return Earlier(**row) if row else None


async def wake_workers(tx: Transaction) -> None:
    """Tell the workers, once this transaction commits, that there is something to do."""
    tx.note("wake_workers")


async def find(tx: Transaction, task_id: UUID, *, clinic_code: str | None) -> Task | None:
    """Return a task that the asker may see; `clinic_code` None means every clinic."""
    row = await tx.one("task", task_id=task_id, clinic_code=clinic_code)
    return task_of(row) if row else None


async def newest_of_accession(tx: Transaction, accession_number: str, *, clinic_code: str | None) -> Task | None:
    """Return the newest task of an accession number."""
    row = await tx.one("newest_task_of_accession", accession_number=accession_number, clinic_code=clinic_code)
    return task_of(row) if row else None


async def count_by_status(tx: Transaction) -> dict[Status, int]:
    """Return how many tasks are in each state."""
    return {Status(row["status"]): row["tasks"] for row in await tx.all("count_by_status")}


async def longest_wait(tx: Transaction) -> timedelta:
    """Return for how long the task that has been due for longest has waited."""
    row = await tx.one("longest_wait")
    wait: timedelta | None = row["wait"] if row else None
    return wait or timedelta(0)


async def claim(tx: Transaction, *, worker_id: UUID, lease: timedelta, rota: Sequence[str] = ()) -> Task | None:
    """Take the task that has been due for longest, or None; the attempt counts from now.

    `rota`: the clinics by turn; one that has a task that is due comes before those after it, and before all others.
    """
    row = await tx.one("claim_task", worker_id=worker_id, lease=lease, rota=list(rota))
    return task_of(row) if row else None


async def take_back(tx: Transaction, *, worker_id: UUID) -> int:
    """End the leases of an earlier process of ours, which is known to be dead; return how many."""
    return await tx.run("take_back_tasks", worker_id=worker_id)


async def extend_lease(
    tx: Transaction, task: Task, *, lease: timedelta, received: int, received_bytes: int = 0
) -> None:
    """Keep the task for another lease and tell its progress; raises LeaseLost."""
    progress = {"received": received, "received_bytes": received_bytes}
    _require(await tx.one("extend_lease", **_guard(task), lease=lease, **progress))


async def advance(
    tx: Transaction,
    task: Task,
    event: Event,
    *,
    study_instance_uid: str | None = None,
    study_date: datetime | None = None,
    modalities: Sequence[str] | None = None,
    expected: int | None = None,
    received: int | None = None,
    handled: Handled | None = None,
) -> Task:
    """Move a running task one step on, writing down what became known; raises LeaseLost."""
    row = await tx.one(
        "advance_task",
        **_guard(task, event),
        study_instance_uid=study_instance_uid,
        study_date=study_date,
        modalities=list(modalities) if modalities is not None else None,
        expected=expected,
        received=received,
        left_out=Jsonb([_left_out_row(group) for group in handled.left_out]) if handled else None,
        covered=handled.covered if handled else None,
        faces=handled.faces if handled else None,
    )
    return task_of(_require(row))


async def postpone(
    tx: Transaction, task: Task, *, delay: timedelta, attempts: int, why: StudypubError | None = None, crashes: int = 0
) -> Task:
    """Give a running task back to the queue for later, with these counts; raises LeaseLost."""
    _ = after(task.status, Event.POSTPONE)
    guard = {**_guard(task), "from": task.status.value}
    row = await tx.one(
        "postpone_task", **guard, delay=delay, attempts=attempts, crashes=crashes, **reason(why, later=True)
    )
    return task_of(_require(row))


async def note_received(tx: Transaction, task: Task, received: int, received_bytes: int) -> None:
    """Write down how much a running task has received in the end; raises LeaseLost."""
    _require(await tx.one("note_received", **_guard(task), received=received, received_bytes=received_bytes))


async def note_left_out(tx: Transaction, task: Task, left_out: Sequence[LeftOut]) -> None:
    """Write down what of a running task cannot be published; raises LeaseLost."""
    rows = Jsonb([_left_out_row(group) for group in left_out])
    _require(await tx.one("note_left_out", **_guard(task), left_out=rows))


async def end(tx: Transaction, task: Task, event: Event, *, why: StudypubError | None = None) -> Task:
    """End a running task; raises LeaseLost."""
    return task_of(_require(await tx.one("end_task", **_guard(task, event), **reason(why))))


async def cancel(tx: Transaction, task: Task) -> Task | None:
    """Cancel a task that has not ended, even if it has moved on meanwhile; None where it has ended."""
    row = await tx.one("cancel_task", task_id=task.task_id)
    return task_of(row) if row else None


async def requeue(
    tx: Transaction, task: Task, *, search_time: timedelta, partial_reason: str | None = None
) -> Task | None:
    """Queue a failed or cancelled task once more; None where it cannot be.

    `partial_reason`: why this time less than the PACS lists is enough.
    """
    try:
        after(task.status, Event.AGAIN)
    except IllegalTransition:
        return None
    guard = {"from": task.status.value}
    parameters = {"search_time": search_time, "partial_reason": partial_reason}
    row = await tx.one("requeue_task", task_id=task.task_id, **parameters, **guard)
    return task_of(row) if row else None


async def close_with_study(tx: Transaction, task_id: UUID, event: Event) -> None:
    """Let a completed task say that its publication has ended."""
    await tx.run("close_task_of_study", task_id=task_id, to=after(Status.COMPLETED, event).value)


async def add_manual_request(tx: Transaction, task: Task, *, user_id: UUID) -> None:
    """Write down who asked for this task by the form."""
    await tx.run(
        "add_manual_request",
        user_id=user_id,
        clinic_code=task.clinic_code,
        patient_id=task.patient_id,
        accession_number=task.accession_number,
        task_id=task.task_id,
    )


def _study(study: PublishRequest | Task) -> dict[str, object]:
    return {
        "clinic_code": study.clinic_code,
        "patient_id": study.patient_id,
        "accession_number": study.accession_number,
    }


def _guard(task: Task, event: Event | None = None) -> dict[str, object]:
    guard: dict[str, object] = {"task_id": task.task_id, "lease_token": task.lease_token}
    if event is not None:
        guard |= {"from": task.status.value, "to": after(task.status, event).value}
    return guard


def reason(why: StudypubError | None, *, later: bool = False) -> dict[str, object]:
    """Return the columns that say why; `later` where the task is tried again."""
    if why is None:
        return {"error_code": None, "error_text": None}
    return {"error_code": why.code, "error_text": Jsonb((why.postponed if later else why.sentence)._asdict())}


def _require(row: Row | None) -> Row:
    if row is None:
        raise LeaseLost
    return row


_COLUMNS = tuple(Task.__dataclass_fields__)


def task_of(row: Row) -> Task:
    """Return the task of a row that has all its columns."""
    values = {name: row[name] for name in _COLUMNS}
    values["status"] = Status(row["status"])
    values["origin"] = Origin(row["origin"])
    values["modalities"] = tuple(row["modalities"])
    values["left_out"] = tuple(map(_left_out, row["left_out"]))
    values["error_text"] = Sentence(**row["error_text"]) if row["error_text"] else None
    return Task(**values)


def _left_out_row(group: LeftOut) -> Row:
    return {"reason": group.reason, **group.sentence._asdict(), "count": group.count}


def _left_out(row: Row) -> LeftOut:
    return LeftOut(row["reason"], Sentence(row["ru"], row["en"]), row["count"])
