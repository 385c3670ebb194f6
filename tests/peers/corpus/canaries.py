"""Words, names, numbers, dates and UIDs that must not come out, each the name of the place where it was hidden."""

import base64
import re
from collections.abc import Iterator
from datetime import date, timedelta
from itertools import islice
from typing import Final

WORD: Final = "KANAREIKA"
NAME: Final = "Канарейкин"
ROOT: Final = "1.2.826.0.1.3680043.10.1511.777"
_PHONE: Final = "+7 916 777-"
_FIRST_DAY: Final = date(1921, 3, 1)
# The gate spells each date in hundreds of ways; places that are many share some.
_DAYS: Final = 24

# Places of names, of what is said of the patient, of the accession number and of the sender's title.
_DIRECT: Final = re.compile(
    r" of (patient|accession|0010|(\w+>)?(00100|00080050|00080090|0008104|0008105|0008106|0008107))"
)

# A place is numbered when it is first met; `place` finds it again.
_numbers: dict[str, int] = {}


def number(place: str) -> int:
    """Return the number of a place."""
    return _numbers.setdefault(place, len(_numbers) + 1)


def place(found: int) -> str:
    """Return the place of a number."""
    return next(islice(_numbers, found - 1, None), "nowhere")


def word(where: str) -> str:
    """Return a word that is nowhere else, short enough for the shortest text VR (PS3.5 6.2)."""
    return f"{WORD}{number(where):05}"


def name(where: str) -> str:
    """Return a person's name in both alphabets."""
    return f"{word(where)}^Anna={NAME}^Анна"


def uid(where: str) -> str:
    """Return a UID of a root that is nobody's."""
    return f"{ROOT}.{number(where)}"


def day(where: str) -> str:
    """Return a date as DA."""
    return f"{_FIRST_DAY + timedelta(days=37 * (number(where) % _DAYS)):%Y%m%d}"


def phone(where: str) -> str:
    """Return a telephone number."""
    digits = f"{number(where):04}"
    return f"{_PHONE}{digits[:2]}-{digits[2:]}"


def sings(content: bytes) -> bool:
    """Say whether there is any canary."""
    return bool(_TRACES.search(content))


def leaks(content: bytes) -> list[str]:
    """Return what was found of any canary in any spelling, with the place that it was hidden in."""
    return sorted({_described(match[0]) for match in _TRACES.finditer(content)})


def is_direct(leak: str) -> bool:
    """Say whether a leak, as described, tells of a person by itself: a name, a number of the patient, a telephone."""
    return ("KANAREIKA" not in leak.upper() and not leak.startswith(("1.2.", "19"))) or bool(_DIRECT.search(leak))


def _described(found: bytes) -> str:
    text = found.replace(b"\0", b"").decode("latin-1")
    told = re.search(r"(\d{5})\Z", text)
    return f"{text} of {place(int(told[1]))}" if told else text


def _spellings() -> Iterator[bytes]:
    """Yield every trace as a regular expression."""
    for text in (WORD, WORD.lower(), WORD.title()):
        yield re.escape(text.encode()) + rb"\d{0,5}"
    for text in (WORD, ROOT, _PHONE):
        yield from (re.escape(text.encode(encoding)) for encoding in ("utf-16-le", "utf-16-be"))
    for text in (NAME, NAME.upper(), NAME.lower()):
        for encoding in ("utf-8", "cp1251", "koi8-r", "iso8859-5", "cp866", "utf-16-le", "utf-16-be"):
            yield re.escape(text[:-1].encode(encoding))
    for text in (WORD, NAME, ROOT):
        for shift in range(3):
            yield re.escape(base64.b64encode(bytes(shift) + text.encode())[4 if shift else 0 : -4])
        yield rb"(?i:" + text.encode().hex().encode() + rb")"
    yield re.escape(ROOT.encode()) + rb"[\d.]*"
    yield from (re.escape(digits) for digits in (_PHONE.encode(), b"7916777", b"8916777"))
    yield from (day_in_form.encode() for day_in_form in _days())


def _days() -> Iterator[str]:
    for number_of_day in range(_DAYS):
        found = _FIRST_DAY + timedelta(days=37 * number_of_day)
        yield from (f"{found:{form}}" for form in (r"%Y%m%d", r"%Y-%m-%d", r"%d\.%m\.%Y", r"%Y\.%m\.%d"))


_TRACES: Final = re.compile(b"|".join(_spellings()))
