"""Tries that are counted, and pauses that follow them."""

from datetime import timedelta

from studypub.core import ids
from studypub.core.throttle import Limit
from studypub.db.database import Transaction


async def spend(tx: Transaction, limit: Limit, subject: str) -> bool:
    """Count a try; False where the subject has to wait, and then it does not count."""
    row = await tx.one(
        "spend_try",
        **_place(limit, subject),
        free=limit.free,
        first=limit.first,
        longest=limit.longest,
        forget=limit.forget,
    )
    return row is not None


async def wait(tx: Transaction, limit: Limit, subject: str) -> timedelta:
    """Return for how long a subject has to wait; zero where it need not."""
    row = await tx.one("throttle_wait", **_place(limit, subject))
    return row["wait"] if row else timedelta(0)


async def tries(tx: Transaction, limit: Limit, subject: str) -> int:
    """Return how many tries of a subject are remembered."""
    row = await tx.one("tries", **_place(limit, subject), forget=limit.forget)
    return int(row["tries"]) if row else 0


async def refund(tx: Transaction, limit: Limit, subject: str) -> None:
    """Take one try back: it was a right one."""
    await tx.run("refund_try", **_place(limit, subject))


async def forgive(tx: Transaction, limit: Limit, subject: str) -> None:
    """Forget all tries of a subject."""
    await tx.run("forgive", **_place(limit, subject))


async def sweep(tx: Transaction) -> None:
    """Delete what nobody has tried for long."""
    await tx.run("sweep_throttle")


def _place(limit: Limit, subject: str) -> dict[str, object]:
    return {"kind": limit.kind, "subject": ids.digest(subject)}
