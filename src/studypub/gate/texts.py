"""Free text, UIDs and ages: the words that tell, and values that are looked for as they are."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from studypub.gate import names
from studypub.gate.clue import Extent, Origin, Sight
from studypub.gate.kinds import Kind

SHORTEST_WORD: Final = 5
SHORTEST_PHRASE: Final = 12
SHORTEST_UID: Final = 6
UID_ANYWHERE: Final = 16
_WORD: Final = re.compile(r"[^\W\d_]{2,}")
_E_MAIL: Final = re.compile(r"[\w.+-]+@[\w-]+\.[\w.-]+")


def words_in(text: str, common: Iterable[str]) -> Iterator[str]:
    """Yield the words that are long enough to tell, and not common."""
    yield from {word for word in _WORD.findall(text.lower()) if len(word) >= SHORTEST_WORD and word not in common}


def phrases_in(text: str, common: Iterable[str]) -> Iterator[str]:
    """Yield a text that tells as a whole though its words are common or short, and e-mail addresses."""
    yield from _E_MAIL.findall(text)
    whole = " ".join(text.split())[:48]
    words = _WORD.findall(whole.lower())
    if len(whole) >= SHORTEST_PHRASE and len(words) > 1 and not all(word in common for word in words):
        yield whole


@dataclass(frozen=True)
class Word:
    """A word of a text about persons and places."""

    origin: Origin
    word: str
    innocent: frozenset[str] = frozenset()
    kind: Kind = Kind.TEXT

    def spellings(self) -> Iterator[str]:
        """Yield the word."""
        yield self.word

    def exact(self) -> Iterator[str]:
        """Yield nothing: it does not name the patient by itself."""
        yield from ()

    def confirm(self, sight: Sight) -> Extent | None:
        """Accept the word standing alone, a long one also within others."""
        if sight.is_binary:
            return Extent()
        alone = not (sight.before[-1:].isalnum() or sight.after[:1].isalnum())
        return Extent() if alone or len(self.word) >= names.INSIDE[names.script(self.word)] + 2 else None


@dataclass(frozen=True)
class Phrase:
    """A text that is looked for as it is."""

    origin: Origin
    text: str
    kind: Kind = Kind.TEXT

    def spellings(self) -> Iterator[str]:
        """Yield the text."""
        yield self.text

    def exact(self) -> Iterator[str]:
        """Yield nothing: it does not name the patient by itself."""
        yield from ()

    def confirm(self, _sight: Sight) -> Extent | None:
        """Accept every hit: it is long."""
        return Extent()


@dataclass(frozen=True)
class Age:
    """An age above 89, which few have."""

    origin: Origin
    text: str
    kind: Kind = Kind.AGE

    def spellings(self) -> Iterator[str]:
        """Yield the value of AS (PS3.5 6.2)."""
        yield self.text

    def exact(self) -> Iterator[str]:
        """Yield nothing: it does not name the patient by itself."""
        yield from ()

    def confirm(self, sight: Sight) -> Extent | None:
        """Accept it as the whole of an age."""
        alone = not (sight.before[-1:].isalnum() or sight.after[:1].isalnum())
        return Extent() if sight.vr == b"AS" and alone else None


class Uids:
    """All original UIDs; only what they begin with is looked for, since a study has thousands."""

    kind = Kind.UID
    _MOST_BEGINNINGS: Final = 64

    def __init__(self, uids: Mapping[str, Origin]) -> None:
        self._uids = uids
        self._lengths = sorted({len(uid) for uid in uids}, reverse=True)
        self.origin = next(iter(uids.values()), Origin("UID"))

    def spellings(self) -> Iterator[str]:
        """Yield beginnings, as long as few of them suffice."""
        for length in range(SHORTEST_UID + 14, SHORTEST_UID, -1):
            beginnings = {uid[:length] for uid in self._uids}
            if len(beginnings) <= self._MOST_BEGINNINGS:
                break
        else:
            beginnings = {uid[:SHORTEST_UID] for uid in self._uids}
        yield from beginnings

    def exact(self) -> Iterator[str]:
        """Yield nothing: it does not name the patient by itself."""
        yield from ()

    def confirm(self, sight: Sight) -> Extent | None:
        """Accept a whole original UID, also with more components behind it."""
        text = sight.found + sight.after
        for length in self._lengths:
            origin = self._uids.get(text[:length])
            if origin and (length >= UID_ANYWHERE or self._stands_alone(sight.before, text, length)):
                return Extent(0, length - len(sight.found), origin)
        return None

    @staticmethod
    def _stands_alone(before: str, text: str, length: int) -> bool:
        return not (before[-1:].isdigit() or before[-1:] == "." or text[length : length + 1].isdigit())
