"""A clinic as a form: which keys of the file stand in which field, and what is wrong with one, in plain words."""

import copy
import re
import tomllib
from typing import Any, Final

import msgspec

from studypub.config import Clinic, Config
from studypub.config.current import SECRETS, clinic_of, document_of, flat, unnumbered
from studypub.config.writing import as_toml
from studypub.core.request import FieldError
from studypub.errors import ConfigError, Sentence
from studypub.web.forms import Form

# Of the table [[clinics]]; what is not here stands among the further settings.
_PLACES: Final = {
    "name": "name",
    "phone": "phone",
    "time_zone": "time_zone",
    "ae_title": "pacs.ae_title",
    "host": "pacs.host",
    "port": "pacs.port",
    "retrieve": "pacs.retrieve",
    "peers": "pacs.peers",
    "peer_ae_titles": "pacs.peer_ae_titles",
    "profile": "profile",
    "archive_format": "archive_format",
    "start_page": "start_page",
    "report": "report.allowed",
    "retention_days": "retention_days",
    "storage_prefix": "storage_prefix",
    "consent": "delivery.consent",
    "release": "delivery.release",
    "hours": "delivery.hours",
    "language": "delivery.language",
    "subject_ru": "delivery.subject_ru",
    "mail_ru": "delivery.mail_ru",
    "sms_ru": "delivery.sms_ru",
    "subject_en": "delivery.subject_en",
    "mail_en": "delivery.mail_en",
    "sms_en": "delivery.sms_en",
}
_FIELDS: Final = {place: field for field, place in _PLACES.items()}
_LISTS: Final = ("peers", "peer_ae_titles")
_SWITCHES: Final = ("start_page", "report")
_TEXTS: Final = ("mail_ru", "sms_ru", "mail_en", "sms_en")
# What a field holds that nobody has filled in, and that one of its own has no fault.
_PLAIN: Final = Clinic(code="clinic", name="-", pacs=Config().clinics[0].pacs)
_EMPTY: Final = ("code", "edition", "name", "ae_title", "host", "port")

_CODE = Sentence(
    "От 1 до 64 латинских букв, цифр, точек, дефисов и подчёркиваний, первой — буква или цифра.",
    "1 to 64 Latin letters, digits, dots, hyphens and underscores, the first a letter or digit.",
)
_CODE_TAKEN = Sentence("Клиника с таким кодом уже есть.", "There is a clinic with this code already.")
_NOT_LISTED = Sentence("Выберите из списка.", "Choose from the list.")
_NUL = Sentence("В тексте есть недопустимый знак.", "The text holds a character that cannot stand there.")
_LETTER = Sentence(
    "В тексте должно быть {link}; кроме него подставляются {till}, {clinic} и {phone}, других скобок быть не может.",
    "The text must name {link}; besides, {till}, {clinic} and {phone} are filled in, and no other braces may stand.",
)
_SUBJECT = Sentence(
    "Одна строка; подставляются {link}, {till}, {clinic} и {phone}.",
    "One line; {link}, {till}, {clinic} and {phone} are filled in.",
)
_AE_TITLE = Sentence(
    "От 1 до 16 латинских букв, цифр и знаков, без «\\».",
    "1 to 16 Latin letters, digits and signs, without “\\”.",
)
_WRONG: Final = {
    "name": Sentence("Назовите клинику: это название видит пациент.", "Name the clinic: patients read this name."),
    "time_zone": Sentence(
        "Такого часового пояса нет. Пример: Europe/Moscow.", "There is no such time zone. An example: Europe/Moscow."
    ),
    "ae_title": _AE_TITLE,
    "peer_ae_titles": _AE_TITLE,
    "host": Sentence("Укажите адрес или имя машины PACS.", "Give the address or name of the PACS’s machine."),
    "port": Sentence("Целое число от 1 до 65535.", "A whole number from 1 to 65535."),
    "retention_days": Sentence(
        "Целое число дней или пусто; не больше предела в настройках.",
        "A whole number of days, or nothing; at most the limit of the settings.",
    ),
    "storage_prefix": Sentence(
        "Латинские буквы, цифры, дефисы и подчёркивания, после каждого имени «/». Пример: khimki/",
        "Latin letters, digits, hyphens and underscores, and “/” after each name. An example: khimki/",
    ),
    "hours": Sentence("Число больше 0 и не больше 720.", "A number that is more than 0 and at most 720."),
    **dict.fromkeys(("subject_ru", "subject_en"), _SUBJECT),
    **dict.fromkeys(_TEXTS, _LETTER),
}
MORE: Final = "more"
FIELDS: Final = ("code", "edition", *_PLACES, MORE)


def of(clinic: Clinic | None, edition: str) -> Form:
    """Return the form with what a clinic is now; for a new one, with what is usual."""
    usual = clinic or _PLAIN
    values = {field: _text(usual, place) for field, place in _PLACES.items()}
    form = {"code": usual.code, "edition": edition, **values, MORE: as_toml(_rest(document_of(usual)))}
    return Form(form if clinic else {**form, **dict.fromkeys(_EMPTY, "")})


def judged(form: Form, config: Config, before: Clinic | None, in_file: Clinic | None) -> tuple[Form, Clinic | None]:
    """Return what the form makes of the clinic, or of a new one; None where the form names faults."""
    code, faults = before.code if before else form.value("code").strip(), []
    if before is None and (fault := _of_code(code, config)):
        faults.append(FieldError("code", fault))
        code = _PLAIN.code
    said, rest = {place: _value(field, form.value(field)) for field, place in _PLACES.items()}, dict[str, Any]()
    try:
        rest = _more(form.value(MORE))
    except _Wrong as wrong:
        faults.append(FieldError(MORE, wrong.sentence))
    clinic = None
    while clinic is None:
        try:
            clinic = clinic_of(code, _whole(rest, said), in_file)
        except ConfigError as error:
            place = _place_of(error)
            # So that the next fault is told, too, this one is taken out.
            if place in _FIELDS and said[place] != _at(_PLAIN, place):
                faults.append(FieldError(_FIELDS[place], _WRONG.get(_FIELDS[place], _NOT_LISTED)))
                said[place] = _at(_PLAIN, place)
            else:
                faults.append(FieldError(MORE, error.sentence))
                if not rest:
                    break
                rest = {}
    faults += [FieldError(_FIELDS[place], _NUL) for place, value in said.items() if _has_nul(value)]
    if clinic is not None and clinic.retention_days > config.retention.max_days:
        faults.append(FieldError("retention_days", _WRONG["retention_days"]))
    return form.with_errors(*faults), None if faults else clinic


class _Wrong(Exception):
    """What stands among the further settings cannot stand there."""

    def __init__(self, ru: str, en: str) -> None:
        super().__init__(en)
        self.sentence = Sentence(ru, en)


def _more(text: str) -> dict[str, Any]:
    """Read the further settings: a table of the file without what has a field, or is a secret. Raises _Wrong."""
    try:
        rest = tomllib.loads(text.replace("\r\n", "\n"))
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise _Wrong(f"Это не TOML: {error}", f"This is not TOML: {error}") from None
    if _has_nul(rest):
        raise _Wrong(*_NUL)
    for place in flat(rest):
        if unnumbered(place) in SECRETS:
            raise _Wrong(
                f"{place} может стоять только в файле настроек.", f"{place} may stand in the configuration file alone."
            )
        if place == "code" or any(f"{known}.".startswith(f"{place}.") for known in _FIELDS):
            raise _Wrong(f"Для {place} есть отдельное поле выше.", f"There is a field above for {place}.")
    return rest


def _has_nul(value: object) -> bool:
    """Whether a text in it holds the one character that PostgreSQL does not take."""
    return rb"\u0000" in msgspec.json.encode(value, enc_hook=str)


def _rest(document: dict[str, Any], place: str = "") -> dict[str, Any]:
    """Return of a document what has no field."""
    rest: dict[str, Any] = {}
    for name, value in document.items():
        where = f"{place}{name}"
        if isinstance(value, dict):
            if inner := _rest(value, f"{where}."):
                rest[name] = inner
        elif where not in _FIELDS:
            rest[name] = value
    return rest


def _whole(rest: dict[str, Any], said: dict[str, Any]) -> dict[str, Any]:
    whole = copy.deepcopy(rest)
    for place, value in said.items():
        *sections, leaf = place.split(".")
        table = whole
        for name in sections:
            table = table.setdefault(name, {})
        table[leaf] = value
    return whole


def _of_code(code: str, config: Config) -> Sentence | None:
    if re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}", code) is None:
        return _CODE
    return _CODE_TAKEN if config.clinic(code) else None


def _place_of(error: ConfigError) -> str:
    return unnumbered(str(error.parameters["problem"]).partition(": ")[0])


def _value(field: str, text: str) -> Any:
    text = text.replace("\r\n", "\n")
    if field in _LISTS:
        return [one.strip() for one in re.split(r"[,;\n]", text) if one.strip()]
    if field in _SWITCHES:
        return text == "yes"
    if field == "retention_days" and not text.strip():
        return 0
    if field not in {"port", "hours", "retention_days"}:
        return text if field in _TEXTS else text.strip()
    try:
        return int(text) if field != "hours" else float(text.replace(",", "."))
    except ValueError:
        return text


def _text(clinic: Clinic, place: str) -> str:
    value = _at(clinic, place)
    if place == "retention_days" and not value:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | tuple):
        return ", ".join(value)
    return f"{value:g}" if isinstance(value, float) else str(value)


def _at(clinic: Clinic, place: str) -> Any:
    found: Any = clinic
    for name in place.split("."):
        found = getattr(found, name)
    return found
