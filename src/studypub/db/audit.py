"""The audit log: who did what, appended to and chained by hashes."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg.types.json import Jsonb

from studypub.db.database import Transaction

_PIECE = 20_000
_NO_HASH = b"\0"  # what stands before the first entry


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
    tx.note("audit", actor=actor, action=action, subject=subject, details=Jsonb(details))


async def newest(tx: Transaction, *, limit: int, offset: int) -> list[Entry]:
    """Return a page of the log, newest first."""
    return [Entry(**row) for row in await tx.all("newest_audit_entries", limit=limit, offset=offset)]


async def first_broken(tx: Transaction, *, piece: int = _PIECE) -> int | None:
    """Return the first entry at which the chain does not hold, or None."""
    after, head = 0, _NO_HASH
    while True:
        row = await tx.one("piece_of_audit_log", after=after, head=head, limit=piece)
        if row is None or row["last"] is None:
            return None
        if row["broken"] is not None:
            return int(row["broken"])
        after, head = row["last"], row["head"]


async def head(tx: Transaction) -> bytes:
    """Return the newest entry's hash; empty where there is none."""
    return (await newest_hash(tx))[1]


async def newest_hash(tx: Transaction) -> tuple[int, bytes]:
    """Return the newest entry's number and hash; 0 and nothing where there is none."""
    row = await tx.one("head_of_audit_log")
    return (row["entry"], bytes(row["hash"])) if row else (0, b"")


async def holds(tx: Transaction, digest: bytes) -> bool:
    """Whether an entry of this hash stands in the log: one that was noted as its head once and is gone was cut off."""
    return await tx.one("has_audit_hash", hash=digest) is not None


async def count(tx: Transaction) -> int:
    """Return how many entries the log has."""
    row = await tx.one("count_audit_entries")
    return int(row["entries"]) if row else 0
