"""A message is handed to whoever it is for, and what became of that is written down."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import TypeVar
from uuid import UUID

from studypub.config import Config
from studypub.core.outbox import Kind, Message, next_try
from studypub.db import audit, outbox
from studypub.db.database import Database, Transaction
from studypub.errors import DatabaseUnavailable, InternalError, NotThere, Refused, StudypubError
from studypub.flows.call_back import call_back
from studypub.flows.push_imaging_study import push_imaging_study
from studypub.flows.view import Views
from studypub.flows.write_to_patient import write_to_patient
from studypub.metrics import Metrics

log = logging.getLogger(__name__)
_LEASE = timedelta(minutes=2)  # longer than any hand-over takes
_TRIES, _AGAIN_SECONDS = 5, 1.0
_Result = TypeVar("_Result")


@dataclass(frozen=True, slots=True)
class Delivery:
    """What deliveries are made with."""

    config: Config
    database: Database
    metrics: Metrics
    views: Views

    async def claim(self, busy: list[str]) -> Message | None:
        """Take a message that is due, for none of the `busy`. Raises DatabaseUnavailable."""
        async with self.database.transaction() as tx:
            return await outbox.claim(tx, busy=busy, lease=_LEASE)

    async def deliver(self, message: Message) -> None:
        """Hand it over; where it is not taken, try again later or give it up. Raises DatabaseUnavailable."""
        try:
            await self._hand_over(message)
        except DatabaseUnavailable:
            raise
        except StudypubError as error:
            await self._not_taken(message, error)
        except Exception as error:  # others' messages are to go on, whatever one of them does
            log.exception("Непредвиденная ошибка сообщения", extra={"details": _details(message)})
            failure = InternalError()
            failure.__cause__ = error
            await self._not_taken(message, failure)
        else:
            await self._noted(lambda tx: outbox.sent(tx, message))
            self.metrics.messages.labels(message.kind.value, "sent").inc()

    async def _hand_over(self, message: Message) -> None:
        match message.kind:
            case Kind.WEBHOOK:
                await call_back(self.config, self.database, message)
            case Kind.FHIR:
                await push_imaging_study(self.config, self.database, self.views, message)
            case Kind.EMAIL | Kind.SMS:
                await write_to_patient(self.config, self.database, message)

    async def _not_taken(self, message: Message, error: StudypubError) -> None:
        async def decide(tx: Transaction) -> bool:
            again = next_try(message.attempt, message.tried_since, await tx.now()) if error.retry else None
            if again:
                await outbox.postponed(tx, message, again, error)
            else:
                await outbox.failed(tx, message, error)
            return again is not None

        again = await self._noted(decide)
        self.metrics.messages.labels(message.kind.value, "postponed" if again else "failed").inc()
        log.log(
            logging.INFO if again else logging.WARNING,
            "Сообщение %s: %s",
            "отложено" if again else "не доставлено",
            error.sentence.ru,
            exc_info=error,
            extra={"details": {**_details(message), "code": error.code}},
        )

    async def _noted(self, write: Callable[[Transaction], Awaitable[_Result]]) -> _Result:
        """Write down what became of it, trying for a while: what nobody knows of is sent twice."""
        for _ in range(_TRIES):
            with suppress(DatabaseUnavailable):
                async with self.database.transaction() as tx:
                    return await write(tx)
            await asyncio.sleep(_AGAIN_SECONDS)
        async with self.database.transaction() as tx:
            return await write(tx)


async def send_again(database: Database, message_id: UUID, *, actor: str, clinic_code: str | None) -> None:
    """Send a message now, once more or before its time. Raises Refused."""
    async with database.transaction() as tx:
        line = await outbox.line(tx, message_id, clinic_code=clinic_code)
        if line is None:
            raise NotThere(reason_ru="Такого сообщения нет.", reason_en="There is no such message.")
        if not await outbox.send_again(tx, message_id):
            raise Refused(reason_ru="Сообщение отправляется прямо сейчас.", reason_en="It is being sent just now.")
        await audit.append(
            tx,
            actor,
            "message.sent_again",
            str(message_id),
            accession_number=line.accession_number,
            task_id=str(line.message.task_id),
        )


def _details(message: Message) -> dict[str, object]:
    return {
        "task_id": str(message.task_id),
        "message_id": str(message.message_id),
        "kind": message.kind.value,
        "attempt": message.attempt,
    }
