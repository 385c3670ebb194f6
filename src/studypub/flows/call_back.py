"""A program is told what a task has become."""

from datetime import UTC
from functools import partial

from studypub.calls import http
from studypub.config import Config
from studypub.core import callback
from studypub.core.callback import Place, read_place
from studypub.core.outbox import Message
from studypub.core.task_document import TaskDocument, task_document
from studypub.db import outbox, tasks
from studypub.db.database import Database, Transaction
from studypub.errors import ReceiverRefused, ReceiverUnavailable
from studypub.flows.request import answer_of

_GONE = 410  # Standard Webhooks: the receiver wants no more


async def call_back(config: Config, database: Database, message: Message) -> None:
    """Post the task as it stands, signed. Raises ReceiverUnavailable, ReceiverRefused, DatabaseUnavailable."""
    async with database.transaction() as tx:
        called = await outbox.callback_of(tx, message.key_id or "")
        document = await _document(tx, config, message)
        now = await tx.now()
    if called is None or document is None:
        raise _refused(message.target, "ключ отозван или больше не ждёт сообщений", "the key is revoked or wants none")
    place = allowed_place(config, called.url)
    content = callback.body(message.status, message.created_at, document)
    answer = await http.send(
        place,
        content,
        callback.headers(called.secret, message.message_id, now, content),
        may_connect=partial(callback.may_connect, place, networks=config.callbacks.networks),
        ca_certificate=config.callbacks.ca_certificate,
    )
    if answer.status == _GONE:
        raise _refused(place.origin, "ответ HTTP 410", "it answers HTTP 410")
    if not 200 <= answer.status < 300:
        raise ReceiverUnavailable(
            f"HTTP {answer.status}",
            server=place.origin,
            reason_ru=f"ответ HTTP {answer.status}",
            reason_en=f"it answers HTTP {answer.status}",
        )


def allowed_place(config: Config, url: str) -> Place:
    """Return where this address leads. Raises ReceiverRefused where the configuration does not allow it."""
    place = read_place(url)
    if place is None or not callback.is_allowed(place, config.callbacks.allow):
        server = place.origin if place else "callback"
        raise _refused(server, "адреса нет в allow раздела [callbacks]", "it is not in allow of [callbacks]")
    return place


async def _document(tx: Transaction, config: Config, message: Message) -> TaskDocument | None:
    task = await tasks.find(tx, message.task_id, clinic_code=None)
    if task is None:
        return None
    answer, clinic = await answer_of(tx, task), config.clinic(task.clinic_code)
    return task_document(
        answer.task,
        answer.publication,
        base_url=config.server.base_url,
        zone=clinic.zone if clinic else UTC,
        now=await tx.now(),
        language="ru",
    )


def _refused(server: str, reason_ru: str, reason_en: str) -> ReceiverRefused:
    return ReceiverRefused(reason_en, server=server, reason_ru=reason_ru, reason_en=reason_en)
