"""Makes clues of what was harvested: every value read as its sender may have meant it, and taken apart."""

import re
from dataclasses import dataclass, field
from datetime import date, timedelta
from itertools import islice
from typing import Final

from studypub.gate import dates, identifiers, names, texts, vocabulary
from studypub.gate.clue import Clue, Origin
from studypub.gate.harvest import Harvest
from studypub.gate.identifiers import Identifier
from studypub.gate.kinds import Kind
from studypub.gate.names import NamePart, Person, spelled
from studypub.gate.readings import likely, readings, unusual

_WELL_KNOWN_ROOT: Final = "1.2.840.10008."
# A mistaken reading that is written back is a leak, too; shorter ones mean nothing.
_SHORTEST_MISREADING: Final = 5
_SHORTEST_RAW: Final = 4
_WORD: Final = re.compile(r"[^\W\d_]+")


@dataclass(frozen=True)
class Permitted:
    """What the program itself writes into what it publishes, and which is therefore no evidence.

    `texts`: whole blocks, such as README.txt. `words`: the closed vocabulary of cleaned descriptions; without it
    descriptions are searched for names, numbers and dates only. `days`: how many days earlier the profile's dates are.
    """

    texts: tuple[bytes, ...] = ()
    words: frozenset[str] | None = None
    days: int = 0


@dataclass
class Clues:
    """What to look for: `anywhere` in the bytes, and `words` (too short for that) in free text only."""

    anywhere: dict[object, Clue] = field(default_factory=dict)
    words: dict[str, Clue] = field(default_factory=dict)

    def identifiers(self) -> list[Identifier]:
        """Return the identifiers, which free text may hold with separators anywhere."""
        return [clue for clue in self.anywhere.values() if isinstance(clue, Identifier)]

    def add(self, key: object, clue: Clue) -> None:
        """Add a clue; one that names the patient by itself comes before others of the same kind."""
        known = self.anywhere.get(key)
        if known is None or (clue.origin.direct and not known.origin.direct):
            self.anywhere[key] = clue


class Maker:
    """Makes clues of one harvest; what it has made while that grew is not made again."""

    def __init__(self, harvest: Harvest, permitted: Permitted) -> None:
        self._harvest = harvest
        self._taken = 0
        self._clues = Clues()
        self._permitted = permitted
        self._innocent = frozenset(word.lower() for word in permitted.words or ())
        self._common = self._innocent | vocabulary.words()
        self._uids: dict[str, Origin] = {}
        self._days: dict[date, Origin] = {}

    def is_for(self, harvest: Harvest, permitted: Permitted) -> bool:
        """Whether it makes the clues of this harvest, with this permitted."""
        return self._harvest is harvest and self._permitted == permitted

    def clues(self) -> Clues:
        """Return the clues of everything that was harvested by now, those that stand for many included."""
        values = self._harvest.values()
        for (kind, raw, declared), origin in islice(values, self._taken, None):
            self._take(kind, raw, declared, origin)
        self._taken = len(values)
        return self._with_those_that_stand_for_many()

    def _take(self, kind: Kind, raw: bytes, declared: str, origin: Origin) -> None:
        """Make the clues of one value."""
        for text in likely(raw, declared):
            for part in text.split("\\"):
                _MAKERS[kind](self, part.strip(" \0"), origin)
        if kind is Kind.NAME:
            self._add_misreadings(raw, declared, origin)
        if kind in {Kind.NAME, Kind.TEXT} and not raw.isascii():
            self._add_raw(raw, declared, origin, kind)

    def _with_those_that_stand_for_many(self) -> Clues:
        clues = Clues(dict(self._clues.anywhere), dict(self._clues.words))
        if self._uids:
            clues.add("uids", texts.Uids(dict(self._uids)))
        written = {day - timedelta(days=self._permitted.days) for day in self._days} if self._permitted.days else set()
        for day, origin in self._days.items():
            clues.add(day, dates.Day(origin, day, permitted=day in written))
        return clues

    def name(self, text: str, origin: Origin) -> None:
        """Take a name apart: alphabetic, ideographic and phonetic groups, each with its parts (PS3.5 6.2.1.1)."""
        for group in text.split("="):
            self._add_numbers(group, origin)
            person = Person.read(group)
            for word in (*person.families, *person.others):
                forms = spelled(word)
                part = NamePart(origin, word, forms, person, self._innocent)
                self._clues.add((forms, person), part)
                for form in forms:
                    if len(form) < names.ALONE[names.script(form)]:
                        self._clues.words.setdefault(form, part)

    def identifier(self, text: str, origin: Origin) -> None:
        """Take an identifier, and what it is shortened to."""
        if text in vocabulary.codes() or text.lower() in self._common:
            return
        for core in identifiers.cores(text):
            if len(core) >= identifiers.ALONE:
                self._clues.add(("identifier", core), Identifier(origin, core, frozenset({text})))
            elif len(core) >= identifiers.AS_A_WORD:
                self._clues.words.setdefault(core, Identifier(origin, core))

    def day(self, text: str, origin: Origin) -> None:
        """Take the date that a value begins with."""
        day = dates.read(text)
        if day is not None:
            self._days.setdefault(day, origin)

    def uid(self, text: str, origin: Origin) -> None:
        """Take a UID, unless it is the Standard's."""
        if len(text) >= texts.SHORTEST_UID and not text.startswith(_WELL_KNOWN_ROOT):
            self._uids.setdefault(text, origin)

    def age(self, text: str, origin: Origin) -> None:
        """Take an age above 90, which is itself the name of all ages from 90 on (PS3.5 6.2)."""
        if text[:3].isdigit() and int(text[:3]) > 90 and text[3:] == "Y":
            self._clues.add(("age", text), texts.Age(origin, text))

    def text(self, text: str, origin: Origin) -> None:
        """Take the words that tell, the whole, and what a description would give."""
        self._add_words(text, origin)
        for phrase in texts.phrases_in(text, self._common, self._innocent):
            self._clues.add(("phrase", phrase), texts.Phrase(origin, phrase))
        self._add_numbers(text, origin)

    def description(self, text: str, origin: Origin) -> None:
        """Take numbers and dates; words only if it is known which of them the profile lets pass."""
        if text in vocabulary.creators():
            return
        if self._permitted.words is not None:
            self._add_words(text, origin)
        self._add_numbers(text, origin)

    def _add_words(self, text: str, origin: Origin) -> None:
        for word in texts.words_in(text, self._common):
            self._clues.add(("word", word), texts.Word(origin, word, self._innocent))

    def _add_numbers(self, text: str, origin: Origin) -> None:
        for number in identifiers.numbers_in(text):
            self.identifier(number, origin)
        for day in dates.dates_in(text):
            self._days.setdefault(day, origin)

    def _add_misreadings(self, raw: bytes, declared: str, origin: Origin) -> None:
        """Add what the name looks like where its bytes were taken for another character set."""
        right = likely(raw, declared)
        for text in readings(raw, declared):
            for part in text.split("^") if text not in right else ():
                if len(part) >= _SHORTEST_MISREADING and not part.isascii():
                    self._clues.add(("misread", part), texts.Phrase(origin, part, Kind.NAME, misread=True))

    def _add_raw(self, raw: bytes, declared: str, origin: Origin, kind: Kind) -> None:
        """Add the words in a declared character set that is not looked for anyway."""
        for encoding, text in unusual(raw, declared):
            for word in _WORD.findall(text) if not text.isascii() else ():
                content = word.encode(encoding, "ignore")
                if len(content) >= _SHORTEST_RAW and not word.isascii():
                    self._clues.add(("raw", content), texts.Raw(origin, content, kind))


_MAKERS: Final = {
    Kind.NAME: Maker.name,
    Kind.IDENTIFIER: Maker.identifier,
    Kind.DATE: Maker.day,
    Kind.UID: Maker.uid,
    Kind.AGE: Maker.age,
    Kind.TEXT: Maker.text,
    Kind.DESCRIPTION: Maker.description,
}
