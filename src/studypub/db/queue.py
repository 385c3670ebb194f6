"""The queue as people look at it: filtered, from any place on."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from studypub.core.listing import Place
from studypub.core.publication import State
from studypub.core.task import Origin, Status, Task
from studypub.db import few
from studypub.db.database import Row, Transaction
from studypub.db.tasks import task_of

FIRST = Place("infinity", UUID(int=2**128 - 1))


@dataclass(frozen=True, slots=True)
class QueueLine:
    """A task as the queue shows it, with the link it made, if any."""

    task: Task
    study_id: UUID | None
    token: str | None
    size: int | None
    study_state: State | None
    save_till: datetime | None
    upload_date: datetime | None

    @property
    def place(self) -> Place:
        """Where in the queue it stands."""
        return Place(self.task.created_at.isoformat(), self.task.task_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueFilter:
    """Which tasks are shown; `clinic_code` None means every clinic, `text` stands in one of a task's numbers."""

    clinic_code: str | None = None
    statuses: tuple[Status, ...] = tuple(Status)
    origins: tuple[Origin, ...] = tuple(Origin)
    text: str = ""


async def lines(
    tx: Transaction, wanted: QueueFilter, *, limit: int, place: Place = FIRST, back: bool = False
) -> list[QueueLine]:
    """Return what follows a place, newest first; with `back`, what precedes it, in the same order."""
    text, statuses = wanted.text.lower(), [status.value for status in wanted.statuses]
    rows = await tx.all(
        "queue_newer" if back else "queue_older",
        clinic_code=wanted.clinic_code,
        statuses=statuses,
        origins=[origin.value for origin in wanted.origins],
        text=text,
        few=await few.tasks(tx, [text], statuses if len(statuses) < len(Status) else None),
        after=place.value,
        after_id=place.item,
        limit=limit,
    )
    found = [_line(row) for row in rows]
    return found[::-1] if back else found


async def line(tx: Transaction, task_id: UUID, *, clinic_code: str | None) -> QueueLine | None:
    """Return one task that the asker may see; `clinic_code` None means every clinic."""
    row = await tx.one("queue_line", task_id=task_id, clinic_code=clinic_code)
    return _line(row) if row else None


def _line(row: Row) -> QueueLine:
    return QueueLine(
        task_of(row),
        row["study_id"],
        row["token"],
        row["size"],
        State(row["study_state"]) if row["study_state"] else None,
        row["save_till"],
        row["upload_date"],
    )
