"""PACSes that take no association, by clinic."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from studypub.core.task import Event, Status, Task, after
from studypub.db.database import Transaction
from studypub.db.tasks import reason, task_of
from studypub.errors import StudypubError


@dataclass(frozen=True, slots=True)
class Outage:
    """A clinic's PACS is away, since its first failure after its last answer."""

    clinic_code: str
    since: datetime


async def begin(tx: Transaction, clinic_code: str, pause: timedelta) -> Outage:
    """Write down that a PACS is away and to be asked again after a pause; return since when."""
    row = await tx.one("begin_outage", clinic_code=clinic_code, pause=pause)
    assert row is not None  # noqa: S101 - it is inserted or updated
    return Outage(clinic_code, row["since"])


async def end(tx: Transaction, clinic_code: str) -> bool:
    """Let the tasks go on; return whether they were waiting."""
    return await tx.one("end_outage", clinic_code=clinic_code) is not None


async def to_probe(tx: Transaction, clinic_codes: list[str], pause: timedelta) -> list[Outage]:
    """Return whom to ask now; nobody else asks them before the pause is over."""
    return [Outage(**row) for row in await tx.all("outages_to_probe", clinic_codes=clinic_codes, pause=pause)]


async def known(tx: Transaction) -> list[Outage]:
    """Return every outage, the longest first."""
    return [Outage(**row) for row in await tx.all("outages")]


async def give_up(tx: Transaction, clinic_code: str, patience: timedelta, why: StudypubError) -> list[Task]:
    """End the tasks that have waited for so long for this PACS; return them."""
    ends = {"from": Status.QUEUED.value, "to": after(Status.QUEUED, Event.FAIL).value}
    rows = await tx.all("give_up_waiting", clinic_code=clinic_code, patience=patience, **reason(why), **ends)
    return [task_of(row) for row in rows]
