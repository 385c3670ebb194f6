"""A search begins with the few rows that an index finds, where they are few (migration 0052 says why)."""

from collections.abc import Sequence
from uuid import UUID

from studypub.db.database import Transaction

_MOST = 2000  # with more of them, a page of fifty is soon met on the way through the list


async def few(tx: Transaction, query: str, texts: Sequence[str]) -> list[UUID] | None:
    """Return the rows whose numbers hold the texts; None: they are many, or nothing is searched for."""
    asked = [text for text in texts if text]
    row = await tx.one(query, texts=asked, most=_MOST) if asked else None
    found: list[UUID] | None = row["few"] if row else None
    return found
