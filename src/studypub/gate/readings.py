"""Reads text whatever its sender declared: declarations of character sets lie."""

import codecs
import re
import warnings
from collections.abc import Iterable, Iterator
from itertools import pairwise
from typing import Final

from pydicom.charset import convert_encodings, decode_bytes, python_encoding

SINGLE_BYTE: Final = ("cp1251", "koi8-r", "iso-8859-5", "cp866", "latin-1")
"""What Russian and Western senders write, declared or not."""

_USUAL: Final = frozenset({"ascii", "utf-8", "iso8859-1", *(codecs.lookup(name).name for name in SINGLE_BYTE)})
_ESCAPE: Final = re.compile(rb"\x1b[\x20-\x2f]+[\x30-\x7e]")
_UNPRINTABLE: Final = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_MIXED: Final = re.compile("[A-Za-z\xc0-\xff][а-яёА-ЯЁ]|[а-яёА-ЯЁ][A-Za-z\xc0-\xff]")
_COMMONEST: Final = "оеаинтсрвлкмдпуяыьгзбчйхжшюцщэфъё"
_WEIGHT: Final = {letter: len(_COMMONEST) - place for place, letter in enumerate(_COMMONEST)}


def readings(raw: bytes, declared: str) -> list[str]:
    """Return the texts that the bytes may stand for, the likeliest first; `declared` is SpecificCharacterSet."""
    if raw.isascii() and b"\x1b" not in raw:
        return [raw.decode("ascii")]
    best = sorted(_single_byte(raw), key=_likelihood, reverse=True)
    return list(dict.fromkeys([*_utf8(raw), *_declared(raw, declared), *best]))


def likely(raw: bytes, declared: str) -> list[str]:
    """Return only the readings that make sense: UTF-8 where it is valid, what is declared, the two best of the rest."""
    found = readings(raw, declared)
    if found[0].isascii() or _utf8(raw):
        return found[:1]
    best = sorted(_single_byte(raw), key=_likelihood, reverse=True)[:2]
    return list(dict.fromkeys([*_declared(raw, declared), *best]))


def unusual(raw: bytes, declared: str) -> Iterator[tuple[str, str]]:
    """Yield the declared character sets that are not of the usual ones, and the text by each."""
    for term in declared.split("\\"):
        encoding = python_encoding.get(term.strip(), "ascii")
        if codecs.lookup(encoding).name not in _USUAL:
            yield from ((encoding, text) for text in _declared(raw, declared))


def _utf8(raw: bytes) -> list[str]:
    try:
        return [raw.decode("utf-8")] if b"\x1b" not in raw else []
    except UnicodeDecodeError:
        return []


def _declared(raw: bytes, declared: str) -> list[str]:
    """Return the text by the declared character sets, code extensions included (PS3.5 6.1.2.5)."""
    terms = [term.strip() for term in declared.split("\\")]
    if b"\x1b" in raw:
        with warnings.catch_warnings(action="ignore"):
            return [decode_bytes(raw, convert_encodings(terms), set(b"^=\\"))]
    return list(_tried(raw, [python_encoding[term] for term in terms if term in python_encoding]))


def _single_byte(raw: bytes) -> list[str]:
    return list(_tried(_ESCAPE.sub(b"", raw), SINGLE_BYTE))


def _tried(raw: bytes, encodings: Iterable[str]) -> Iterator[str]:
    for encoding in encodings:
        try:
            yield raw.decode(encoding)
        except (UnicodeDecodeError, LookupError):
            continue


def _likelihood(text: str) -> float:
    """Rate a text by how Russian, or how Western, its letters are."""
    foreign = [letter for letter in text if ord(letter) > 127]
    russian = sum(_WEIGHT.get(letter.lower(), -10) for letter in foreign)
    swapped = sum(a.islower() and b.isupper() for a, b in pairwise(text))
    return russian - 40 * len(_MIXED.findall(text)) - 20 * swapped - 40 * len(_UNPRINTABLE.findall(text))
