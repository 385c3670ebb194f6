"""Doctors' reports: which of them is shown with what a task publishes, and which are to be deleted."""

from datetime import timedelta
from uuid import UUID

from studypub.core.report import Clue, Report
from studypub.core.task import Task
from studypub.db.database import Row, Transaction
from studypub.db.tasks import task_of


async def add(tx: Transaction, task_id: UUID, report: Report) -> None:
    """Write down a report before it is sent to the store."""
    await tx.run(
        "add_report",
        object_key=report.key,
        task_id=task_id,
        size=report.size,
        sha256=report.sha256,
        pages=report.pages,
        unread=report.unread,
        clues=list(report.clues),
    )


async def hold_task(tx: Transaction, task_id: UUID, *, clinic_code: str | None) -> Task | None:
    """Keep a task from ending within this transaction; None where the asker sees none that has, or may have, a link."""
    row = await tx.one("hold_for_report", task_id=task_id, clinic_code=clinic_code)
    return task_of(row) if row else None


async def attach(tx: Transaction, task_id: UUID, key: str) -> Report | None:
    """Show a report that is in the store in place of the one before; None where it was given up meanwhile."""
    await detach(tx, task_id)
    row = await tx.one("attach_report", object_key=key)
    return _report(row) if row else None


async def detach(tx: Transaction, task_id: UUID) -> bool:
    """Show no report any more; whether there was one."""
    return await tx.one("detach_report", task_id=task_id) is not None


async def of_task(tx: Transaction, task_id: UUID) -> Report | None:
    """Return the report that is shown with what a task publishes."""
    row = await tx.one("report_of_task", task_id=task_id)
    return _report(row) if row else None


async def attached(tx: Transaction) -> list[Report]:
    """Return every report that is shown, or will be."""
    return [_report(row) for row in await tx.all("attached_reports")]


async def lose(tx: Transaction, key: str) -> UUID | None:
    """Show a report no longer that is not in the store; return whose it was, None where it was not shown."""
    row = await tx.one("lose_report", object_key=key)
    return row["task_id"] if row else None


async def forget_of_failed(tx: Transaction, *, age: timedelta) -> None:
    """Let go of the reports to tasks that failed so long ago."""
    await tx.run("forget_reports_of_failed", age=age)


async def to_delete(tx: Transaction, *, upload: timedelta, limit: int) -> list[str]:
    """Return the keys of reports that nobody needs, and no upload; `upload` is the longest."""
    return [row["object_key"] for row in await tx.all("reports_to_delete", upload=upload, limit=limit)]


async def deleted(tx: Transaction, key: str) -> None:
    """Forget a report that the store has deleted."""
    await tx.run("report_deleted", object_key=key)


def _report(row: Row) -> Report:
    return Report(
        key=row["object_key"],
        size=row["size"],
        sha256=row["sha256"],
        pages=row["pages"],
        unread=row["unread"],
        clues=tuple(map(Clue, row["clues"])),
        attached_at=row["created_at"],
    )
