"""A clinic's FHIR R4 server is told of a publication as it stands: what it is, or that it is no more."""

import asyncio
from typing import Literal

import msgspec

from studypub.calls import http
from studypub.config import Config, Fhir
from studypub.core.callback import Place, read_place
from studypub.core.fhir import MEDIA_TYPE
from studypub.core.outbox import Message
from studypub.core.publication import State
from studypub.db import outbox, studies
from studypub.db.database import Database
from studypub.errors import ReceiverRefused, ReceiverUnavailable
from studypub.flows.imaging_study import described
from studypub.flows.view import Views

_PUT, _DELETED = frozenset({200, 201}), frozenset({200, 202, 204, 404, 410})
# The resource itself is not taken: to send it once more changes nothing.
_NOT_TAKEN = frozenset({400, 405, 413, 415, 422})


async def declare_servers(config: Config, database: Database) -> None:
    """Let the servers of the configuration be told of all that is published from now on. Raises DatabaseUnavailable."""
    async with database.transaction() as tx:
        await outbox.push_to_fhir(tx, [clinic.code for clinic in config.clinics if clinic.fhir.url])


async def push_imaging_study(config: Config, database: Database, views: Views, message: Message) -> None:
    """Put the ImagingStudy of an open publication, delete that of a closed one.

    Raises ReceiverUnavailable, ReceiverRefused, DatabaseUnavailable, StorageUnavailable, StorageRefused.
    """
    async with database.transaction() as tx:
        publication, now = await studies.of_task(tx, message.task_id), await tx.now()
    clinic = config.clinic(publication.clinic_code) if publication else None
    if publication is None or clinic is None or not clinic.fhir.url:
        raise _refused("сервер больше не задан", "no server is named any more")
    place = read_place(f"{clinic.fhir.url.rstrip('/')}/ImagingStudy/{publication.study_id}")
    if place is None:
        raise _refused("по его адресу обратиться нельзя", "its address cannot be called")
    if publication.state is State.LIVE and publication.save_till > now:
        resource = await asyncio.to_thread(
            described, views, publication, base_url=config.server.base_url, zone=clinic.zone
        )
        answer = await _send(clinic.fhir, place, "PUT", msgspec.json.encode(resource))
        _judge(answer, place, _PUT)
    else:
        _judge(await _send(clinic.fhir, place, "DELETE"), place, _DELETED)


async def _send(fhir: Fhir, place: Place, method: Literal["PUT", "DELETE"], content: bytes = b"") -> http.Answer:
    headers = {"accept": MEDIA_TYPE, "prefer": "return=minimal"}
    headers |= {"content-type": MEDIA_TYPE} if content else {}
    headers |= {"authorization": f"Bearer {fhir.token}"} if fhir.token else {}
    return await http.send(place, content, headers, method=method, ca_certificate=fhir.ca_certificate)


def _refused(reason_ru: str, reason_en: str) -> ReceiverRefused:
    return ReceiverRefused(reason_en, server="[clinics.fhir]", reason_ru=reason_ru, reason_en=reason_en)


def _judge(answer: http.Answer, place: Place, right: frozenset[int]) -> None:
    """Raise what an answer means that is not the right one; its body may quote the patient and is told nobody."""
    if answer.status in right:
        return
    kind = ReceiverRefused if answer.status in _NOT_TAKEN else ReceiverUnavailable
    raise kind(
        f"HTTP {answer.status}",
        server=place.origin,
        reason_ru=f"ответ HTTP {answer.status}",
        reason_en=f"it answers HTTP {answer.status}",
    )
