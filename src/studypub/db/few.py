"""For whom policies hold, a list begins with the few rows that an index finds (migration 0052 says why)."""

from collections.abc import Sequence
from uuid import UUID

from studypub.core.clinics import EVERY_CLINIC
from studypub.db.database import Transaction

_MOST = 2000  # with more of them, a page of fifty is soon met on the way through the list


async def tasks(tx: Transaction, texts: Sequence[str], statuses: Sequence[str] | None) -> list[UUID] | None:
    """Return those whose numbers hold the texts, or in these states; None: they are many, or need not be known."""
    return await _few(tx, "few_tasks", texts, statuses)


async def studies(tx: Transaction, texts: Sequence[str]) -> list[UUID] | None:
    """Return those whose numbers hold the texts; None: they are many, or need not be known."""
    return await _few(tx, "few_studies", texts, None)


async def _few(tx: Transaction, query: str, texts: Sequence[str], statuses: Sequence[str] | None) -> list[UUID] | None:
    asked = [text for text in texts if text]
    if tx.sees == EVERY_CLINIC or not (asked or statuses):
        return None
    row = await tx.one(query, texts=asked, statuses=statuses, most=_MOST)
    found: list[UUID] | None = row["few"] if row else None
    return found
