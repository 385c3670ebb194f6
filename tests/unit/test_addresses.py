"""A patient's addresses: which are any, how much of them is shown, and what may be said to them."""

from datetime import UTC, datetime

import msgspec
import pytest

from studypub.config import Clinic, Delivery, Pacs, Sms
from studypub.core.addresses import masked, read_email, read_phone
from studypub.core.letters import words

CLINIC = Clinic(
    code="a", name="Клиника {в} Химках", phone="+7 495 000-00-00", pacs=Pacs(ae_title="A", host="a", port=104)
)


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("+7 (916) 123-45-67", "+79161234567"),
        ("8 916 123 45 67", "+79161234567"),
        ("79161234567", "+79161234567"),
        ("9161234567", "+79161234567"),
        ("+375 29 123-45-67", "+375291234567"),
        ("12345", None),
        ("+7916123456789012", None),
        ("+7916123456a", None),
        ("+79161234567,+79161234568", None),
        ("+79161234567\r\nx", None),
    ],
)
def test_a_number_is_written_in_one_way(text: str, number: str | None) -> None:
    assert read_phone(text) == number


@pytest.mark.parametrize(
    ("text", "is_one"),
    [
        ("i.ivanova+x@mail.example.ru", True),
        ("i@mail", False),
        ("i@mail.example, j@mail.example", False),
        ("I <i@mail.example>", False),
        ("i@mail.example\r\nBcc: j@mail.example", False),
        ("i@-mail..example", False),
        (f"{'i' * 64}@{'m' * 181}.example", True),
        (f"{'i' * 64}@{'m' * 182}.example", False),
    ],
)
def test_one_address_and_nothing_else(text: str, *, is_one: bool) -> None:
    assert read_email(text) == (text if is_one else None)


def test_little_of_an_address_is_shown() -> None:
    assert masked("i.ivanova@mail.example") == "i•••@mail.example"
    assert masked("+79161234567") == "+7•••67"


@pytest.mark.parametrize("language", ["ru", "en"])
def test_a_letter_has_a_link_a_date_and_the_clinic(language: str) -> None:
    said = words(CLINIC, language, "https://x.example/s/T", datetime(2025, 3, 1, 20, 59, 59, tzinfo=UTC))
    for text in (said.mail, said.sms):
        assert "https://x.example/s/T" in text
        assert "01.03.2025" in text
    assert CLINIC.name in said.mail
    assert CLINIC.phone in said.mail


@pytest.mark.parametrize(
    "text", ["нет ссылки", "{link} {name}", "{link} {0}", "{link} {}", "{link", "{link!r}", "{link.x}", "{link:>9}"]
)
def test_a_template_names_the_link_and_no_patient(text: str) -> None:
    for key in ("mail_ru", "sms_en"):
        with pytest.raises(msgspec.ValidationError, match=key):
            msgspec.convert({key: text}, Delivery)


@pytest.mark.parametrize(
    ("table", "key"),
    [
        ({"kind": "smsc"}, "user"),
        ({"kind": "smsc", "user": "u"}, "password"),
        ({"kind": "smsaero", "user": "u", "password": "p"}, "sender"),
        ({"kind": "generic"}, "url"),
        ({"kind": "generic", "url": "https://x.example/", "body": "{phone}"}, "body"),
        ({"taken": "("}, "taken"),
    ],
)
def test_a_gateway_that_cannot_work_is_refused_at_the_start(table: dict[str, str], key: str) -> None:
    with pytest.raises(msgspec.ValidationError, match=f"`{key}`"):
        msgspec.convert(table, Sms)
