"""Numbers of records, orders, documents and telephones, and names of stations, however they are separated."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from studypub.gate import vocabulary
from studypub.gate.clue import Extent, Origin, Sight
from studypub.gate.encodings import Spelling, spell, wrap
from studypub.gate.kinds import Kind

# Characters without separators that an identifier needs to be evidence as a word, and inside of others.
ALONE: Final = 6
DIGITS_INSIDE: Final = 12
INSIDE: Final = 10
# As the whole of a value or a word in free text, this much is enough.
AS_A_WORD: Final = 3
# Times of day, spacings, positions and counts are numbers as long as this.
_AS_LONG_AS_MEASURES: Final = 8
_MEASURES: Final = frozenset({b"AS", b"DA", b"DS", b"DT", b"IS", b"TM", b"UI"})

SEPARATORS: Final = " -./_():"
_NOT_SIGNIFICANT: Final = re.compile(r"[\W_]+")
# A number in running text: as one, or grouped as telephone and document numbers are.
_NUMBERS: Final = re.compile(
    r"(?<![\d.,])(?:\d{6,}|\+?\d{1,3}[ (-]{1,2}\d{2,4}(?:[ )-]{1,2}\d{2,4}){2,4})(?![\d]|[.,]\d)"
)
# Latin and Cyrillic letters that look alike: КР125 and KP125.
_CYRILLIC_TWINS: Final = str.maketrans("abekmhopctyx", "авекмнорстух")
_LATIN_TWINS: Final = str.maketrans("авекмнорстух", "abekmhopctyx")


def significant(text: str) -> str:
    """Return the letters and digits of an identifier in lower case; a number without its leading zeros."""
    core = _NOT_SIGNIFICANT.sub("", text).lower()
    return core.lstrip("0") if core.isdigit() else core


def _in_other_letters(_text: str, core: str) -> Iterator[str]:
    """Yield it with the letters of the other alphabet that look the same."""
    yield core.translate(_CYRILLIC_TWINS) if re.search("[a-z]", core) else core.translate(_LATIN_TWINS)


def _digits(_text: str, core: str) -> Iterator[str]:
    """Yield the long number that a prefix or suffix was put to."""
    yield from (digits.lstrip("0") for digits in re.findall(r"\d{7,}", core) if digits != core)


def _without_country(text: str, core: str) -> Iterator[str]:
    """Yield a telephone number without its country's digit, a Russian one with either of its two."""
    if re.fullmatch(r"[78][3489]\d{9}", core):
        yield from (core[1:], f"7{core[1:]}", f"8{core[1:]}")
    elif re.match(r"\s*\+", text) and len(core) >= 8:
        yield core[1:]


SHORTENINGS: Final[dict[str, Callable[[str, str], Iterator[str]]]] = {
    "without separators": lambda _text, core: iter([core]),
    "in other letters": _in_other_letters,
    "digits only": _digits,
    "without country": _without_country,
}


def cores(text: str) -> Iterator[str]:
    """Yield what an identifier may be shortened to: no separators, only its digits, a telephone without its country."""
    core = significant(text)
    if core in vocabulary.ordinary("placeholders") or len(set(core)) < 2:
        return
    for shorten in SHORTENINGS.values():
        yield from shorten(text, core)


def numbers_in(text: str) -> Iterator[str]:
    """Yield what looks like the number of a record or a telephone in running text."""
    yield from _NUMBERS.findall(text)


@dataclass(frozen=True)
class Identifier:
    """An identifier, by its letters and digits."""

    origin: Origin
    core: str
    written: frozenset[str] = frozenset()
    kind: Kind = Kind.IDENTIFIER

    @property
    def is_long(self) -> bool:
        """Whether it can be evidence anywhere, not only as a word of free text."""
        return len(self.core) >= ALONE

    def spellings(self) -> Iterator[Spelling]:
        """Yield it as written and without separators."""
        for text in {self.core, *self.written}:
            yield from spell(text)
            if self.origin.direct:
                yield from wrap(text)

    @cached_property
    def grouped(self) -> re.Pattern[str]:
        """The identifier with separators anywhere."""
        gap = f"[\\0{re.escape(SEPARATORS)}]{{0,3}}"
        return re.compile("0*" + gap.join(map(re.escape, self.core)), re.IGNORECASE)

    def confirm(self, sight: Sight) -> Extent | None:
        """Accept it unless it is a part of a longer number or word, or as long as a measure where measures stand."""
        if sight.is_binary:
            return Extent()
        if self.core.isdigit():
            return self._confirm_number(sight)
        inside = sight.before[-1:].isalnum() or sight.after[:1].isalnum()
        return None if inside and len(self.core) < INSIDE else Extent()

    def _confirm_number(self, sight: Sight) -> Extent | None:
        if len(self.core) >= DIGITS_INSIDE:
            return Extent()
        if sight.vr in _MEASURES and len(self.core) <= _AS_LONG_AS_MEASURES:
            return None
        before = sight.before.rstrip("0") if not sight.found.startswith("0") else sight.before
        inside = re.search(r"\d[.,]?\Z", before) or re.match(r"[.,]?\d", sight.after)
        return None if inside else Extent()
