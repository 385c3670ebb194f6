"""Asks for a study as a program's document says."""

from datetime import datetime, timedelta

from studypub.core.people import Program
from studypub.core.request import NO_CLINIC, FieldError, InvalidRequest, PublishRequest, read_request
from studypub.core.task import Origin
from studypub.errors import Sentence
from studypub.flows.keep_recipient import keep_recipient
from studypub.flows.request import Answer, Asker, request_publication
from studypub.web.errors import Problem
from studypub.web.parts import Parts

_OTHER_CLINIC = Sentence(
    "Этот ключ API выдан другой клинике: clinic_code должен быть {clinic_code}.",
    "This API key belongs to another clinic: clinic_code must be {clinic_code}.",
)


def clinic_of(api_key: Program, parts: Parts, clinic_code: str | None) -> str | None:
    """Return the clinic that a program asks about; None: every one. Raises Problem, InvalidRequest."""
    if clinic_code is None:
        return api_key.clinic_code
    if api_key.clinic_code not in (None, clinic_code):
        raise Problem(403, _OTHER_CLINIC.filled(clinic_code=api_key.clinic_code))
    if parts.config.clinic(clinic_code) is None:
        raise InvalidRequest([FieldError("clinic_code", NO_CLINIC)])
    return clinic_code


async def asked(document: dict[str, object], parts: Parts, api_key: Program, now: datetime) -> Answer:
    """Queue what the document names, or return what is known of it.

    Raises Problem, InvalidRequest, QueueFull, DatabaseUnavailable.
    """
    wanted = _read(document, parts, api_key, now)
    answer = await request_publication(
        parts.database,
        wanted,
        Asker(api_key.actor, Origin.MIS),
        search_time=timedelta(minutes=parts.config.workers.search_minutes),
        most_in_progress=parts.config.workers.max_in_progress,
    )
    await keep_recipient(parts.config, parts.database, wanted, answer, actor=api_key.actor)
    return answer


def _read(document: dict[str, object], parts: Parts, api_key: Program, now: datetime) -> PublishRequest:
    wanted = read_request(
        document,
        zones={clinic.code: clinic.zone for clinic in parts.config.clinics},
        default_clinic=api_key.clinic_code or parts.config.clinics[0].code,
        now=now,
        longest=timedelta(days=parts.config.retention.max_days),
    )
    clinic_of(api_key, parts, wanted.clinic_code)
    return wanted
