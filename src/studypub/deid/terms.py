"""Rules for closed vocabularies: a term that the Standard (or our own list) knows passes, no other word does."""

import re
import struct
from collections.abc import Sequence
from typing import Final

from pydicom.datadict import dictionary_has_tag
from pydicom.dataset import Dataset

from studypub.deid.field import Context, Field, Rule
from studypub.deid.pseudonyms import WELL_KNOWN

# Written where an attribute must have a value and the one received is not known. The first that the list has, else
# UNKNOWN: better a term outside the list than a false statement.
_NEUTRAL: Final = ("UNKNOWN", "UNDEFINED", "UNSPECIFIED", "OTHER")
# Written at positions of ImageType and FrameType that must be there (PS3.3 C.8.16.1).
_MADE_UP: Final = {2: b"OTHER", 3: b"NONE"}


class Terms:
    """A list of terms; finds a term whatever its case, and gives the list's spelling."""

    def __init__(self, words: Sequence[str]) -> None:
        self._spelling = {word.upper().encode(): word.encode() for word in reversed(words)}

    def find(self, value: bytes) -> bytes | None:
        """Return the term, or None."""
        return self._spelling.get(value.strip(b" \0").upper())

    def neutral(self) -> bytes:
        """Return what may stand for any value."""
        return next((word.encode() for word in _NEUTRAL if self.find(word.encode())), b"UNKNOWN")


def one_of(terms: Terms, *, all_or_none: bool) -> Rule:
    """Return a rule that passes known terms; of several values the unknown ones go, or all."""

    def rule(_field: Field, value: bytes, _source: Dataset, _context: Context) -> bytes | None:
        found = [terms.find(part) for part in value.split(b"\\")]
        known = [term for term in found if term is not None]
        return None if not known or (all_or_none and None in found) else b"\\".join(known)

    return rule


def pattern(expression: str) -> Rule:
    """Return a rule that passes values of which each, or none, is written as the expression says."""
    compiled = re.compile(expression.encode())

    def rule(_field: Field, value: bytes, _source: Dataset, _context: Context) -> bytes | None:
        parts = [part.strip(b" \0") for part in value.split(b"\\")]
        return b"\\".join(parts) if all(compiled.fullmatch(part) for part in parts) else None

    return rule


def by_position(positions: Sequence[Terms]) -> Rule:
    """Return a rule for ImageType and FrameType: each position has its terms (PS3.3 C.7.6.1.1.2)."""

    def rule(_field: Field, value: bytes, _source: Dataset, _context: Context) -> bytes | None:
        parts = value.split(b"\\")
        known = [terms.find(part) for terms, part in zip(positions, parts, strict=False)]
        if None in known[:2]:
            return None
        kept = [term or _MADE_UP.get(index, b"") for index, term in enumerate(known)]
        while len(kept) > 2 and (not kept[-1] or (known[len(kept) - 1] is None and len(parts) != 4)):
            kept.pop()
        return b"\\".join(kept)

    return rule


def registered(_field: Field, value: bytes, _source: Dataset, _context: Context) -> bytes | None:
    """Pass UIDs of the Standard's registry."""
    value = value.strip(b" \0")
    return value if value and all(part in WELL_KNOWN for part in value.split(b"\\")) else None


def pointers(_field: Field, value: bytes, _source: Dataset, _context: Context) -> bytes | None:
    """Pass pointers to attributes of the Standard."""
    tags = [(group << 16) | element for group, element in struct.iter_unpack("<HH", value[: len(value) // 4 * 4])]
    return value if len(value) % 4 == 0 and all(dictionary_has_tag(tag) for tag in tags) else None
