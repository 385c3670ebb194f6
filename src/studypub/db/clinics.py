"""Clinics that an administrator has set; they stand before those of the configuration file."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple

from psycopg.types.json import Jsonb

from studypub.db.database import Transaction


class Kept(NamedTuple):
    """A clinic's document, when it was set and by whom, as the audit log names them."""

    code: str
    document: Mapping[str, Any]
    changed_at: datetime
    changed_by: str


class Things(NamedTuple):
    """How many things of a clinic are in use."""

    tasks: int
    links: int
    accounts: int
    keys: int


async def lock(tx: Transaction) -> None:
    """Let nobody else change a clinic until the transaction ends."""
    await tx.run("lock_clinics")


async def kept(tx: Transaction) -> list[Kept]:
    """Return them by their codes."""
    return [Kept(**row) for row in await tx.all("kept_clinics")]


async def documents(tx: Transaction) -> dict[str, Mapping[str, Any]]:
    """Return their documents by their codes."""
    return {one.code: one.document for one in await kept(tx)}


async def keep(tx: Transaction, code: str, document: Mapping[str, Any], *, actor: str) -> None:
    """Let it stand before the file's."""
    await tx.run("keep_clinic", clinic_code=code, document=Jsonb(document), actor=actor)


async def give_back(tx: Transaction, code: str) -> bool:
    """Let the file's stand again; return whether another stood before it."""
    return await tx.run("give_clinic_back", clinic_code=code) > 0


async def things(tx: Transaction, code: str) -> Things:
    """Return what of a clinic is in use."""
    row = await tx.one("things_of_clinic", clinic_code=code)
    assert row is not None  # noqa: S101 - a SELECT without FROM has one row
    return Things(**row)
