"""The machines that share the database, and which of them is on duty."""

from datetime import timedelta
from uuid import UUID

from psycopg.types.json import Jsonb

from studypub.core.machines import SILENT, Machine
from studypub.db.database import Row, Transaction
from studypub.errors import Sentence


async def lock(tx: Transaction) -> None:
    """Let nobody else take a place until the transaction ends."""
    await tx.run("lock_machines")


async def are_kept(tx: Transaction) -> bool:
    """Whether the schema has machines at all."""
    row = await tx.one("machines_are_kept")
    return row is not None and row["kept"]


async def known(tx: Transaction) -> list[Machine]:
    """Return every machine, also those that are silent or have left."""
    return [_machine(row) for row in await tx.all("machines")]


async def enter(tx: Transaction, me: Machine) -> None:
    """Take our place."""
    await tx.run(
        "enter_machine",
        machine_id=me.machine_id,
        run=me.run,
        name=me.name,
        ae_title=me.ae_title,
        place=me.place,
        version=me.version,
        settings=Jsonb(dict(me.settings)),
    )


async def beat(tx: Transaction, me: Machine, obstacle: Sentence | None) -> bool:
    """Show that we live, and what hinders us; False where our place is not ours any more."""
    told = Jsonb(obstacle._asdict()) if obstacle else None
    return await tx.one("beat_machine", machine_id=me.machine_id, run=me.run, obstacle=told) is not None


async def mark(tx: Transaction, me: Machine, key: str) -> str | None:
    """Write down what we have put into the storage; return what an earlier run of ours had."""
    row = await tx.one("mark_machine", machine_id=me.machine_id, run=me.run, mark=key)
    return row["mark"] if row else None


async def leave(tx: Transaction, me: Machine) -> None:
    """Give our place up."""
    await tx.run("leave_machine", machine_id=me.machine_id, run=me.run)


async def take_duty(tx: Transaction, machine_id: UUID) -> bool:
    """Whether this machine is on duty for as long again, since no other is."""
    return await tx.one("take_duty", machine_id=machine_id, lease=SILENT) is not None


async def on_duty(tx: Transaction) -> UUID | None:
    """Return the machine on duty, or None where nobody is at this moment."""
    row = await tx.one("on_duty")
    return row["machine_id"] if row else None


async def forget(tx: Transaction, *, age: timedelta) -> list[str]:
    """Forget who has been silent for so long; return what they have left in the storage."""
    return [row["mark"] for row in await tx.all("forget_machines", age=age) if row["mark"]]


def _machine(row: Row) -> Machine:
    obstacle = row["obstacle"]
    return Machine(**{**row, "obstacle": Sentence(**obstacle) if obstacle else None})
