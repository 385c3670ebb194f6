"""People's names: their parts, in every form in which one may be written."""

import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Final

from studypub.gate import transliteration, vocabulary
from studypub.gate.clue import Extent, Origin, Sight
from studypub.gate.encodings import Spelling, spell, wrap
from studypub.gate.kinds import Kind

# Letters that a word needs to be evidence standing alone, and inside of other letters.
ALONE: Final = {"latin": 4, "other": 3, "ideographic": 2}
INSIDE: Final = {"latin": 8, "other": 6, "ideographic": 4}
_LONG: Final = 6

_WORD: Final = re.compile(r"[^\W_]+")
# How Russian names end when they are declined.
_ENDING: Final = (
    r"(?:[аеиоуыюяйь]|[оеыи]м|[оеи]й|[оеу]ю|[ое]го|[ое]му|[аыия]я|[иы]й|[иы]е|[иы]х|[иы]ми|[ая]м|[ая]ми|[ая]х"
    r"|[ое]в|и[июе]|ией|ью)?"
)
_DROPPED: Final = re.compile(r"(?:ая|яя|ий|ый|ой|ия|ья|[аяьйоеиы])$")
_SHORTEST_STEM: Final = 4
# How the parts of a name follow each other; `_` is what may stand between them.
ORDERS: Final = (
    "FAMILY_OTHER(?:_OTHER)?",
    "OTHER_(?:OTHER_)?FAMILY",
    r"FAMILY[\s^,.-]{1,3}INITIAL(?:[\s^.-]{0,2}INITIAL)?",
    r"(?<!\w)INITIAL[\s^.-]{0,2}(?:INITIAL[\s^.-]{0,2})?FAMILY",
    "OTHER_OTHER",
)
# Bits of the choice between the spellings of the other names, their initials and orders, and what stands between.
_CHOICE: Final = 6.0
_CHOICE_OF_SEPARATOR: Final = 5.0
_SEPARATOR: Final = r"[\s^,.;:_=/\\&+-]{0,3}"


def words_of(text: str) -> list[list[str]]:
    """Return the words of each component of a name (PS3.5 6.2.1: family, given, middle, …), titles left out."""
    titles = vocabulary.ordinary("titles")
    components = text.split("^") if "^" in text else text.split(maxsplit=1)
    return [
        [word for word in _WORD.findall(part) if word.lower() not in titles and not word.isdigit()]
        for part in components[:3]
    ]


def script(word: str) -> str:
    """Return which of ALONE and INSIDE holds for a word."""
    if word.isascii():
        return "latin"
    return "ideographic" if any("\u3000" <= letter <= "\ud7ff" for letter in word) else "other"


@lru_cache(maxsize=4096)  # bounded: these are names of patients
def spelled(word: str) -> frozenset[str]:
    """Return a word of a name in lower case, in both scripts, with ё as е too."""
    lower = unicodedata.normalize("NFC", word.lower())
    native = {lower, lower.replace("ё", "е"), re.sub(r"\d", "", lower)}
    others = [
        other for form in native for way in (transliteration.latin, transliteration.russian) for other in way(form)
    ]
    return frozenset(form for form in (*native, *others) if len(form) > 1)


@dataclass(frozen=True)
class Person:
    """Somebody's name: the spellings of each family name, and of each other name."""

    families: tuple[str, ...]
    others: tuple[str, ...]

    @staticmethod
    def read(text: str) -> "Person":
        """Take a name apart: `Family^Given^Middle`, or words in that order."""
        components = words_of(text)
        return (
            Person(tuple(components[0]), tuple(word for part in components[1:] for word in part))
            if components
            else _NOBODY
        )

    @cached_property
    def whole(self) -> re.Pattern[str]:
        """The family name with another name or initials beside it, or two other names, in any order."""
        families = [form for word in self.families for form in spelled(word)]
        others = [form for word in self.others for form in spelled(word)]
        family, other = _either(families), _either(others)
        initial = _either(form[0] for form in others) + r"(?!\w)\.?"
        parts = {"FAMILY": family, "OTHER": other, "INITIAL": initial, "_": _SEPARATOR}
        return re.compile(
            "|".join(re.sub("FAMILY|OTHER|INITIAL|_", lambda part: parts[part[0]], form) for form in ORDERS)
        )


_NOBODY: Final = Person((), ())


def _either(forms: Iterable[str]) -> str:
    """Return an expression for any of the forms, the longest first; it matches nothing where there are none."""
    ordered = sorted(set(forms), key=len, reverse=True)
    return f"(?:{'|'.join(map(re.escape, ordered))})" if ordered else "(?!)"


def stem(word: str) -> str:
    """Return what stays of a Russian name in every case, or the word itself."""
    if not re.fullmatch(f"[{transliteration.CYRILLIC}]{{5,}}", word):
        return word
    bare = _DROPPED.sub("", word)
    return bare if len(bare) >= _SHORTEST_STEM else word


@dataclass(frozen=True)
class NamePart:
    """One word of somebody's name, in all its spellings."""

    origin: Origin
    word: str
    forms: frozenset[str]
    person: Person
    innocent: frozenset[str] = frozenset()
    kind: Kind = Kind.NAME

    def spellings(self) -> Iterator[Spelling]:
        """Yield the forms, and the stems of Russian ones, which may be declined."""
        for text in self.forms | {stem(form) for form in self.forms}:
            yield from spell(text)
        if self.origin.direct:
            yield from wrap(self.word)

    def confirm(self, sight: Sight) -> Extent | None:
        """Accept the word by itself if it is long enough, declined, or with the person's other names."""
        if sight.before[-1:].isalpha() and sight.after[:1].isalpha() and self._is_short(sight):
            return None
        text = _lower(f"{sight.before}{sight.found}{sight.after}")
        begin, end = len(sight.before), len(sight.before) + len(sight.found)
        found = self._beside_others(text, begin, end, sight) or self._alone(text, begin, sight)
        if found is None:
            return None
        low, high = found
        separators = sum(not letter.isalpha() for letter in text[low:high])
        beside = (low, high) != (begin, end) and sight.is_binary
        return Extent(begin - low, high - end, doubt=_CHOICE + _CHOICE_OF_SEPARATOR * separators if beside else 0.0)

    def _is_short(self, sight: Sight) -> bool:
        """Tell what is no evidence between letters: if it is a part of a name in one piece, its first part tells."""
        return not sight.is_binary and len(sight.found) < INSIDE[script(sight.found)]

    def _beside_others(self, text: str, begin: int, end: int, sight: Sight) -> tuple[int, int] | None:
        """Find the whole name around the hit."""
        for match in self.person.whole.finditer(text):
            low, high = match.span()
            if low <= begin and end <= high and (sight.is_binary or _bounds(text, low, str.isalpha)[0] == low):
                return match.span()
        return None

    def _alone(self, text: str, begin: int, sight: Sight) -> tuple[int, int] | None:
        low, high = _bounds(text, begin, str.isalpha)
        token = text[low:high]
        for form in sorted(self.forms, key=len, reverse=True):
            if text.startswith(form, begin) and (sight.is_binary or self._is_evidence(text, begin, form, token)):
                return begin, begin + len(form)
        declined = low == begin and token not in self.innocent and not sight.is_binary
        return (low, high) if declined and any(_is_declined(token, form) for form in self.forms) else None

    def _is_evidence(self, text: str, begin: int, form: str, token: str) -> bool:
        if token in self.innocent and token not in {self.word.lower(), self.word.lower().replace("ё", "е")}:
            return False
        beside = text[max(0, begin - 1) : begin] + text[begin + len(form) :][:1]
        # Short words among digits are what made-up labels consist of.
        belongs = str.isalpha if len(form) >= _LONG else str.isalnum
        return len(form) >= (INSIDE if any(map(belongs, beside)) else ALONE)[script(form)]


def _bounds(text: str, place: int, belongs: Callable[[str], bool]) -> tuple[int, int]:
    """Return where the run of letters that a place lies in begins and ends."""
    low = high = place
    while low and belongs(text[low - 1]):
        low -= 1
    while high < len(text) and belongs(text[high]):
        high += 1
    return low, high


def _lower(text: str) -> str:
    """Return lower case of the same length."""
    return "".join(low if len(low := letter.lower()) == 1 else letter for letter in text)


def _is_declined(token: str, form: str) -> bool:
    bare = stem(form)
    return bool(re.fullmatch(re.escape(bare) + _ENDING, token)) and len(bare) >= _SHORTEST_STEM and not bare.isascii()
