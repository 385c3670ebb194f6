"""Tells passwords that are guessed first: the commonest ones, and a word or two with digits around it."""

import re
from collections.abc import Set as AbstractSet
from functools import cache
from importlib import resources

# What a password looks like that was typed with the other layout on: «gfhjkm» is «пароль».
_LATIN = "qwertyuiop[]asdfghjkl;'zxcvbnm,.`"
_CYRILLIC = "йцукенгшщзхъфывапролджэячсмитьбюё"
_OTHER_LAYOUT = str.maketrans(_LATIN + _CYRILLIC, _CYRILLIC + _LATIN)
_LETTER_FOR = str.maketrans("@4301!$57", "aaeoiisst")
_OUTSIDE = re.compile(r"^[\W\d_]+|[\W\d_]+$")  # «2025!» after a word makes it no better
_MOST_TIMES = 4


def is_guessed_first(password: str, *words: str) -> bool:
    """Whether the password is on the list, or is made of nothing but its words (and `words`), digits and signs."""
    known = _listed() | {word.casefold() for word in words if len(word) > 2}
    plain = password.casefold()
    inner = _OUTSIDE.sub("", plain)
    readings = {plain, plain.translate(_OTHER_LAYOUT), inner.translate(_LETTER_FOR)}
    return any(reading in known or _is_made_of(_letters(reading), known) for reading in readings)


def _letters(text: str) -> str:
    return re.sub(r"[\W\d_]+", "", text)


def _is_made_of(letters: str, known: AbstractSet[str]) -> bool:
    """Whether the letters are one of the words, the same one several times, or two side by side."""
    if letters in known:
        return True
    halves = ((letters[:cut], letters[cut:]) for cut in range(3, len(letters) - 2))
    if any(first in known and second in known for first, second in halves):
        return True
    sizes = (len(letters) // times for times in range(3, _MOST_TIMES + 1) if len(letters) % times == 0)
    return any(letters[:size] in known and letters == letters[:size] * (len(letters) // size) for size in sizes if size)


@cache
def _listed() -> frozenset[str]:
    text = (resources.files("studypub.core") / "data" / "passwords.txt").read_text("utf-8")
    return frozenset(line for line in text.splitlines() if line and not line.startswith("#"))
