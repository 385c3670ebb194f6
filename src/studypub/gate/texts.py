"""Free text, UIDs and ages: the words that tell, and values that are looked for as they are."""

import re
from collections.abc import Container, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from studypub.gate import names, vocabulary
from studypub.gate.clue import Extent, Origin, Sight
from studypub.gate.encodings import Spelling, as_is, spell
from studypub.gate.kinds import Kind

SHORTEST_WORD: Final = {"latin": 5, "other": 4, "ideographic": 2}
SHORTEST_PHRASE: Final = 12
_LONG_RAW: Final = 6
_LONGEST_PHRASE: Final = 48
SHORTEST_UID: Final = 6
UID_ANYWHERE: Final = 16
_WORD: Final = re.compile(r"[^\W\d_]{2,}")
# The same two letters again and again are what chance makes of even bytes.
_EVEN: Final = re.compile(r"(.)\1*(?:(.)(?:\1|\2)*)?")
_E_MAIL: Final = re.compile(r"[\w.+-]+@[\w-]+\.[\w.-]+")


def words_in(text: str, common: Container[str]) -> Iterator[str]:
    """Yield the words that are long enough to tell, and not common."""
    for word in set(_WORD.findall(text.lower())):
        if len(word) >= SHORTEST_WORD[names.script(word)] and word not in common and not _EVEN.fullmatch(word):
            yield word


def phrases_in(text: str, common: Container[str], innocent: Container[str]) -> Iterator[str]:
    """Yield e-mail addresses, and a text that tells as a whole though none of its words does."""
    yield from _E_MAIL.findall(text)
    words = _WORD.findall(text.lower())
    if len(text) < SHORTEST_PHRASE or len(words) < 2 or any(words_in(text, common)):
        return
    if text.lower() not in vocabulary.meanings() and not all(word in innocent for word in words):
        yield text[:_LONGEST_PHRASE]


@dataclass(frozen=True)
class Word:
    """A word of a text about persons and places."""

    origin: Origin
    word: str
    innocent: frozenset[str] = frozenset()
    kind: Kind = Kind.TEXT

    def spellings(self) -> Iterator[Spelling]:
        """Yield the word in every encoding."""
        yield from spell(self.word)

    def confirm(self, sight: Sight) -> Extent | None:
        """Accept the word standing alone, a long one also within others."""
        if sight.is_binary:
            return Extent()
        alone = not (sight.before[-1:].isalnum() or sight.after[:1].isalnum())
        return Extent() if alone or len(self.word) >= names.INSIDE[names.script(self.word)] + 2 else None


@dataclass(frozen=True)
class Phrase:
    """A text that is looked for as it is; `misread`: what a name becomes under a wrong character set."""

    origin: Origin
    text: str
    kind: Kind = Kind.TEXT
    misread: bool = False

    def spellings(self) -> Iterator[Spelling]:
        """Yield the text in every encoding; a mistaken one only as this program would write it."""
        yield from [as_is(self.text)] if self.misread else spell(self.text)

    def confirm(self, _sight: Sight) -> Extent | None:
        """Accept every hit: it is long."""
        return Extent()


@dataclass(frozen=True)
class Raw:
    """A word in the bytes of the character set that its sender declared, where that is none of the usual ones."""

    origin: Origin
    content: bytes
    kind: Kind

    def spellings(self) -> Iterator[Spelling]:
        """Yield the bytes."""
        yield Spelling(self.content, "latin-1", folded=False)

    def confirm(self, sight: Sight) -> Extent | None:
        """Accept many bytes anywhere, few between others."""
        inside = sight.before[-1:].isalpha() or sight.after[:1].isalpha()
        return None if inside and len(self.content) < _LONG_RAW and not sight.is_binary else Extent()


@dataclass(frozen=True)
class Age:
    """An age above 90, which few have."""

    origin: Origin
    text: str
    kind: Kind = Kind.AGE

    def spellings(self) -> Iterator[Spelling]:
        """Yield the value of AS (PS3.5 6.2)."""
        yield as_is(self.text)

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

    def spellings(self) -> Iterator[Spelling]:
        """Yield beginnings, as long as few of them suffice."""
        for length in range(SHORTEST_UID + 14, SHORTEST_UID, -1):
            beginnings = {uid[:length] for uid in self._uids}
            if len(beginnings) <= self._MOST_BEGINNINGS:
                break
        else:
            beginnings = {uid[:SHORTEST_UID] for uid in self._uids}
        for beginning in beginnings:
            yield from spell(beginning)

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
