"""How the installation does, as far as the database knows."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from studypub.core.task import Status
from studypub.db import tasks
from studypub.db.database import Transaction


@dataclass(frozen=True, slots=True)
class LastHeard:
    """When a clinic's PACS last answered a task, and when it last failed one; None: not within a week."""

    answered: datetime | None
    failed: datetime | None


@dataclass(frozen=True, slots=True)
class Known:
    """Tasks by state, the longest wait of one that is due, open links and their size in bytes, PACSes by clinic."""

    tasks: dict[Status, int]
    longest_wait: timedelta
    studies: int
    size: int
    pacs: dict[str, LastHeard]


async def known(tx: Transaction) -> Known:
    """Return it."""
    kept = await tx.one("kept") or {"studies": 0, "size": 0}
    heard = await tx.all("pacs_last_heard")
    return Known(
        await tasks.count_by_status(tx),
        await tasks.longest_wait(tx),
        kept["studies"],
        kept["size"],
        {row["clinic_code"]: LastHeard(row["answered"], row["failed"]) for row in heard},
    )
