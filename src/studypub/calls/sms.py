"""Hands text messages to a gateway: SMSC.ru, SMS Aero, or any that takes a POST."""

import base64
import json
import re
from typing import Any
from urllib.parse import quote, urlencode

from studypub.calls import http
from studypub.calls.http import Answer
from studypub.config import Sms
from studypub.core.callback import Place, read_place
from studypub.errors import ReceiverRefused, ReceiverUnavailable

_FORM, _JSON = "application/x-www-form-urlencoded", "application/json"
# Codes of SMSC.ru that no time heals: the text, the number; others are of the account (https://smsc.ru/api/).
_SMSC_FOR_GOOD = {6, 7, 8}


async def send(sms: Sms, phone: str, text: str) -> None:
    """Send a text to a number. Raises ReceiverUnavailable, and ReceiverRefused where it will never be taken.

    A gateway's own words may quote the number, so only its codes are told.
    """
    place = read_place(sms.address)
    if place is None:
        raise ReceiverRefused("url", server="[sms]", reason_ru="url не годится", reason_en="its url cannot be called")
    content, headers = _WAYS[sms.kind](sms, phone, text)
    _JUDGES[sms.kind](sms, place, await http.send(place, content, headers))


def _smsc(sms: Sms, phone: str, text: str) -> tuple[bytes, dict[str, str]]:
    fields = {"login": sms.user, "psw": sms.password, "phones": phone, "mes": text, "fmt": "3", "charset": "utf-8"}
    return _form(fields | ({"sender": sms.sender} if sms.sender else {}))


def _smsaero(sms: Sms, phone: str, text: str) -> tuple[bytes, dict[str, str]]:
    content, headers = _form({"number": phone.removeprefix("+"), "text": text, "sign": sms.sender})
    credentials = base64.b64encode(f"{sms.user}:{sms.password}".encode()).decode()
    return content, {**headers, "authorization": f"Basic {credentials}"}


def _generic(sms: Sms, phone: str, text: str) -> tuple[bytes, dict[str, str]]:
    kind = sms.content_type
    values = {"phone": phone, "text": text, "sender": sms.sender}
    content = re.sub(r"\{(phone|text|sender)\}", lambda found: _written(values[found[1]], kind), sms.body)
    headers = {"content-type": kind} | ({"authorization": sms.authorization} if sms.authorization else {})
    return content.encode(), headers


def _written(value: str, content_type: str) -> str:
    return json.dumps(value)[1:-1] if content_type == _JSON else quote(value, safe="")


def _form(fields: dict[str, str]) -> tuple[bytes, dict[str, str]]:
    return urlencode(fields).encode(), {"content-type": _FORM}


def _judge_smsc(_: Sms, place: Place, answer: Answer) -> None:
    said = _read(place, answer)
    code = said.get("error_code")
    if code in _SMSC_FOR_GOOD:
        raise _refused(place, f"SMSC {code}")
    if code is not None or "id" not in said:
        raise _unavailable(place, f"SMSC {code if isinstance(code, int) else '?'}")


def _judge_smsaero(_: Sms, place: Place, answer: Answer) -> None:
    if answer.status == 400:
        raise _refused(place, "HTTP 400")
    if _read(place, answer).get("success") is not True:
        raise _unavailable(place, "SMS Aero: success = false")


def _judge_generic(sms: Sms, place: Place, answer: Answer) -> None:
    _require_well(place, answer)
    if sms.taken and not re.search(sms.taken, answer.body.decode("utf-8", "replace")):
        raise _unavailable(place, "taken")


def _read(place: Place, answer: Answer) -> dict[str, Any]:
    _require_well(place, answer)
    try:
        said = json.loads(answer.body)
    except ValueError:
        said = None
    if not isinstance(said, dict):
        raise _unavailable(place, "JSON")
    return said


def _require_well(place: Place, answer: Answer) -> None:
    if not 200 <= answer.status < 300:
        raise _unavailable(place, f"HTTP {answer.status}")


def _unavailable(place: Place, what: str) -> ReceiverUnavailable:
    return ReceiverUnavailable(
        what, server=place.origin, reason_ru=f"ответ шлюза ({what})", reason_en=f"the gateway's answer ({what})"
    )


def _refused(place: Place, what: str) -> ReceiverRefused:
    return ReceiverRefused(
        what, server=place.origin, reason_ru=f"отказ шлюза ({what})", reason_en=f"the gateway says no ({what})"
    )


_WAYS = {"smsc": _smsc, "smsaero": _smsaero, "generic": _generic}
_JUDGES = {"smsc": _judge_smsc, "smsaero": _judge_smsaero, "generic": _judge_generic}
