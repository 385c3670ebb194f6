"""A patient's addresses: what is one, how it is written, and how little of it is shown."""

import re

LONGEST_EMAIL = 254  # RFC 5321 4.5.3.1.3
_EMAIL = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]{1,64}@[A-Za-z0-9](?:[A-Za-z0-9-]*\.)+[A-Za-z0-9-]*[A-Za-z0-9]")
_BETWEEN_DIGITS = re.compile(r"[\s()\-.]")
_PHONE = re.compile(r"\+[1-9][0-9]{9,14}")  # E.164
_RUSSIAN = re.compile(r"(?:8|7|\+8)([0-9]{10})|([0-9]{10})")
_SHOWN_DIGITS = 2


def read_email(text: str) -> str | None:
    """Return the address; None where it is none that can be written to."""
    return text if len(text) <= LONGEST_EMAIL and _EMAIL.fullmatch(text) else None


def read_phone(text: str) -> str | None:
    """Return the number as +79161234567; None where it is none. Without a country's code it is a Russian one."""
    number = _BETWEEN_DIGITS.sub("", text)
    russian = _RUSSIAN.fullmatch(number)
    number = f"+7{russian[1] or russian[2]}" if russian else number
    return number if _PHONE.fullmatch(number) else None


def masked(address: str) -> str:
    """Return so much of an address that whoever knows it knows it again: `i•••@mail.example`, `+7•••67`."""
    name, at, domain = address.partition("@")
    return f"{name[:1]}•••@{domain}" if at else f"{address[:2]}•••{address[-_SHOWN_DIGITS:]}"
