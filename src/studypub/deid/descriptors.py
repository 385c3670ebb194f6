"""Rebuilds descriptions from a closed vocabulary: known words stay, in their order; everything else goes."""

import re
from collections.abc import Iterator
from functools import cache
from typing import Final

from pydicom.charset import python_encoding
from pydicom.dataset import Dataset

from studypub.deid import elements, tables
from studypub.deid.field import Context, Field, Rule, removed

_SPECIFIC_CHARACTER_SET: Final = 0x00080005
# Names of people in the same object: no part of one passes, even if it is a word of the vocabulary.
_NAMES: Final = (0x00100010, 0x00080090, 0x00081048, 0x00081050, 0x00081060, 0x00081070, 0x00321032)

# Senders declare one character set and write another; the one whose reading knows most words is right.
_GUESSES: Final = ("cp1251", "iso8859_5", "koi8_r", "cp866", "latin_1")
_ESCAPE: Final = re.compile(rb"\x1b[\x20-\x2f]+[\x30-\x7e]")

_WORD: Final = re.compile(r"[wW]/[wW]?[oO]|[вВ]/[вВ]|[^\W_]+(?:\.\d+[^\W\d_]*)?[*+]?")
# Measures and settings: 2.5, 3mm, b800, TE 80; and reconstruction kernels: B30f, Br40, FC08.
_MEASURE: Final = re.compile(
    r"\d\.\d{1,2}|\d{1,2}\.0|\d{1,2}(\.\d{1,2})?(mm|мм)|b(0|50|[1-9]00|1[0-5]00|2000)|[BDHIJQTU][a-z]?\d\d[a-z]?|FC\d\d"
)
_NOTHING: Final = frozenset({"", "no", "none", "нет", "without", "без"})


def descriptor(instead: str = "", *, otherwise: Rule = removed) -> Rule:
    """Return a rule that keeps known words; for a value that has none, `instead` is written or `otherwise` asked."""

    def rule(field: Field, value: bytes, source: Dataset, context: Context) -> bytes | None:
        text = clean(value, source, context) or (instead if _says_something(value) else "")
        limit = 16 if field.vr == "SH" else 64
        return text[:limit].rstrip().encode() if text else otherwise(field, value, source, context)

    return rule


def clean(value: bytes, source: Dataset, context: Context) -> str:
    """Return the known words of a text, in whatever character set it came."""
    names = context.names(_names)
    declared = _declared(source) or _declared(context.root)
    best = max((_known(reading, names) for reading in _readings(value, declared)), key=len, default=[])
    text = " ".join(best)
    return text[:1].upper() + text[1:]


def readings(source: Dataset, tag: int) -> list[str]:
    """Return an attribute's text in every way that its bytes may be read."""
    found = elements.value(source, tag, "LO")
    return [] if found is None else list(_readings(found[1], _declared(source)))


def _says_something(value: bytes) -> bool:
    return value.strip(b" \0").lower().decode("cp1251", "replace") not in _NOTHING


def _known(text: str, names: frozenset[str]) -> list[str]:
    matches = (match for match in _WORD.finditer(text) if not _is_initial(match) and not _is_part_of_date(match))
    found = (_canonical(match[0]) for match in matches)
    known = [word for word in found if word and word.lower() not in names]
    return known if any(len(word) > 1 for word in known) else []


def _is_initial(match: re.Match[str]) -> bool:
    """Tell the initial of a name from a preposition of one letter."""
    return len(match[0]) == 1 and (match[0].isupper() or match.string[match.end() :].startswith("."))


def _is_part_of_date(match: re.Match[str]) -> bool:
    """Tell a day and month, or a time, from a measure: more digits follow its point, or come before it."""
    before, after = match.string[: match.start()], match.string[match.end() :]
    return bool(re.match(r"[.:]\d", after) or re.search(r"\d[.:]\Z", before))


def _canonical(word: str) -> str | None:
    return _vocabulary().get(word.lower()) or (word if _MEASURE.fullmatch(word) else None)


def _readings(value: bytes, declared: list[str]) -> Iterator[str]:
    """Yield the text under the declared character sets, then under those that senders use undeclared.

    Bytes beyond ASCII that are whole UTF-8 are nothing else.
    """
    plain = _ESCAPE.sub(b"", value)
    for encoding in ("utf_8", *declared, *_GUESSES):
        try:
            yield plain.decode(encoding)
        except (UnicodeDecodeError, LookupError):
            continue
        if encoding == "utf_8":
            return


def _declared(source: Dataset) -> list[str]:
    terms = elements.string(source, _SPECIFIC_CHARACTER_SET).split("\\")
    return [python_encoding[term.strip()] for term in terms if term.strip() in python_encoding]


def _names(root: Dataset) -> frozenset[str]:
    tags = {*_NAMES, *(int(element.tag) for element in root.values() if element.VR == "PN")}
    found = [elements.value(root, tag, "PN") for tag in tags]
    texts = [reading for value in found if value for reading in _readings(value[1], _declared(root))]
    return frozenset(word.lower() for text in texts for word in _WORD.findall(text))


@cache
def vocabulary() -> frozenset[str]:
    """Return every word that a cleaned description may hold, in lower case."""
    return frozenset(word.lower() for pair in _vocabulary().items() for word in pair)


@cache
def _vocabulary() -> dict[str, str]:
    """Return the words: lower case -> as written."""
    lines = (line for line in tables.text("vocabulary.txt").splitlines() if not line.startswith("#"))
    return {word.lower(): _spelled(word) for line in lines for word in line.split()}


def _spelled(word: str) -> str:
    """Return abbreviations of sequences and planes in capitals, as radiologists write them."""
    return word.upper() if re.fullmatch(r"[a-z]*\d[a-z0-9*+]*", word) else word
