"""The audit log: who did what, appended to and chained by hashes."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg.types.json import Jsonb

from studypub.db.database import Transaction


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the log."""

    entry: int
    at: datetime
    actor: str
    action: str
    subject: str
    details: dict[str, Any]


async def append(tx: Transaction, actor: str, action: str, subject: str, /, **details: object) -> None:
    """Append an entry; it stands or falls with the transaction that it belongs to."""
    await tx.run("audit", actor=actor, action=action, subject=subject, details=Jsonb(details))


async def newest(tx: Transaction, *, limit: int, offset: int) -> list[Entry]:
    """Return a page of the log, newest first."""
    return [Entry(**row) for row in await tx.all("newest_audit_entries", limit=limit, offset=offset)]


async def first_broken(tx: Transaction) -> int | None:
    """Return the first entry at which the chain does not hold, or None."""
    row = await tx.one("broken_audit_entry")
    return row["entry"] if row else None


async def head(tx: Transaction) -> bytes:
    """Return the newest entry's hash; empty where there is none."""
    row = await tx.one("head_of_audit_log")
    return bytes(row["hash"]) if row else b""


async def holds(tx: Transaction, digest: bytes) -> bool:
    """Whether an entry of this hash stands in the log: one that was noted as its head once and is gone was cut off."""
    return await tx.one("has_audit_hash", hash=digest) is not None


async def count(tx: Transaction) -> int:
    """Return how many entries the log has."""
    row = await tx.one("count_audit_entries")
    return int(row["entries"]) if row else 0
