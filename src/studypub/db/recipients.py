"""Where patients are written to: kept apart from everything else, and gone with the link."""

from dataclasses import dataclass, field
from datetime import timedelta
from uuid import UUID

from studypub.core.outbox import Kind
from studypub.db.database import Transaction


@dataclass(frozen=True, slots=True)
class Recipient:
    """A patient's addresses, none of which anything prints."""

    email: str | None = field(repr=False)
    phone: str | None = field(repr=False)

    def address(self, kind: Kind) -> str | None:
        """Return where a message of this kind goes."""
        return self.email if kind is Kind.EMAIL else self.phone


async def of_task(tx: Transaction, task_id: UUID) -> Recipient:
    """Return where the patient of a task is written to."""
    row = await tx.one("recipient", task_id=task_id)
    return Recipient(row["email"], row["phone"]) if row else Recipient(None, None)


async def keep(tx: Transaction, task_id: UUID, wanted: Recipient, *, wait: timedelta | None) -> None:
    """Keep these addresses for a task; `wait`: from its publication on, None: until a person lets the message go."""
    await tx.run("set_recipient", task_id=task_id, email=wanted.email, phone=wanted.phone, wait=wait)


async def write(tx: Transaction, task_id: UUID, kind: Kind, *, wait: timedelta | None) -> None:
    """Let the link of a task that is published already go to an address that is new."""
    await tx.run("write_to_recipient", task_id=task_id, kind=kind.value, wait=wait)


async def sent_within_a_day(tx: Transaction, kind: Kind, address: str) -> int:
    """Return how many messages an address has been sent within a day."""
    row = await tx.one("sent_to_address", kind=kind.value, address=address)
    return int(row["times"]) if row else 0


async def forget_of_failed(tx: Transaction, *, age: timedelta) -> None:
    """Forget the addresses of tasks that failed so long ago."""
    await tx.run("forget_recipients_of_failed", age=age)
