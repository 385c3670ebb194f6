"""Messages to others: taken by one daemon at a time, and what became of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from psycopg.types.json import Jsonb

from studypub.core.addresses import masked
from studypub.core.listing import Place
from studypub.core.outbox import Kind, Message, State
from studypub.core.task import Status
from studypub.db.database import Row, Transaction
from studypub.errors import Sentence, StudypubError

FIRST = Place("infinity", UUID(int=2**128 - 1))
_COLUMNS = tuple(Message.__dataclass_fields__)


@dataclass(frozen=True, slots=True)
class Callback:
    """Where a program wants to be called, and what such calls are signed with."""

    url: str
    secret: str


@dataclass(frozen=True, slots=True)
class MessageLine:
    """A message as the panel shows it."""

    message: Message
    accession_number: str
    clinic_code: str
    key_name: str | None
    callback_url: str | None
    address: str = ""  # of a patient: as little of it as is shown

    @property
    def place(self) -> Place:
        """Where in the list it stands."""
        return Place(self.message.created_at.isoformat(), self.message.message_id)


async def claim(tx: Transaction, *, busy: list[str], lease: timedelta) -> Message | None:
    """Take the message that has been due for longest, for none of the `busy`; the attempt counts from now."""
    row = await tx.one("claim_message", busy=busy, lease=lease)
    return _message(row) if row else None


async def sent(tx: Transaction, message: Message) -> None:
    """Write down that it was taken, unless somebody else has the message now."""
    await tx.run("message_sent", **_guard(message))


async def postponed(tx: Transaction, message: Message, due_at: datetime, why: StudypubError) -> None:
    """Write down when it is tried again, unless somebody else has the message now."""
    await tx.run("message_postponed", **_guard(message), due_at=due_at, **_reason(why))


async def failed(tx: Transaction, message: Message, why: StudypubError) -> None:
    """Write down that it is given up, unless somebody else has the message now."""
    await tx.run("message_failed", **_guard(message), **_reason(why))


async def send_again(tx: Transaction, message_id: UUID) -> bool:
    """Let it be sent now; False where it is on its way at this moment."""
    return await tx.one("send_message_again", message_id=message_id) is not None


async def line(tx: Transaction, message_id: UUID, *, clinic_code: str | None) -> MessageLine | None:
    """Return one message that the asker may see; `clinic_code` None means every clinic."""
    row = await tx.one("message_line", message_id=message_id, clinic_code=clinic_code)
    return _line(row) if row else None


async def lines(
    tx: Transaction,
    *,
    clinic_code: str | None,
    states: tuple[State, ...],
    kinds: tuple[Kind, ...],
    limit: int,
    place: Place = FIRST,
    back: bool = False,
) -> list[MessageLine]:
    """Return what follows a place, newest first; with `back`, what precedes it, in the same order."""
    rows = await tx.all(
        "messages_newer" if back else "messages_older",
        clinic_code=clinic_code,
        states=[state.value for state in states],
        kinds=[kind.value for kind in kinds],
        after=place.value,
        after_id=place.item,
        limit=limit,
    )
    found = [_line(row) for row in rows]
    return found[::-1] if back else found


async def to_patient(tx: Transaction, task_id: UUID) -> list[MessageLine]:
    """Return what the patient of a task was, or will be, sent."""
    return [_line(row) for row in await tx.all("messages_to_patient", task_id=task_id)]


async def callback_of(tx: Transaction, key_id: str) -> Callback | None:
    """Return where a program wants to be called; None where it does not, or its key is revoked."""
    row = await tx.one("callback_of_key", key_id=key_id)
    return Callback(row["callback_url"], row["callback_secret"]) if row else None


async def set_callback(tx: Transaction, key_id: str, callback: Callback | None) -> bool:
    """Set where a program is called; False where there is no such key."""
    url, secret = (callback.url, callback.secret) if callback else (None, None)
    return await tx.one("set_callback", key_id=key_id, callback_url=url, callback_secret=secret) is not None


async def push_to_fhir(tx: Transaction, clinic_codes: Sequence[str]) -> None:
    """Let the FHIR servers of these clinics be told of what is published from now on, and of no others."""
    await tx.run("push_to_fhir", clinic_codes=list(clinic_codes))


def _guard(message: Message) -> dict[str, object]:
    return {"message_id": message.message_id, "lease_token": message.lease_token}


def _reason(why: StudypubError) -> dict[str, object]:
    return {"error_code": why.code, "error_text": Jsonb(why.sentence._asdict())}


def _message(row: Row) -> Message:
    values = {name: row[name] for name in _COLUMNS}
    values |= {"status": Status(row["status"]), "kind": Kind(row["kind"]), "state": State(row["state"])}
    values["error_text"] = Sentence(**row["error_text"]) if row["error_text"] else None
    return Message(**values)


def _line(row: Row) -> MessageLine:
    return MessageLine(
        _message(row),
        row["accession_number"],
        row["clinic_code"],
        row["key_name"],
        row["callback_url"],
        masked(row["address"]) if row["address"] else "",
    )
