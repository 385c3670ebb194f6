"""What the database knows of how the work goes, for those who watch it."""

from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from studypub.core.attempt import Step
from studypub.core.task import Status
from studypub.db import audit
from studypub.db.database import Transaction
from studypub.errors import AmbiguousAccession, NothingToPublish, PatientMismatch, StudyNotFound

# Of these the asker's request is the cause, not the service.
_ASKED_WRONGLY = [error.code for error in (StudyNotFound, AmbiguousAccession, PatientMismatch, NothingToPublish)]


@dataclass(frozen=True, slots=True)
class AuditCheck:
    """How long ago the audit log's chain was looked at, and the first entry at which it did not hold, or None.

    `last_entry`, `head`: the newest entry that was there, and its hash.
    """

    age: timedelta
    last_entry: int
    head: bytes
    broken_entry: int | None


@dataclass(frozen=True, slots=True)
class Lately:
    """How many tasks failed and how many were published, and for how long none was that somebody waits for."""

    failed: int
    published: int
    nothing_published: timedelta


async def in_progress(tx: Transaction) -> dict[Status, tuple[int, timedelta]]:
    """Return by state how many tasks are in progress, and for how long the oldest."""
    return {Status(row["status"]): (row["tasks"], row["age"]) for row in await tx.all("tasks_in_progress")}


async def ended(tx: Transaction) -> dict[Status, int]:
    """Return by state how many tasks have ended; that takes a while where they are many."""
    return {Status(row["status"]): row["tasks"] for row in await tx.all("tasks_ended")}


async def audit_silence(tx: Transaction) -> timedelta | None:
    """Return the age of the audit log's newest entry."""
    row = await tx.one("newest_audit_entry")
    age: timedelta | None = row["age"] if row else None
    return age


async def wal_archiving_fails(tx: Transaction) -> bool:
    """Whether PostgreSQL's newest try to archive a file of its log failed; False where it archives none."""
    row = await tx.one("wal_archiving")
    return row is not None and row["fails"]


async def audit_check(tx: Transaction) -> AuditCheck | None:
    """Return what the newest check of the audit log found; None where there was none."""
    row = await tx.one("audit_check")
    return AuditCheck(**row) if row else None


async def check_audit(tx: Transaction) -> int | None:
    """Check the audit log's chain and write down what was found; return the first entry at which it does not hold."""
    last, broken = await audit_check(tx), await audit.first_broken(tx)
    entry, head = await audit.newest_hash(tx)
    if last is not None and last.head and not await audit.holds(tx, last.head):
        entry, head = last.last_entry, last.head  # somebody cut it off, which is to be seen next time, too
        broken = min(broken or entry, entry)
    await tx.run("note_audit_check", last_entry=entry, head=head, broken_entry=broken)
    return broken


async def steps(tx: Transaction, task_id: UUID) -> list[Step]:
    """Return a task's newest steps, in order."""
    return [Step(**row) for row in reversed(await tx.all("events_of_attempt", task_id=task_id))]


async def lately(tx: Transaction, period: timedelta) -> Lately:
    """Return what became of tasks for so long."""
    row = await tx.one("failures_lately", period=period, asked_wrongly=_ASKED_WRONGLY)
    wait = await tx.one("nothing_published")
    assert row is not None  # noqa: S101 - a SELECT without FROM has one row
    return Lately(row["failed"], row["published"], wait["wait"] if wait else timedelta())
