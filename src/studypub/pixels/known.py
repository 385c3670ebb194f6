"""Compares words that were read with what is known of the patient, as far as reading can be mistaken."""

import re
import unicodedata
from collections.abc import Iterable, Iterator
from typing import Final

# What is taken for each other, Cyrillic and Latin, letters and digits: the first stands for the others.
_ALIKE: Final = {
    ord(other): kind[0]
    for kind in (
        "aа",
        "bвь8б6",
        "eе",
        "kк",
        "mм",
        "hн",
        "oо0",
        "pр",
        "cс",
        "tт",
        "yу",
        "xх",
        "i1|!lі",
        "s5ѕ",
        "3зэ",
        "4ч",
    )
    for other in kind[1:]
}
_SHORTEST: Final = 3
_LONG: Final = 6  # letters; from there on one of them may be misread, of twice as many two
_PARTS: Final = re.compile(r"[\W_]+")
_DATE: Final = re.compile(r"((?:19|20)\d\d)(\d\d)(\d\d)")  # DA, PS3.5 6.2


def folded(text: str) -> str:
    """Return the text as it looks: lower case, no accents, one sign for all that are taken for each other."""
    plain = "".join(c for c in unicodedata.normalize("NFKD", text.lower()) if not unicodedata.combining(c))
    return _PARTS.sub("", plain.translate(_ALIKE))


class Known:
    """What is known of the patient."""

    def __init__(self, identifiers: Iterable[str]) -> None:
        """Take identifiers as they stand in headers: with carets, spaces, points."""
        values = [spelled for value in identifiers for spelled in _spelled(value)]
        parts = {folded(part) for value in values for part in _PARTS.split(value)} | {folded(value) for value in values}
        self._parts = sorted(part for part in parts if len(part) >= _SHORTEST)

    def names(self, word: str) -> bool:
        """Say whether the word is one of them, or holds one, or is one with a letter or two misread."""
        seen = folded(word)
        return any(_same(seen, part) for part in self._parts)


def _spelled(value: str) -> Iterator[str]:
    yield value
    if date := _DATE.fullmatch(value):
        year, month, day = date.groups()
        yield from (day + month + year, month + day + year, day + month + year[2:])


def _same(seen: str, part: str) -> bool:
    if seen == part or (len(part) >= _LONG and part in seen):
        return True
    allowed = min(len(seen), len(part)) // _LONG
    return allowed > 0 and abs(len(seen) - len(part)) <= allowed and _distance(seen, part) <= min(2, allowed)


def _distance(one: str, other: str) -> int:
    """Return the Levenshtein distance."""
    row = list(range(len(other) + 1))
    for i, a in enumerate(one, 1):
        before, row[0] = row[0], i
        for j, b in enumerate(other, 1):
            before, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, before + (a != b))
    return row[-1]
