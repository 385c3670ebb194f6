"""The audit log as people look at it: searched, from any entry on."""

from dataclasses import dataclass
from datetime import date
from uuid import UUID
from zoneinfo import ZoneInfo

from studypub.core.listing import Place
from studypub.db.audit import Entry
from studypub.db.database import Transaction
from studypub.db.studies_list import days_range

FIRST = Place(str(2**63 - 1), UUID(int=0))


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditFilter:
    """Which entries are shown; empty texts and days ask for nothing. Days of the zone, both ends included."""

    text: str = ""
    action: str = ""
    days: tuple[date | None, date | None] = (None, None)
    zone: ZoneInfo


@dataclass(frozen=True, slots=True)
class AuditLine:
    """An entry and where in the log it stands."""

    entry: Entry

    @property
    def place(self) -> Place:
        """Its number; entries have no other identity."""
        return Place(str(self.entry.entry), UUID(int=self.entry.entry))


async def lines(
    tx: Transaction, wanted: AuditFilter, *, limit: int, place: Place = FIRST, back: bool = False
) -> list[AuditLine]:
    """Return what precedes an entry, newest first; with `back`, what follows it, in the same order."""
    rows = await tx.all(
        "audit_newer" if back else "audit_older",
        after=place.value,
        days=days_range(wanted.days, wanted.zone),
        action=wanted.action,
        text=wanted.text.lower(),
        limit=limit,
    )
    found = [AuditLine(Entry(**row)) for row in rows]
    return found[::-1] if back else found
