"""The alerts that stand, one row each."""

from collections.abc import Iterable
from typing import Any

from psycopg.types.json import Jsonb

from studypub.core.alerts import Key, Kind, Standing
from studypub.db.database import Transaction


async def standing(tx: Transaction) -> list[Standing]:
    """Return them, the oldest first; a kind that this version does not know is none."""
    rows = await tx.all("alerts")
    return [_standing(row) for row in rows if row["kind"] in set(Kind)]


async def standing_by_kind(tx: Transaction) -> dict[str, float]:
    """Return how many stand of each kind, those that are over left out."""
    going_on = [one.key.kind for one in await standing(tx) if one.ended_at is None]
    return {kind.value: going_on.count(kind) for kind in Kind}


async def keep(tx: Transaction, before: Iterable[Standing], after: Iterable[Standing]) -> None:
    """Write down how they stand now; those that are not among them any more go."""
    kept = {one.key: one for one in after}
    for one in kept.values():
        await tx.run(
            "keep_alert",
            kind=one.key.kind.value,
            subject=one.key.subject,
            since=one.since,
            facts=Jsonb(dict(one.facts)),
            told_at=one.told_at,
            ended_at=one.ended_at,
        )
    for one in before:
        if one.key not in kept:
            await tx.run("forget_alert", kind=one.key.kind.value, subject=one.key.subject)


def _standing(row: dict[str, Any]) -> Standing:
    key = Key(Kind(row["kind"]), row["subject"])
    return Standing(key, row["since"], row["facts"], row["told_at"], row["ended_at"])
