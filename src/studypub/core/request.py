"""Reads a request to publish: every field checked, every fault named, nothing guessed."""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import TypeVar
from zoneinfo import ZoneInfo

from studypub.core import addresses, pin
from studypub.core.archive_format import ArchiveFormat
from studypub.errors import Sentence

PATIENT_ID_LENGTH = 64  # LO (PS3.5 6.2)
ACCESSION_NUMBER_LENGTH = 16  # SH
_LENGTHS = {
    "patient_id": PATIENT_ID_LENGTH,
    "accession_number": ACCESSION_NUMBER_LENGTH,
    "emk_record_id": 64,
    "clinic_code": 64,
    "service_code": 64,
    "service_title": 256,
}
_REQUIRED = ("patient_id", "accession_number")
FIELDS = (*_LENGTHS, "study_date", "save_till_date", "pin", "archive_format", "patient_email", "patient_phone")

_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
# `*` and `?` match other patients' studies in C-FIND, `\` separates values (PS3.4 C.2.2.2).
_PATTERN_CHARACTERS = re.compile(r"[*?\\]")
_EARLIEST_YEAR, _LATEST_YEAR = 1900, 2200

_MISSING = Sentence("Обязательное поле не заполнено.", "This field is required.")
_NOT_TEXT = Sentence("Должно быть строкой.", "Must be a string.")
_TOO_LONG = Sentence("Не длиннее {length} символов.", "At most {length} characters.")
_CONTROL = Sentence("Содержит недопустимые символы.", "Contains characters that are not allowed.")
_PATTERN = Sentence("Символы *, ? и \\ недопустимы.", "The characters *, ? and \\ are not allowed.")
NO_CLINIC = Sentence("Такой клиники нет.", "There is no such clinic.")
_UNKNOWN = Sentence("Неизвестное поле.", "Unknown field.")
_NOT_DATE = Sentence(
    "Должно быть датой или временем по ISO 8601, например 2025-03-01T00:00:00+03:00.",
    "Must be a date or a time in ISO 8601, such as 2025-03-01T00:00:00+03:00.",
)
_NOT_PIN = Sentence("Должно быть от {shortest} до {longest} цифр.", "Must be {shortest} to {longest} digits.")
_NO_FORMAT = Sentence("Должно быть {known}.", "Must be {known}.").filled(known=", ".join(ArchiveFormat))
_NOT_EMAIL = Sentence("Это не адрес электронной почты.", "This is not a mail address.")
_NOT_PHONE = Sentence(
    "Это не номер телефона, например +7 916 123-45-67.", "This is not a telephone number, such as +7 916 123-45-67."
)
_PAST = Sentence("Срок хранения уже прошёл.", "The date until which to keep the study is in the past.")


@dataclass(frozen=True, slots=True)
class FieldError:
    """What is wrong with one field."""

    field: str
    sentence: Sentence


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishRequest:
    """A request that can be queued. `till` is None where the default holds; it was `till_was_cut` to the maximum.

    `chosen_study_uid` is the one study that a person has picked where the PACS has several under the number.
    `archive_format`: None where the clinic's holds.
    """

    patient_id: str
    accession_number: str
    clinic_code: str
    emk_record_id: str | None = None
    service_code: str | None = None
    service_title: str | None = None
    study_date: datetime | None = None
    till: datetime | None = None
    till_was_cut: bool = False
    chosen_study_uid: str | None = None
    pin: str | None = field(default=None, repr=False)
    archive_format: str | None = None
    patient_email: str | None = field(default=None, repr=False)
    patient_phone: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Earlier:
    """How a study was asked for the last time, and until when it was, or was to be, kept.

    `pin_hash`: of the PIN that its link asked for, or would have.
    """

    emk_record_id: str | None
    service_code: str | None
    service_title: str | None
    study_date: datetime | None
    till: datetime | None
    archive_format: str | None
    pin_hash: str | None = field(repr=False)


def completed(request: PublishRequest, earlier: Earlier) -> PublishRequest:
    """Return the request with what only the earlier one told; whoever types two numbers does not type it again."""
    return replace(
        request,
        emk_record_id=request.emk_record_id or earlier.emk_record_id,
        service_code=request.service_code or earlier.service_code,
        service_title=request.service_title or earlier.service_title,
        study_date=request.study_date or earlier.study_date,
        archive_format=request.archive_format or earlier.archive_format,
    )


class InvalidRequest(Exception):
    """The request cannot be queued; `errors` names each field at fault."""

    def __init__(self, errors: Iterable[FieldError]) -> None:
        super().__init__("invalid request")
        self.errors = tuple(errors)


def read_request(
    document: Mapping[str, object],
    *,
    zones: Mapping[str, ZoneInfo],
    default_clinic: str,
    now: datetime,
    longest: timedelta,
) -> PublishRequest:
    """Check the document of `POST /publish` (or the form) and return the request.

    `zones` maps the clinics' codes to their time zones: a time without an offset is meant there.
    Raises InvalidRequest with every fault that was found.
    """
    errors = [FieldError(str(name), _UNKNOWN) for name in document if name not in FIELDS]
    texts = {name: _checked(_text, document, name, errors) for name in _LENGTHS}
    clinic_code = texts["clinic_code"] or default_clinic
    zone = zones.get(clinic_code)
    if zone is None:
        errors.append(FieldError("clinic_code", NO_CLINIC))
        zone = ZoneInfo("UTC")
    study_date = _checked(_moment, document, "study_date", errors)
    till_at = _till(document, zone, now, errors)
    wanted_pin = _checked(_pin, document, "pin", errors)
    wanted_format = _checked(_format, document, "archive_format", errors)
    email = _checked(_email, document, "patient_email", errors)
    phone = _checked(_phone, document, "patient_phone", errors)
    study_date_at = _in_zone(study_date, zone, time.min)
    if errors:
        raise InvalidRequest(errors)
    return PublishRequest(
        patient_id=texts["patient_id"] or "",
        accession_number=texts["accession_number"] or "",
        clinic_code=clinic_code,
        emk_record_id=texts["emk_record_id"],
        service_code=texts["service_code"],
        service_title=texts["service_title"],
        study_date=study_date_at,
        till=till_at if till_at is None else min(till_at, now + longest),
        till_was_cut=till_at is not None and till_at > now + longest,
        pin=wanted_pin,
        archive_format=wanted_format,
        patient_email=email,
        patient_phone=phone,
    )


@dataclass(frozen=True, slots=True)
class NewTill:
    """Until when a study is to be kept from now on; `was_cut` to the longest time that is granted."""

    till: datetime
    was_cut: bool


def read_new_till(document: Mapping[str, object], *, zone: ZoneInfo, now: datetime, longest: timedelta) -> NewTill:
    """Check the document of `PATCH /publish/{task_id}`. Raises InvalidRequest with every fault that was found."""
    errors = [FieldError(str(name), _UNKNOWN) for name in document if name != "save_till_date"]
    till = _till(document, zone, now, errors)
    if till is None and not any(error.field == "save_till_date" for error in errors):
        errors.append(FieldError("save_till_date", _MISSING))
    if errors or till is None:
        raise InvalidRequest(errors)
    return NewTill(min(till, now + longest), till > now + longest)


def _till(document: Mapping[str, object], zone: ZoneInfo, now: datetime, errors: list[FieldError]) -> datetime | None:
    till = _in_zone(_checked(_moment, document, "save_till_date", errors), zone, time(23, 59, 59))
    if till is not None and till <= now:
        errors.append(FieldError("save_till_date", _PAST))
    return till


def read_accession_number(text: str | None) -> str:
    """Check an accession number that is looked up. Raises InvalidRequest."""
    errors: list[FieldError] = []
    checked = _checked(_text, {"accession_number": text}, "accession_number", errors)
    if checked is None:
        raise InvalidRequest(errors)
    return checked


_Value = TypeVar("_Value")


class _Fault(Exception):
    def __init__(self, sentence: Sentence) -> None:
        super().__init__(sentence.en)
        self.sentence = sentence


def _checked(
    read: Callable[[str, object], _Value | None], document: Mapping[str, object], name: str, errors: list[FieldError]
) -> _Value | None:
    try:
        return read(name, document.get(name))
    except _Fault as fault:
        errors.append(FieldError(name, fault.sentence))
        return None


def _text(name: str, value: object) -> str | None:
    if value is not None and not isinstance(value, str):
        raise _Fault(_NOT_TEXT)
    # Before blanks are cut off: a line break at the end is no blank.
    if _UNPRINTABLE.search(value or ""):
        raise _Fault(_CONTROL)
    text = (value or "").strip()
    identifies = name in _REQUIRED
    if not text:
        if identifies:
            raise _Fault(_MISSING)
        return None
    if identifies and _PATTERN_CHARACTERS.search(text):
        raise _Fault(_PATTERN)
    length = _LENGTHS[name]
    if len(text) > length:
        raise _Fault(_TOO_LONG.filled(length=length))
    return text


def _pin(_name: str, value: object) -> str | None:
    if value is not None and not isinstance(value, str):
        raise _Fault(_NOT_TEXT)
    text = (value or "").strip()
    if text and not pin.is_acceptable(text):
        raise _Fault(_NOT_PIN.filled(shortest=pin.SHORTEST, longest=pin.LONGEST))
    return text or None


def _format(_name: str, value: object) -> str | None:
    if value is not None and not isinstance(value, str):
        raise _Fault(_NOT_TEXT)
    text = (value or "").strip()
    if text and text not in tuple(ArchiveFormat):
        raise _Fault(_NO_FORMAT)
    return text or None


def _email(_name: str, value: object) -> str | None:
    return _address(value, addresses.read_email, _NOT_EMAIL)


def _phone(_name: str, value: object) -> str | None:
    return _address(value, addresses.read_phone, _NOT_PHONE)


def _address(value: object, read: Callable[[str], str | None], wrong: Sentence) -> str | None:
    if value is not None and not isinstance(value, str):
        raise _Fault(_NOT_TEXT)
    text = (value or "").strip()
    if text and read(text) is None:
        raise _Fault(wrong)
    return read(text) if text else None


def _moment(_name: str, value: object) -> date | datetime | None:
    if value is not None and not isinstance(value, str):
        raise _Fault(_NOT_TEXT)
    text = (value or "").strip()
    if not text:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise _Fault(_NOT_DATE) from None
    if not _EARLIEST_YEAR <= moment.year <= _LATEST_YEAR:
        raise _Fault(_NOT_DATE)
    return moment.date() if len(text) <= len("2025-03-01") else moment


def _in_zone(moment: date | datetime | None, zone: ZoneInfo, time_of_day: time) -> datetime | None:
    """Return the instant in UTC; a bare date is that `time_of_day` in the clinic's zone."""
    if moment is None:
        return None
    if not isinstance(moment, datetime):
        moment = datetime.combine(moment, time_of_day)
    return (moment if moment.tzinfo else moment.replace(tzinfo=zone)).astimezone(UTC)
