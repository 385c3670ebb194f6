"""Reads a message of HL7 v2: who sent it, in whose letters, and what stands at a place of it."""

import re
from collections.abc import Collection
from dataclasses import dataclass

import hl7.util

import hl7
from studypub.errors import Sentence

# HL7 table 0211, and how it is written instead.
_CODECS = {
    "ASCII": "ascii",
    "UNICODE UTF-8": "utf-8",
    "UTF-8": "utf-8",
    "8859/1": "iso8859-1",
    "8859/5": "iso8859-5",
    "WINDOWS-1251": "windows-1251",
    "CP1251": "windows-1251",
    "1251": "windows-1251",
    "KOI8-R": "koi8-r",
}
_SEGMENT_END = re.compile(rb"[\r\n]+")
_MOST_BYTES = 64 << 10  # of the segments that are read: the library takes seconds for some hundred kB
# MSH-2: what divides and hides, none of it a letter (2.14.9.2); the library fails on less.
_BEGIN = re.compile(r"MSH([^\w\s])([^\w\s])([^\w\s])([^\w\s])([^\w\s])#?\1")
_PLACE = re.compile(r"([A-Z][A-Z0-9]{2})-([1-9]\d?)(?:\.([1-9]\d?))?")

_NOT_THE_LETTERS = Sentence(
    "MSH-18: кодировка неизвестна, или текст не в ней", "MSH-18: unknown character set, or the text is not in it"
)
_TOO_LONG = Sentence("Сегменты слишком длинные", "The segments are too long")
_BROKEN = Sentence("Сообщение не разобрать", "The message cannot be parsed")


class NoMessage(Exception):
    """What came does not begin as a message does, so that nobody can be answered."""


class Unreadable(Exception):
    """A message that cannot be used; `sentence` says why, `condition` is its code of HL7 table 0357."""

    def __init__(self, sentence: Sentence, condition: str) -> None:
        super().__init__(sentence.en)
        self.sentence, self.condition = sentence, condition


@dataclass(frozen=True, slots=True)
class Place:
    """Where a value stands: `PID-3.1` is the first component of field 3 of the segment PID."""

    segment: str
    field: int
    component: int

    @classmethod
    def read(cls, text: str) -> "Place":
        """Read a place; without a component it is the first one. Raises ValueError."""
        found = _PLACE.fullmatch(text)
        if found is None:
            raise ValueError(text)
        return cls(found[1], int(found[2]), int(found[3] or 1))


@dataclass(frozen=True, slots=True)
class Header:
    """The segment MSH: enough of it to answer, whatever becomes of the rest. `codec` None: none that we know."""

    fields: tuple[str, ...]
    codec: str | None

    def __getitem__(self, number: int) -> str:
        """Return the text of MSH-`number` as it stands there, escapes included."""
        return self.fields[number - 1] if number <= len(self.fields) else ""

    @property
    def kind(self) -> str:
        """Return type and event, such as `ORM^O01`."""
        return self.separator.join(self[9].split(self.separator)[:2])

    @property
    def separator(self) -> str:
        """What separates components."""
        return self[2][:1] or "^"


class Segment:
    """One segment, whose values are read by their numbers."""

    def __init__(self, segment: hl7.Segment) -> None:
        self._segment = segment
        self.name = str(segment[0])

    def values(self, field: int, component: int) -> list[str]:
        """Return what a component holds in each repetition of a field, without escapes."""
        repetitions = len(self._segment(field)) if field < len(self._segment) else 0
        return [self._value(field, number, component) for number in range(1, repetitions + 1)]

    def value(self, field: int, component: int = 1) -> str:
        """Return what a component holds in the first repetition of a field; "" where there is none."""
        return next(iter(self.values(field, component)), "")

    def _value(self, field: int, repetition: int, component: int) -> str:
        found = self._segment(field)
        for number in (repetition, component, 1):
            if isinstance(found, str):  # not divided any further
                found = found if number == 1 else ""
            else:
                found = found(number) if number <= len(found) else ""
        return self._unescaped(str(found)).strip()

    def _unescaped(self, text: str) -> str:
        """Put in what separates (HL7 2.7.1); of formatting nothing is kept.

        The library would do it, and log patients' values, and repeat a blank a billion times if told to.
        """
        escape, (_, field, repetition, component, subcomponent) = self._segment.esc, self._segment.separators
        meant = {"F": field, "R": repetition, "S": component, "T": subcomponent, "E": escape}
        mark = re.escape(escape)
        return re.sub(f"{mark}([^{mark}]*){mark}", lambda found: meant.get(found[1], ""), text)


def header(raw: bytes, unnamed: str) -> Header:
    """Read the segment MSH; `unnamed`: the codec where it names none and the text is not UTF-8. Raises NoMessage."""
    first = _SEGMENT_END.split(raw.strip(b"\r\n"), 1)[0]
    if not first.startswith(b"MSH") or len(first) < len("MSH|^~\\&|"):
        raise NoMessage
    named = first.split(first[3:4])
    codec = _codec(named[17].decode("latin-1") if len(named) > 17 else "", raw, unnamed)
    text = first.decode(codec or "latin-1", errors="replace")
    return Header(("|" if text[3] == "|" else text[3], *text.split(text[3])[1:]), codec)


def _codec(named: str, raw: bytes, unnamed: str) -> str | None:
    """Return the codec; text in an eight-bit alphabet is hardly ever UTF-8 by chance."""
    wanted = named.partition("~")[0].strip().upper()
    if wanted:
        return _CODECS.get(wanted)
    try:
        raw.decode("utf-8")
    except UnicodeDecodeError:
        return unnamed
    return "utf-8"


def segments(raw: bytes, codec: str | None, wanted: Collection[str]) -> list[Segment]:
    """Read those segments that are wanted, in their order; MSH always. Raises Unreadable."""
    lines = [line for line in _SEGMENT_END.split(raw.strip(b"\r\n")) if line[:3].decode("latin-1") in {"MSH", *wanted}]
    if sum(map(len, lines)) > _MOST_BYTES:
        raise Unreadable(_TOO_LONG, "102")
    try:
        text = b"\r".join(lines).decode(codec or "")
    except (LookupError, UnicodeDecodeError):
        raise Unreadable(_NOT_THE_LETTERS, "102") from None
    begin = _BEGIN.match(text)
    if begin is None or len(set(begin.groups())) != len(begin.groups()):
        raise Unreadable(_BROKEN, "102")
    try:
        return [Segment(segment) for segment in hl7.parse(text)]
    except (hl7.HL7Exception, LookupError, ValueError):
        raise Unreadable(_BROKEN, "102") from None
