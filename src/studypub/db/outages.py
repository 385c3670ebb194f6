"""PACSes that take no association, by clinic and AE title."""

from collections.abc import Sequence
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
    ae_title: str
    since: datetime


@dataclass(frozen=True, slots=True)
class OfClinic:
    """A PACS of a clinic, which has so many."""

    clinic_code: str
    ae_title: str
    pacs: int = 1


async def begin(tx: Transaction, one: OfClinic, pause: timedelta) -> Outage:
    """Write down that a PACS is away and to be asked again after a pause; return since when."""
    named = {"clinic_code": one.clinic_code, "ae_title": one.ae_title}
    row = await tx.one("begin_outage", **named, pacs=one.pacs, pause=pause)
    assert row is not None  # noqa: S101 - it is inserted or updated
    return Outage(**named, since=row["since"])


async def end(tx: Transaction, clinic_code: str, ae_title: str) -> bool:
    """Let the tasks go on; return whether it was away."""
    return await tx.one("end_outage", clinic_code=clinic_code, ae_title=ae_title) is not None


async def to_probe(tx: Transaction, ours: Sequence[OfClinic], pause: timedelta) -> list[Outage]:
    """Return whom to ask now; nobody else asks them before the pause is over."""
    columns = {
        "clinic_codes": [one.clinic_code for one in ours],
        "ae_titles": [one.ae_title for one in ours],
        "pacs": [one.pacs for one in ours],
    }
    return [Outage(**row) for row in await tx.all("outages_to_probe", **columns, pause=pause)]


async def known(tx: Transaction) -> list[Outage]:
    """Return every outage, the longest first."""
    return [Outage(**row) for row in await tx.all("outages")]


async def known_now(tx: Transaction) -> tuple[list[Outage], datetime]:
    """Return every outage, the longest first, and the database's time."""
    rows = await tx.all("outages_now")
    away = [Outage(row["clinic_code"], row["ae_title"], row["since"]) for row in rows if row["clinic_code"]]
    return away, rows[0]["now"]


async def looked_after(tx: Transaction, clinic_code: str) -> list[Outage]:
    """Return the outages of a clinic whose end would be noticed: these PACS need not be asked by anybody else."""
    return [Outage(**row) for row in await tx.all("outages_looked_after", clinic_code=clinic_code)]


async def give_up(tx: Transaction, clinic_code: str, patience: timedelta, why: StudypubError) -> list[Task]:
    """End the tasks that have waited for so long while all of the clinic's PACS are away; return them."""
    ends = {"from": Status.QUEUED.value, "to": after(Status.QUEUED, Event.FAIL).value}
    rows = await tx.all("give_up_waiting", clinic_code=clinic_code, patience=patience, **reason(why), **ends)
    return [task_of(row) for row in rows]
